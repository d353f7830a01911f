package sqlite_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite"
	"github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves.
func table() *functions.Table {
	return &functions.Table{
		Plugin: "plugin/sqlite", Title: "The functions of SQLite databases and their tests", On: "in memory and in a file",
		Served: []functions.Served{
			{Of: surface.SpinSQLite2, Reference: "fermyon-spin@2.0.0", Only: []string{"sqlite"}, Test: testConnection},
			{Of: surface.SpinSQLite3, Reference: "spin-sqlite@3.1.0", Test: testSpin3},
		},
	}
}

func plugin() *sqlite.Plugin {
	return sqlite.New(local.NewMemory(0)).AddType(local.Type(), func(ctx context.Context, config any) (sqlite.Backend, error) {
		return local.OpenFile(ctx, config.(local.Config))
	})
}

// TestFunctions calls every function of every interface through the boundary of a component, on both backends, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	engine := functions.Engine(t)
	tb := table()
	for name, grant := range map[string]workload.StoreGrant{
		"memory": {Backend: "memory"},
		"file":   {Type: "file", Config: local.Config{Path: filepath.Join(t.TempDir(), "data.db")}, Data: "keep"},
	} {
		tb.Run(t, name, engine, functions.Plugin(plugin(), workload.Component{Grants: workload.Grants{SQLite: map[string]workload.StoreGrant{"default": grant}}}))
	}
	tb.Compare(t, nil)
}

const execute = "sqlite#[method]connection.execute"

// values are one of each type, as parameters.
func values() []cm.Variant {
	return []cm.Variant{
		{Case: "integer", Value: int64(-1 << 63)}, {Case: "real", Value: 0.5}, {Case: "text", Value: "\u00e4\x00"}, {Case: "blob", Value: []byte{0, 255}}, {Case: "null"},
	}
}

// rowOf is a list of one row with these values, as text.
func rowOf(values []cm.Variant) string { return "[{values:" + functions.Show(values) + "}]" }

// testConnection calls what both interfaces have.
func testConnection(g *functions.Guest) {
	g.Call("no-such-database", "sqlite#[static]connection.open", "other")
	c := g.Call("ok", "sqlite#[static]connection.open", "default")
	run := func(want, statement string, values ...cm.Variant) any {
		g.T.Helper()
		if values == nil {
			values = []cm.Variant{}
		}
		return g.Call(want, execute, c, statement, values)
	}
	result := func(v any, columns, rows string) {
		g.T.Helper()
		r := v.(map[string]any)
		g.Want(r["columns"], columns)
		g.Want(r["rows"], rows)
	}
	result(run("ok", "CREATE TABLE IF NOT EXISTS t (a, b, c, d, e)"), "[]", "[]")
	run("ok", "DELETE FROM t")
	run("ok", "INSERT INTO t VALUES (?, ?, ?, ?, ?)", values()...)
	result(run("ok", "SELECT * FROM t"), "[a b c d e]", rowOf(values()))
	result(run("ok", "SELECT a FROM t WHERE 0"), "[a]", "[]")
	result(run("ok", "SELECT ?1 AS x UNION ALL SELECT 2", cm.Variant{Case: "integer", Value: int64(1)}), "[x]", "[{values:[integer(1)]} {values:[integer(2)]}]")
	for statement, want := range map[string]string{
		"SELEKT": "syntax error", "SELECT * FROM none": "no such table: none", "SELECT ?": "the statement has 1 parameters, and there are 0 values",
	} {
		if why := run("io", statement).(string); !strings.Contains(why, want) {
			g.T.Errorf("%s: %s, wanted %s", statement, why, want)
		}
	}
	// What is not committed goes with the connection.
	run("ok", "BEGIN")
	run("ok", "DELETE FROM t")
	g.Call("ok", "sqlite#drop of connection", c)
	c = g.Call("ok", "sqlite#[static]connection.open", "default")
	result(run("ok", "SELECT count(*) AS n FROM t"), "[n]", "[{values:[integer(1)]}]")
	g.Call("ok", "sqlite#drop of connection", c)
}

func testSpin3(g *functions.Guest) {
	testConnection(g)
	g.Call("no-such-database", "sqlite#[static]connection.open-async", "other")
	c := g.Call("ok", "sqlite#[static]connection.open-async", "default")
	run := func(want, statement string, values ...cm.Variant) any {
		g.T.Helper()
		if values == nil {
			values = []cm.Variant{}
		}
		return g.Call(want, "sqlite#[method]connection.execute-async", c, statement, values)
	}
	// take reads so many rows of a result, which has to end without an error.
	take := func(v any, most uint32) any {
		g.T.Helper()
		parts := v.([]any)
		rows := g.Plain("surface:values/streams#take-row-result", parts[1], most)
		g.Plain("surface:values/streams#await-sqlite", parts[2])
		return rows
	}
	count := func(rows any) int { return strings.Count(fmt.Sprint(rows), "values:") }

	for _, f := range []string{"last-insert-rowid", "last-insert-rowid-async", "changes", "changes-async"} {
		g.Want(g.Call("ok", "sqlite#[method]connection."+f, c), "0")
	}
	take(run("ok", "CREATE TABLE IF NOT EXISTS n (i INTEGER PRIMARY KEY); DELETE FROM n"), 1)
	take(run("ok", "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 500) INSERT INTO n SELECT i FROM s"), 1)
	for _, f := range []string{"last-insert-rowid", "last-insert-rowid-async", "changes", "changes-async"} {
		g.Want(g.Call("ok", "sqlite#[method]connection."+f, c), "500")
	}
	first, second := run("ok", "SELECT i FROM n ORDER BY i"), run("ok", "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", values()...)
	g.Want(second.([]any)[0], "[a b c d e]")
	g.Want(take(second, 9), rowOf(values()))
	if n := count(take(first, 1000)); n != 500 { // the next statement has not waited for them
		g.T.Errorf("%d rows", n)
	}
	if n := count(take(run("ok", "SELECT i FROM n ORDER BY i"), 3)); n != 3 { // the guest drops the rest
		g.T.Errorf("%d rows", n)
	}
	if why := run("io", "SELEKT").(string); !strings.Contains(why, "syntax error") {
		g.T.Error(why)
	}
	g.Call("ok", "sqlite#drop of connection", c)
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	table().Reference(t, plugin().Serves())
	// Components of 3.0.0 are served what 3.1.0 has: each of its functions is there, with the same signature.
	signatures := func(version string) map[string]string {
		set, err := wit.Load(filepath.Join(testref.WIT(t), "spin-sqlite@"+version))
		if err != nil {
			t.Fatal(err)
		}
		set.Packages[0].StripDocs()
		out := map[string]string{}
		for _, line := range strings.Split(set.Packages[0].Interfaces[0].Print(), "\n") {
			out[strings.TrimSpace(line)] = version
		}
		return out
	}
	old, now := signatures("3.0.0"), signatures("3.1.0")
	maps.DeleteFunc(old, func(line, _ string) bool { return now[line] != "" })
	if len(old) > 0 {
		t.Errorf("only in 3.0.0: %v", old)
	}
}
