package postgres_test

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/functions"
)

// oldValues are those that all versions of Spin's interfaces have.
var oldValues = []value{
	{"boolean", true, "bool", ""}, {"boolean", false, "bool", ""},
	{"int8", int8(-128), `"char"`, ""}, {"int8", int8(65), `"char"`, ""}, {"int8", int8(-5), "int2", "int16(-5)"},
	{"int16", int16(-32768), "int2", ""}, {"int32", int32(-2147483648), "int4", ""}, {"int64", int64(-9223372036854775808), "int8", ""}, {"int32", int32(7), "int8", "int64(7)"},
	{"floating32", float32(1.1), "float4", ""}, {"floating64", 1.7976931348623157e308, "float8", ""}, {"floating64", 0.1, "float8", ""}, {"floating64", -5e-324, "float8", ""},
	{"str", "ä 'x' \\ \"y\" NULL", "text", ""}, {"str", "", "varchar", ""}, {"str", "abc", "char(5)", "str(abc  )"}, {"str", "n", "name", ""},
	{"binary", []byte{0, 255, '\''}, "bytea", ""}, {"binary", []byte{}, "bytea", ""},
	{"db-null", nil, "int4", ""}, {"db-null", nil, "_text", ""},
}

func testOld(g *guest, values []value) (connection any) {
	address := g.server.Address(g.database)
	g.Call("connection-failed", "postgres#[static]connection.open", "other")
	g.Call("connection-failed", "postgres#[static]connection.open", "down")
	g.Call("connection-failed", "postgres#[static]connection.open", "postgres://u:planted@127.0.0.2:5432/planted?sslmode=disable")
	lines := g.told.All()
	g.Want(lines[len(lines)-1], `postgres://127.0.0.2:5432 is not granted; to allow it, add "postgres://127.0.0.2:5432": {postgres: URL} to grants.postgres of component c`)
	for _, l := range lines {
		if strings.Contains(l, "planted") {
			g.T.Error(l)
		}
	}
	wrong := strings.Replace(address, g.server.Password, "planted", 1)
	g.Want(g.Call("connection-failed", "postgres#[static]connection.open", wrong), "the database cannot be reached (SQLSTATE 28P01)")
	pairs := "host=127.0.0.1 port=" + address[strings.LastIndex(address, ":")+1:strings.LastIndex(address, "/")] + " user=postgres password='" + g.server.Password + "' dbname=" + g.database
	for _, a := range []string{address, pairs} {
		c := g.Call("ok", "postgres#[static]connection.open", a)
		g.Call("ok", "postgres#drop of connection", c)
	}
	c := g.Call("ok", "postgres#[static]connection.open", "default")
	for _, v := range values {
		out := g.Call("ok", "postgres#[method]connection.query", c, v.statement(), g.sent(&v)).(map[string]any)
		rows := out["rows"].([][]cm.Variant)
		for _, col := range out["columns"].([]map[string]any) {
			switch t := col["data-type"].(type) {
			case string:
				g.cases["type "+t] = true
			case cm.Variant:
				g.cases["type "+t.Case] = true
			}
		}
		if got := functions.Show(g.noted(rows[0][0])); got != v.wanted() {
			g.T.Errorf("%s as %s: got %s, wanted %s", v.tag, v.cast, got, v.wanted())
		}
	}
	g.Want(g.Call("ok", "postgres#[method]connection.execute", c, "CREATE TABLE t (i int UNIQUE, s text)", []any{}), "0")
	g.Want(g.Call("ok", "postgres#[method]connection.execute", c, "INSERT INTO t VALUES (1, 'a'), (2, NULL)", []any{}), "2")
	g.Want(g.Call("ok", "postgres#[method]connection.query", c, "SELECT * FROM t WHERE i > $1 ORDER BY i", []any{cm.Variant{Case: "int32", Value: int32(0)}}),
		"{columns:[{data-type:int32 name:i} {data-type:str name:s}] rows:[[int32(1) str(a)] [int32(2) db-null]]}")
	g.Want(g.Call("ok", "postgres#[method]connection.query", c, "SELECT 1 WHERE false", []any{}), "{columns:[{data-type:int32 name:?column?}] rows:[]}")
	g.Call("bad-parameter", "postgres#[method]connection.query", c, "SELECT $1::int", []any{})
	g.Call("bad-parameter", "postgres#[method]connection.execute", c, "SELECT 1", []any{"db-null"})
	g.Call("query-failed", "postgres#[method]connection.execute", c, "SELEKT", []any{})
	g.Call("query-failed", "postgres#[method]connection.query", c, "SELECT 1\x00", []any{})
	g.Call("value-conversion-failed", "postgres#[method]connection.query", c, "SELECT '{{1,2},{3,4}}'::int[]", []any{})
	// A transaction is the connection's own, and its end.
	g.Call("ok", "postgres#[method]connection.execute", c, "BEGIN", []any{})
	g.Call("ok", "postgres#[method]connection.execute", c, "DELETE FROM t", []any{})
	g.Call("ok", "postgres#drop of connection", c)
	c = g.Call("ok", "postgres#[static]connection.open", "default")
	g.Want(g.Call("ok", "postgres#[method]connection.query", c, "SELECT count(*) FROM t", []any{}), "{columns:[{data-type:int64 name:count}] rows:[[int64(2)]]}")
	return c
}

