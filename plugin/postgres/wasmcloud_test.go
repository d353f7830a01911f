package postgres_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/tlstest"
)

// certificate is one in PEM.
func certificate(t testing.TB) string {
	t.Helper()
	file, _ := tlstest.Write(t, t.TempDir(), "db", "localhost")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// number is a number of floating point by its mantissa, exponent and sign.
func number(f float64) []any {
	fraction, exponent := math.Frexp(math.Abs(f))
	s := int8(1)
	if math.Signbit(f) {
		s = -1
	}
	if f == 0 {
		return []any{uint64(0), int16(-1075), s}
	}
	return []any{uint64(math.Ldexp(fraction, 53)), int16(exponent - 53), s}
}

// single is that of a number with 32 bits.
func single(f float64) []any {
	n := number(f)
	return []any{n[0].(uint64) >> 29, n[1].(int16) + 29, n[2]}
}

func at(x, y float64) []any { return []any{number(x), number(y)} }

func ymd(y int32, m, d uint32) cm.Variant { return cm.Variant{Case: "ymd", Value: []any{y, m, d}} }

func hms(h, m, s, us uint32) map[string]any {
	return map[string]any{"hour": h, "min": m, "sec": s, "micro": us}
}

func interval(from any, fromIn bool, to any, toIn bool) map[string]any {
	return map[string]any{"start": from, "start-inclusive": fromIn, "end": to, "end-inclusive": toIn}
}

func bytesOf(text string) []any { return []any{uint32(len(text)), []byte(text)} }

func varyingOf(text string) []any { return []any{(*uint32)(nil), []byte(text)} }

func lexeme(data string, position any, weight any) map[string]any {
	return map[string]any{"data": data, "position": position, "weight": weight}
}

// infinity has the parts of a number of floating point that is infinite.
var infinity = []any{uint64(1 << 52), int16(0x7ff - 1075), int8(-1)}

var (
	mac6    = map[string]any{"bytes": []any{uint8(8), uint8(0), uint8(43), uint8(1), uint8(2), uint8(255)}}
	mac8    = map[string]any{"bytes": []any{uint8(8), uint8(0), uint8(43), uint8(1), uint8(2), uint8(3), uint8(4), uint8(255)}}
	noon    = map[string]any{"date": ymd(2024, 7, 1), "time": hms(12, 0, 0, 5)}
	eternal = map[string]any{"date": cm.Variant{Case: "positive-infinity"}, "time": hms(0, 0, 0, 0)}
)

// wasmcloudValues are all cases of pg-value.
var wasmcloudValues = []value{
	{"null", nil, "text", ""},
	{"big-int", int64(math.MinInt64), "int8", "int8(-9223372036854775808)"}, {"int8", int64(math.MaxInt64), "int8", ""}, {"int8-array", []int64{1, -2}, "_int8", ""},
	{"big-serial", int64(1), "int8", "int8(1)"}, {"serial8", int64(2), "int8", "int8(2)"},
	{"bool", true, "bool", ""}, {"boolean", false, "bool", "bool(false)"}, {"bool-array", []bool{true, false}, "_bool", ""},
	{"double", number(0.1), "float8", "float8(" + functions.Show(number(0.1)) + ")"}, {"float8", number(-1.5e300), "float8", ""}, {"float8", number(0), "float8", ""}, {"float8", infinity, "float8", ""},
	{"float8", []any{uint64(1<<52 + 1), int16(0x7ff - 1075), int8(1)}, "$1::float8::text", "text(NaN)"}, {"float8-array", []any{number(1), number(-2.5)}, "_float8", ""},
	{"real", single(0.5), "float4", "float4(" + functions.Show(single(0.5)) + ")"}, {"float4", single(-3.25), "float4", ""}, {"float4-array", []any{single(1), single(8)}, "_float4", ""},
	{"float4", []any{uint64(1 << 23), int16(0xff - 150), int8(-1)}, "float4", ""}, {"float4", []any{uint64(1 << 23), int16(0xff - 150), int8(-1)}, "$1::float4::text", "text(-Infinity)"},
	{"integer", int32(-1), "int4", "int4(-1)"}, {"int", int32(2), "int4", "int4(2)"}, {"int4", int32(math.MinInt32), "int4", ""}, {"int4-array", []int32{}, "_int4", ""},
	{"numeric", "-1.50", "numeric", ""}, {"decimal", "NaN", "numeric", "numeric(NaN)"}, {"numeric-array", []string{"1", "2.50"}, "_numeric", ""},
	{"serial", uint32(7), "int4", "int4(7)"}, {"serial4", uint32(8), "int4", "int4(8)"},
	{"small-int", int16(-1), "int2", "int2(-1)"}, {"int2", int16(math.MinInt16), "int2", ""}, {"int2-array", []int16{1, 2}, "_int2", ""},
	{"int2-vector", []int16{1, 2, 3}, "int2vector", ""}, {"int2-vector-array", [][]int16{{1, 2}, {3}}, "_int2vector", ""},
	{"small-serial", int16(3), "int2", "int2(3)"}, {"serial2", int16(4), "int2", "int2(4)"},
	{"bit", []any{uint32(10), []byte{0xa5, 0x40}}, "bit(10)", ""}, {"bit-array", []any{[]any{uint32(2), []byte{0x80}}}, "bit(2)[]", ""},
	{"bit-varying", []any{ptr(uint32(3)), []byte{0xe0}}, "varbit", "varbit([3 " + functions.Show([]byte{0xe0}) + "])"}, {"varbit", []any{ptr(uint32(9)), []byte{0xff, 0x80}}, "varbit", ""},
	{"varbit-array", []any{[]any{ptr(uint32(8)), []byte{1}}}, "varbit[]", ""},
	{"bytea", []byte{0, 255}, "bytea", ""}, {"bytea-array", [][]byte{{1}, {}}, "_bytea", ""},
	{"char", bytesOf("ab"), "char(2)", ""}, {"char", bytesOf("a"), `"char"`, ""}, {"char-array", []any{bytesOf("ab"), bytesOf("cd")}, "char(2)[]", ""},
	{"varchar", varyingOf("ä"), "varchar", ""}, {"varchar-array", []any{varyingOf("a b"), varyingOf("")}, "varchar[]", ""},
	{"cidr", "10.0.0.0/8", "cidr", ""}, {"cidr-array", []string{"10.0.0.0/8", "::/0"}, "_cidr", ""}, {"inet", "10.1.2.3", "inet", ""}, {"inet-array", []string{"10.1.2.3/24", "::1"}, "_inet", ""},
	{"macaddr", mac6, "macaddr", ""}, {"macaddr-array", []any{mac6, mac6}, "_macaddr", ""}, {"macaddr8", mac8, "macaddr8", ""}, {"macaddr8-array", []any{mac8}, "_macaddr8", ""},
	{"box", []any{at(0, 0), at(1, 2)}, "box", ""}, {"box-array", []any{[]any{at(0, 0), at(1, 2)}, []any{at(-1, -1), at(0, 0)}}, "_box", ""},
	{"circle", []any{at(1, 2), number(3)}, "circle", ""}, {"circle-array", []any{[]any{at(1, 2), number(3)}}, "_circle", ""},
	{"line", []any{at(0, 1), at(1, 3)}, "line", ""}, {"line", []any{at(2, 0), at(2, 1)}, "line", ""}, {"line-array", []any{[]any{at(0, 1), at(1, 3)}}, "_line", ""},
	{"lseg", []any{at(0, 1), at(5, 3)}, "lseg", ""}, {"lseg-array", []any{[]any{at(0, 1), at(5, 3)}}, "_lseg", ""},
	{"path", []any{at(0, 0), at(1, 1), at(2, 0)}, "path", ""}, {"path-array", []any{[]any{at(0, 0), at(1, 1)}}, "_path", ""},
	{"point", at(-0.5, 1e-300), "point", ""}, {"point-array", []any{at(0, 0), at(1, 1)}, "_point", ""},
	{"polygon", []any{at(0, 0), at(1, 1), at(2, 0)}, "polygon", ""}, {"polygon-array", []any{[]any{at(0, 0), at(1, 1), at(2, 0)}}, "_polygon", ""},
	{"date", ymd(-43, 3, 15), "date", ""}, {"date", cm.Variant{Case: "positive-infinity"}, "date", ""}, {"date", cm.Variant{Case: "negative-infinity"}, "date", ""},
	{"date-array", []any{ymd(2024, 2, 29), cm.Variant{Case: "negative-infinity"}}, "_date", ""},
	{"interval", interval(ymd(2024, 1, 1), true, ymd(2024, 2, 1), false), "daterange", ""},
	{"interval", interval(ymd(2024, 1, 1), true, cm.Variant{Case: "positive-infinity"}, false), "daterange", ""},
	{"interval-array", []any{interval(ymd(2024, 1, 1), true, ymd(2024, 2, 1), false)}, "_daterange", ""},
	{"time", hms(23, 59, 58, 123456), "time", ""}, {"time-array", []any{hms(0, 0, 0, 0), hms(24, 0, 0, 0)}, "_time", ""},
	{"time-tz", map[string]any{"timesonze": "+05:30", "time": hms(1, 2, 3, 4)}, "timetz", ""}, {"time-tz", map[string]any{"timesonze": "-08", "time": hms(1, 2, 3, 4)}, "timetz", "time-tz({time:{hour:1 micro:4 min:2 sec:3} timesonze:-08:00})"},
	{"time-tz-array", []any{map[string]any{"timesonze": "+00:00", "time": hms(1, 2, 3, 4)}}, "_timetz", ""},
	{"timestamp", noon, "timestamp", ""}, {"timestamp", eternal, "timestamp", ""}, {"timestamp-array", []any{noon}, "_timestamp", ""},
	{"timestamp-tz", map[string]any{"timestamp": noon, "offset": cm.Variant{Case: "western-hemisphere-secs", Value: int32(0)}}, "timestamptz", ""},
	{"timestamp-tz", map[string]any{"timestamp": noon, "offset": cm.Variant{Case: "western-hemisphere-secs", Value: int32(4 * 3600)}}, "extract(hour FROM $1::timestamptz AT TIME ZONE 'UTC')::int", "int4(16)"},
	{"timestamp-tz", map[string]any{"timestamp": noon, "offset": cm.Variant{Case: "eastern-hemisphere-secs", Value: int32(5*3600 + 1800)}}, "($1::timestamptz AT TIME ZONE 'UTC')::time", "time({hour:6 micro:5 min:30 sec:0})"},
	{"timestamp-tz-array", []any{map[string]any{"timestamp": noon, "offset": cm.Variant{Case: "western-hemisphere-secs", Value: int32(0)}}}, "_timestamptz", ""},
	{"json", `{"a": 1}`, "json", ""}, {"json-array", []string{`{"a": "x,y"}`, "null"}, "_json", ""}, {"jsonb", `{"a": 1}`, "jsonb", ""}, {"jsonb-array", []string{`[1, 2]`, `"x"`}, "_jsonb", ""},
	{"money", "-1234.50", "money", ""}, {"money", "0.05", "money", ""}, {"money-array", []string{"1.00", "0.07"}, "_money", ""},
	{"pg-lsn", uint64(0x16B374D848), "pg_lsn", ""}, {"pg-lsn-array", []uint64{0, math.MaxUint64}, "_pg_lsn", ""},
	{"pg-snapshot", []any{int64(10), int64(20), []int64{10, 14}}, "pg_snapshot", ""}, {"pg-snapshot", []any{int64(10), int64(20), []int64{}}, "txid_snapshot", ""}, {"txid-snapshot", int64(77), "xid8", ""},
	{"name", "n", "name", ""}, {"name-array", []string{"a", "b"}, "_name", ""}, {"text", "ä", "text", ""}, {"text-array", []string{"a,b", `"`, "NULL", ""}, "_text", ""},
	{"xml", "<a>b</a>", "xml", ""}, {"xml-array", []string{"<a/>", "<b/>"}, "_xml", ""},
	{"ts-query", "'a' & 'b'", "tsquery", ""},
	{"ts-vector", []any{lexeme("a b'c", ptr(uint16(1)), ptr("A")), lexeme("a b'c", ptr(uint16(3)), ptr("D")), lexeme("x", (*uint16)(nil), (*string)(nil))}, "tsvector", ""},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid", ""}, {"uuid-array", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, "_uuid", ""},
	{"hstore", []any{[]any{"a", ptr(`x "y"`)}, []any{"b", (*string)(nil)}}, "hstore", ""},
}

func testWasmcloud(g *guest) {
	query := func(sql string, params ...any) []any {
		g.T.Helper()
		if params == nil {
			params = []any{}
		}
		return g.Call("ok", "query#query", sql, params).([]any)
	}
	take := func(parts []any) [][]cm.Variant {
		g.T.Helper()
		return g.Plain("surface:values/streams#take-row", parts[1], uint32(10000)).([][]cm.Variant)
	}
	end := func(parts []any) string {
		v, err := g.Inst.Call(g.T.Context(), "surface:values/streams#await-postgres", parts[2])
		if err != nil {
			return err.Error()
		}
		return functions.Show(v)
	}
	g.Call("ok", "query#query-batch", "CREATE TABLE t (i int UNIQUE, s text); INSERT INTO t VALUES (1, 'a'), (2, NULL)")
	if g.server.SQL(g.T, g.database, "SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'") == "1" {
		g.Call("ok", "query#query-batch", "CREATE EXTENSION hstore")
	} else {
		g.T.Error("there is no hstore; Debian's package postgresql has it")
	}
	for _, v := range wasmcloudValues {
		parts := query(v.statement(), g.sent(&v)...)
		rows := take(parts)
		if len(rows) != 1 {
			g.T.Errorf("%s as %s: %s", v.tag, v.cast, end(parts))
			continue
		}
		if got := functions.Show(g.noted(rows[0][0])); got != v.wanted() {
			g.T.Errorf("%s as %s:\ngot    %s\nwanted %s", v.tag, v.cast, got, v.wanted())
		}
	}
	parts := query("SELECT * FROM t ORDER BY i")
	g.Want(parts[0], "[i s]")
	g.Want(take(parts), "[[int4(1) text(a)] [int4(2) null]]")
	g.Want(end(parts), "none")
	late := query("SELECT 1 / (3000 - i) FROM generate_series(1, 5000) AS i")
	if n, e := len(take(late)), end(late); n != 2999 || !strings.Contains(e, "query-failed") || !strings.Contains(e, "22012") {
		g.T.Error(n, e)
	}
	for _, sql := range []string{"SELECT '1 day'::interval", "SELECT '{1,NULL}'::int[]", "SELECT '{{1},{2}}'::text[]"} {
		bad := query(sql)
		if n, e := len(take(bad)), end(bad); n != 0 || !strings.Contains(e, "value-conversion-failed") {
			g.T.Error(sql, n, e)
		}
		g.cases["got error value-conversion-failed"] = true
	}
	for _, p := range []cm.Variant{
		{Case: "bit", Value: []any{uint32(9), []byte{1}}}, {Case: "char", Value: []any{uint32(1), []byte("ab")}}, {Case: "varchar", Value: []any{ptr(uint32(1)), []byte("ab")}}, {Case: "uuid", Value: "x"},
		{Case: "json", Value: "{"}, {Case: "date", Value: ymd(2023, 2, 29)}, {Case: "date", Value: ymd(2023, 258, 1)}, {Case: "time", Value: hms(256, 0, 0, 0)}, {Case: "numeric", Value: "1e"},
	} {
		g.Call("invalid-params", "query#query", "SELECT $1", []any{p})
	}
	g.Call("invalid-params", "query#query", "SELECT $1::int", []any{})
	g.Call("invalid-query", "query#query", "SELECT \x00", []any{})
	g.Call("invalid-query", "query#query-batch", "SELECT \x00")
	g.Want(g.Call("query-failed", "query#query", "SELEKT", []any{}).(map[string]any)["code"], "42601")
	e := g.Call("query-failed", "query#query-batch", "INSERT INTO t VALUES (3); INSERT INTO t VALUES (1)").(map[string]any)
	g.Want([]any{e["code"], e["severity"], e["message"], e["detail"]}, `[23505 ERROR duplicate key value violates unique constraint "t_i_key" Key (i)=(1) already exists.]`)
	testPrepared(g)
	// Others have other grants.
	for grant, want := range map[string]string{"": "access-denied", "down": "connection-failed", "slow": "timeout"} {
		other := *g
		all := grants(g.T, g.server, g.database)
		slow := all["default"]
		c := slow.Config.(pgx.Config)
		c.Timeout = "100ms"
		slow.Config = c
		all["slow"] = slow
		all["default"] = all[grant]
		if grant == "" {
			delete(all, "default")
		}
		other.Guest = g.Again(link(all, g.told))
		other.Call(want, "query#query", "SELECT pg_sleep(1000)", []any{})
		other.Call(want, "query#query-batch", "SELECT pg_sleep(1000)")
		if grant != "slow" {
			other.Call(want, "prepared#prepare", "SELECT pg_sleep(1000)")
		}
	}
}

func testPrepared(g *guest) {
	token := g.Call("ok", "prepared#prepare", "INSERT INTO t VALUES ($1)")
	if other := g.Call("ok", "prepared#prepare", "INSERT INTO t SELECT i FROM t WHERE i > $1"); other == token {
		g.T.Error("one token for two statements")
	}
	for n := range 3 {
		g.Want(g.Call("ok", "prepared#exec", token, []any{cm.Variant{Case: "int4", Value: int32(10 + n)}}), "1")
	}
	g.Call("query-failed", "prepared#exec", token, []any{cm.Variant{Case: "int4", Value: int32(10)}})
	g.Call("invalid-params", "prepared#exec", token, []any{})
	g.Call("unknown-prepared-statement", "prepared#exec", "x", []any{})
	g.Call("query-failed", "prepared#prepare", "SELEKT")
	g.Call("invalid-query", "prepared#prepare", "SELECT \x00")
	g.Call("ok", "query#query-batch", "ALTER TABLE t ADD n int DEFAULT 7")
	g.Want(g.Call("ok", "prepared#exec", token, []any{cm.Variant{Case: "int4", Value: int32(20)}}), "1")
}
