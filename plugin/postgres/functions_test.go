package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/workload"
)

func TestMain(m *testing.M) {
	code := m.Run()
	servers.StopShared()
	os.Exit(code)
}

// table is of the packages that the plugin serves.
func table() *functions.Table {
	return &functions.Table{
		Plugin: "plugin/postgres", Title: "The functions of PostgreSQL databases and their tests", On: "on a PostgreSQL server",
		Note: "\nEvery case of parameters, values and errors was sent and seen, but for those that the test lists with their reason.",
		Served: []functions.Served{
			{Of: surface.SpinPostgres2, Reference: "fermyon-spin@2.0.0", Only: []string{"postgres", "rdbms-types"}},
			{Of: surface.SpinPostgres3, Reference: "spin-postgres@3.0.0"},
			{Of: surface.SpinPostgres4, Reference: "spin-postgres@4.2.0"},
			{Of: surface.WasmcloudPostgres, Reference: "wasmcloud-postgres@0.2.0"},
		},
	}
}

// tests are those of the packages.
var tests = map[*surface.Surface]func(g *guest){
	surface.SpinPostgres2: testSpin2, surface.SpinPostgres3: testSpin3, surface.SpinPostgres4: testSpin4, surface.WasmcloudPostgres: testWasmcloud,
}

// guest is one with a database of its own, that notes the cases of values.
type guest struct {
	*functions.Guest
	of       *surface.Surface
	server   *servers.Postgres
	database string
	told     *functions.Lines
	cases    map[string]bool // "sent int8", "got int8"
}

// TestFunctions calls every function of every interface through the boundary of a component, with every case of its values, on a real
// server, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	server := servers.SharedPostgres(t)
	engine := functions.Engine(t)
	tb := table()
	for _, s := range tb.Served {
		t.Run(s.Reference, func(t *testing.T) {
			g := &guest{of: s.Of, server: server, database: server.Database(t), told: &functions.Lines{}, cases: map[string]bool{}}
			g.Guest = tb.Guest(t, engine, s.Of, link(grants(t, server, g.database), g.told))
			tests[s.Of](g)
			g.checkCases()
		})
	}
	tb.Compare(t, nil)
}

// grants are those of the tests: default, with the password of the grant's; every address of the server, with the guest's login; and a
// server that is not there.
func grants(t testing.TB, server *servers.Postgres, database string) map[string]workload.StoreGrant {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(server.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]workload.StoreGrant{
		"default":                   {Type: "postgres", Config: pgx.Config{URL: server.URL(database), Password: workload.Secret{File: file}}},
		"postgres://" + server.Addr: {Type: "postgres", Config: pgx.Config{URL: "postgres://" + server.Addr}},
		"down":                      {Type: "postgres", Config: pgx.Config{URL: "postgres://u@127.0.0.1:1/d"}},
	}
}

func plugin() *postgres.Plugin {
	return postgres.New().AddType(pgx.Type(), func(_ context.Context, config any) (postgres.Backend, error) { return pgx.New(config.(pgx.Config)) })
}

// link is the plugin under some grants.
func link(grants map[string]workload.StoreGrant, told *functions.Lines) functions.Link {
	return functions.Plugin(plugin(), workload.Component{Grants: workload.Grants{Postgres: grants}}, told)
}

// Call is [functions.Guest.Call]. It notes the error's case.
func (g *guest) Call(want, name string, args ...any) any {
	g.T.Helper()
	v := g.Guest.Call(want, name, args...)
	if want != "ok" {
		g.cases["got error "+want] = true
	}
	return v
}

// value is a value that goes to the server as a parameter, is cast there, and comes back.
type value struct {
	tag  string
	v    any
	cast string // the type that the parameter has, and what else is done with it: int4, or a whole expression with $1
	want string // as show has it; empty: what was sent
}

func (v *value) statement() string {
	if strings.Contains(v.cast, "$1") {
		return "SELECT " + v.cast
	}
	return "SELECT $1::" + v.cast
}

// noted notes which case has come.
func (g *guest) noted(v any) any {
	if c, ok := v.(cm.Variant); ok {
		g.cases["got "+c.Case] = true
	}
	return v
}

func (g *guest) sent(v *value) []any {
	g.cases["sent "+v.tag] = true
	return []any{cm.Variant{Case: v.tag, Value: v.v}}
}

func (v *value) wanted() string {
	if v.want != "" {
		return v.want
	}
	return functions.Show(cm.Variant{Case: v.tag, Value: v.v})
}

// never are the cases that do not come from the server, with the reason: those of Spin's interfaces, and of wasmCloud's, which has several
// names for one type.
var never = map[bool]map[string]string{
	true: {
		"got uint8": unsigned, "got uint16": unsigned, "got uint32": unsigned, "got uint64": unsigned, "got timestamp": "comes as datetime",
		"type uint8": unsigned, "type uint16": unsigned, "type uint32": unsigned, "type uint64": unsigned, "type timestamp": "comes as datetime",
		"got error other": "is for limits of the host",
	},
	false: {
		"got big-int": "comes as int8", "got big-serial": "comes as int8", "got serial8": "comes as int8", "got boolean": "comes as bool", "got double": "comes as float8",
		"got real": "comes as float4", "got integer": "comes as int4", "got int": "comes as int4", "got decimal": "comes as numeric", "got serial": "comes as int4",
		"got serial4": "comes as int4", "got small-int": "comes as int2", "got small-serial": "comes as int2", "got serial2": "comes as int2", "got bit-varying": "comes as varbit",
		"got error other": "is for limits of the host",
	},
}

const unsigned = "PostgreSQL has no unsigned integers"

// checkCases fails for a case of values, types of columns or errors that was not seen.
func (g *guest) checkCases() {
	if g.T.Failed() {
		return
	}
	set, err := g.of.Load(testref.Root())
	if err != nil {
		g.T.Fatal(err)
	}
	for _, i := range set.Packages[0].Interfaces {
		for _, typ := range i.Types {
			var what []string
			switch typ.Name {
			case "parameter-value":
				what = []string{"sent "}
			case "db-value":
				what = []string{"got "}
			case "pg-value":
				what = []string{"sent ", "got "}
			case "db-data-type":
				what = []string{"type "}
			case "error":
				what = []string{"got error "}
			}
			var labels []string
			for _, c := range typ.Cases {
				labels = append(labels, c.Name)
			}
			for _, w := range what {
				for _, l := range labels {
					_, excused := never[g.of != surface.WasmcloudPostgres][w+l]
					if excused == g.cases[w+l] {
						g.T.Errorf("%s: seen %v, excused %v", w+l, g.cases[w+l], excused)
					}
				}
			}
		}
	}
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table().Reference(t, plugin().Serves()) }

// TestNames: a grant's name that has a login is refused, and is not in the error.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"orders": true, "postgres://db": true, "postgres://db:5432/orders": true, "postgres://me@db": false, "postgresql://me:planted@db/orders": false, "postgres://db:0": false,
	} {
		if err := postgres.CheckName(name); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{
		Postgres: map[string]workload.StoreGrant{"postgres://me:planted@db": {Type: "postgres", Config: pgx.Config{URL: "postgres://db"}}},
	}}}}
	_, err := plugin().Bind(t.Context(), functions.Engine(t).NewLinker(nil), &host.Binding{Workload: w, Component: &w.Components[0]})
	if err == nil || !strings.HasPrefix(err.Error(), "grants.postgres: a name: ") || strings.Contains(err.Error(), "planted") {
		t.Errorf("bound with a login in a name: %v", err)
	}
}