func testSpin2(g *guest) {
	c := testOld(g, append(oldValues,
		value{"uint8", uint8(255), "int2", "int16(255)"}, value{"uint16", uint16(65535), "int4", "int32(65535)"}, value{"uint32", uint32(4294967295), "int8", "int64(4294967295)"},
		value{"uint64", uint64(18446744073709551615), "numeric::text", "str(18446744073709551615)"}, value{"str", "2020-01-02", "date", "unsupported"}))
	g.Call("ok", "postgres#drop of connection", c)
}

// times are those that versions 3 and 4 have.
var times = []value{
	{"date", []any{int32(2024), uint8(2), uint8(29)}, "date", ""}, {"date", []any{int32(-43), uint8(3), uint8(15)}, "date", ""}, {"date", []any{int32(5874897), uint8(12), uint8(31)}, "date", ""},
	{"date", []any{int32(-43), uint8(3), uint8(15)}, "$1::date::text", "str(0044-03-15 BC)"},
	{"time", []any{uint8(23), uint8(59), uint8(58), uint32(123456000)}, "time", ""},
	{"datetime", []any{int32(1999), uint8(12), uint8(31), uint8(23), uint8(59), uint8(59), uint32(999999000)}, "timestamp", ""},
	{"datetime", []any{int32(2024), uint8(7), uint8(1), uint8(12), uint8(0), uint8(0), uint32(0)}, "timestamptz", ""},
	{"datetime", []any{int32(2024), uint8(7), uint8(1), uint8(12), uint8(0), uint8(0), uint32(0)}, "extract(epoch FROM $1::timestamptz)::text", "str(1719835200.000000)"},
	{"timestamp", int64(-1), "timestamptz", "datetime([1969 12 31 23 59 59 0])"}, {"timestamp", int64(1719835200), "timestamp", "datetime([2024 7 1 12 0 0 0])"},
	{"str", "(1,2)", "point", "unsupported"},
}

func testSpin3(g *guest) {
	c := testOld(g, append(append([]value{}, oldValues...), times...))
	testTimes(g, c)
	g.Call("ok", "postgres#drop of connection", c)
}

func testTimes(g *guest, c any) {
	for _, d := range [][]any{{int32(2023), uint8(2), uint8(29)}, {int32(2023), uint8(13), uint8(1)}, {int32(2023), uint8(0), uint8(1)}} {
		g.Call("bad-parameter", "postgres#[method]connection.query", c, "SELECT $1::date", []any{cm.Variant{Case: "date", Value: d}})
	}
	g.Call("bad-parameter", "postgres#[method]connection.query", c, "SELECT $1::time", []any{cm.Variant{Case: "time", Value: []any{uint8(24), uint8(0), uint8(1), uint32(0)}}})
	g.Call("bad-parameter", "postgres#[method]connection.query", c, "SELECT $1::timestamptz", []any{cm.Variant{Case: "timestamp", Value: int64(1) << 62}})
	g.Call("value-conversion-failed", "postgres#[method]connection.query", c, "SELECT 'infinity'::date", []any{})
	g.Call("value-conversion-failed", "postgres#[method]connection.query", c, "SELECT '-infinity'::timestamptz", []any{})
	// The session's settings do not change what values are.
	g.Call("ok", "postgres#[method]connection.execute", c, "SET DateStyle = 'SQL, DMY'", []any{})
	g.Call("ok", "postgres#[method]connection.execute", c, "SET TimeZone = 'Asia/Tokyo'", []any{})
	g.Call("ok", "postgres#[method]connection.execute", c, "SET extra_float_digits = -15", []any{})
	for _, v := range append(append([]value{}, times...), value{"floating64", 0.123456789012345, "float8", ""}) {
		out := g.Call("ok", "postgres#[method]connection.query", c, v.statement(), g.sent(&v)).(map[string]any)
		if got := functions.Show(out["rows"].([][]cm.Variant)[0][0]); got != v.wanted() && !strings.Contains(v.cast, "text") && v.want != "unsupported" {
			g.T.Errorf("%s as %s with other settings: got %s, wanted %s", v.tag, v.cast, got, v.wanted())
		}
	}
}

func ptr[T any](v T) *T { return &v }

func bound[T any](v T, kind string) *[]any { return &[]any{v, kind} }

var none *[]any

// newValues are those of version 4.
var newValues = []value{
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid", ""}, {"jsonb", []byte(`{"a": [1, null]}`), "jsonb", ""},
	{"decimal", "123456789012345678901234567890.123456789", "numeric", ""}, {"decimal", "NaN", "numeric", ""},
	{"range-int32", []any{bound(int32(1), "inclusive"), bound(int32(5), "exclusive")}, "int4range", ""},
	{"range-int32", []any{bound(int32(1), "exclusive"), none}, "int4range", "range-int32([[2 inclusive] none])"},
	{"range-int32", []any{bound(int32(1), "exclusive"), bound(int32(1), "exclusive")}, "int4range", "range-int32([[0 exclusive] [0 exclusive]])"},
	{"range-int64", []any{none, bound(int64(1<<40), "exclusive")}, "int8range", ""},
	{"range-decimal", []any{bound("1.50", "exclusive"), bound("2", "inclusive")}, "numrange", ""}, {"range-decimal", []any{none, none}, "numrange", ""},
	{"range-decimal", []any{bound("1", "exclusive"), bound("1", "exclusive")}, "numrange", "range-decimal([[0 exclusive] [0 exclusive]])"},
	{"array-int32", []*int32{ptr(int32(1)), nil, ptr(int32(-3))}, "_int4", ""}, {"array-int32", []*int32{}, "_int4", ""},
	{"array-int64", []*int64{ptr(int64(1) << 62), nil}, "_int8", ""}, {"array-decimal", []*string{ptr("1.50"), nil, ptr("NaN")}, "_numeric", ""},
	{"array-str", []*string{ptr(""), nil, ptr("NULL"), ptr(`a "b" \c, {d}`), ptr("ä")}, "_text", ""}, {"array-str", []*string{ptr("x")}, "_varchar", ""},
	{"array-str", []*string{ptr("x")}, "_bpchar", ""},
	{"interval", map[string]any{"micros": int64(-1000001), "days": int32(3), "months": int32(-14)}, "interval", ""},
	{"interval", map[string]any{"micros": int64(9007199254740993), "days": int32(-3), "months": int32(14)}, "interval", ""},
	{"str", "10.0.0.1", "inet", `unsupported("\x02 \x00\x04\n\x00\x00\x01")`}, {"str", "x", "$1::mood", `unsupported("x")`},
	{"str", "[2:3]={1,2}", "$1::int4[]", "array-int32([1 2])"},
}

func testSpin4(g *guest) {
	g.server.SQL(g.T, g.database, "CREATE TYPE mood AS ENUM ('x')")
	values := append(append([]value{}, oldValues...), newValues...)
	for _, v := range times {
		if v.want == "unsupported" {
			v.want = `unsupported("?\xf0\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00")`
		}
		values = append(values, v)
	}
	c := testOld(g, values)
	g.Want(g.Call("query-failed", "postgres#[method]connection.execute", c, "INSERT INTO t VALUES (1)", []any{}).(cm.Variant).Value.(map[string]any)["code"], "23505")
	e := g.Call("query-failed", "postgres#[method]connection.query", c, "INSERT INTO t VALUES (1)", []any{}).(cm.Variant).Value.(map[string]any)
	g.Want(e["severity"], "ERROR")
	g.Want(e["message"], `duplicate key value violates unique constraint "t_i_key"`)
	g.Want(e["detail"], "Key (i)=(1) already exists.")
	g.Want(e["as-text"], "ERROR: duplicate key value violates unique constraint \"t_i_key\"\nDETAIL: Key (i)=(1) already exists.")
	if !strings.Contains(functions.Show(e["extras"]), "[constraint_name t_i_key]") {
		g.T.Error(functions.Show(e["extras"]))
	}
	for _, p := range []cm.Variant{
		{Case: "uuid", Value: "planted"}, {Case: "jsonb", Value: []byte("{")}, {Case: "decimal", Value: "1,5"}, {Case: "decimal", Value: "0x1p3"}, {Case: "array-decimal", Value: []*string{ptr("x")}},
		{Case: "range-decimal", Value: []any{bound("x", "inclusive"), none}},
	} {
		g.Call("bad-parameter", "postgres#[method]connection.query", c, "SELECT $1", []any{p})
	}
	testTimes(g, c)
	testSpinAsync(g, c)
	testBuilder(g)
}

func testSpinAsync(g *guest, c any) {
	stream := func(sql string) []any {
		return g.Call("ok", "postgres#[method]connection.query-async", c, sql, []any{}).([]any)
	}
	take := func(parts []any, most uint32) (rows int, last string) {
		list := g.Plain("surface:values/streams#take-row", parts[1], most).([][]cm.Variant)
		if len(list) > 0 {
			last = functions.Show(list[len(list)-1])
		}
		return len(list), last
	}
	end := func(parts []any) string {
		v, err := g.Inst.Call(g.T.Context(), "surface:values/streams#await-postgres", parts[2])
		if err != nil {
			return err.Error()
		}
		return functions.Show(v)
	}
	a := stream("SELECT i FROM generate_series(1, 100) AS i")
	g.Want(a[0], "[{data-type:int32 name:i}]")
	if n, last := take(a, 1000); n != 100 || last != "[int32(100)]" {
		g.T.Error(n, last)
	}
	g.Want(end(a), "none")
	// The next statement need not wait until the guest has read the rows of the one before, and the connection may be dropped before that.
	b := stream("SELECT i FROM generate_series(1, 100) AS i")
	d := stream("SELECT i FROM generate_series(1, 200) AS i")
	g.Want(g.Call("ok", "postgres#[method]connection.execute-async", c, "UPDATE t SET s = 'x'", []any{}), "2")
	// One that fails on its way says so at its end.
	f := stream("SELECT 1 / (3000 - i) FROM generate_series(1, 5000) AS i")
	n, _ := take(f, 10000)
	if e := end(f); n != 2999 || !strings.Contains(e, "query-failed") || !strings.Contains(e, "22012") {
		g.T.Error(n, e)
	}
	early := stream("SELECT repeat('x', 100) FROM generate_series(1, 100000) AS i")
	if n, _ := take(early, 3); n != 3 {
		g.T.Error(n)
	}
	g.Call("query-failed", "postgres#[method]connection.query-async", c, "SELEKT", []any{})
	g.Call("bad-parameter", "postgres#[method]connection.execute-async", c, "SELECT $1::int", []any{})
	last := stream("SELECT i FROM generate_series(1, 300) AS i")
	g.Call("ok", "postgres#drop of connection", c)
	for _, s := range []struct {
		parts []any
		n     int
	}{{d, 200}, {b, 100}, {last, 300}} {
		if n, _ := take(s.parts, 1000); n != s.n {
			g.T.Error(n)
		}
		g.Want(end(s.parts), "none")
	}
	o := g.Call("ok", "postgres#[static]connection.open-async", "default")
	g.Call("ok", "postgres#drop of connection", o)
	g.Call("connection-failed", "postgres#[static]connection.open-async", "other")
}

func testBuilder(g *guest) {
	b := g.Call("ok", "postgres#[constructor]connection-builder", "default")
	g.Call("bad-parameter", "postgres#[method]connection-builder.set-ca-root", b, "planted")
	for _, f := range []string{"build", "build-async"} {
		c := g.Call("ok", "postgres#[method]connection-builder."+f, b)
		g.Want(g.Call("ok", "postgres#[method]connection.query", c, "SELECT 1 AS a", []any{}), "{columns:[{data-type:int32 name:a}] rows:[[int32(1)]]}")
		g.Call("ok", "postgres#drop of connection", c)
	}
	g.Call("ok", "postgres#[method]connection-builder.set-ca-root", b, certificate(g.T))
	g.Call("connection-failed", "postgres#[method]connection-builder.build", b) // the server has no TLS
	g.Call("connection-failed", "postgres#[method]connection-builder.build-async", b)
	g.Call("ok", "postgres#drop of connection-builder", b)
}
