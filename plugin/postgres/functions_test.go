package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/postgres"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

func TestMain(m *testing.M) {
	code := m.Run()
	servers.StopShared()
	os.Exit(code)
}

// served are the packages that the plugin serves, the folder of each in the reference with its interfaces, and the test of its functions.
var served = []struct {
	of        *surface.Surface
	reference string
	only      []string // interfaces of the package; nil: all
	test      func(g *guest)
}{
	{surface.SpinPostgres2, "fermyon-spin@2.0.0", []string{"postgres", "rdbms-types"}, testSpin2},
	{surface.SpinPostgres3, "spin-postgres@3.0.0", nil, testSpin3},
	{surface.SpinPostgres4, "spin-postgres@4.2.0", nil, testSpin4},
	{surface.WasmcloudPostgres, "wasmcloud-postgres@0.2.0", nil, testWasmcloud},
}

// guest is an instance of a component of testdata/surface, which calls the plugin's functions with a test's values.
type guest struct {
	t        *testing.T
	of       *surface.Surface
	set      *wit.Set
	server   *servers.Postgres
	database string
	lines    *[]string
	engine   *component.Engine
	inst     *component.Instance
	seen     map[string]map[string]bool // outcomes of functions
	cases    map[string]bool            // "sent int8", "got int8"
}

// TestFunctions calls every function of every interface through the boundary of a component, with every case of its values, on a real
// server, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	server := servers.SharedPostgres(t)
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	seen := map[string]map[string]bool{}
	for _, s := range served {
		t.Run(filepath.Base(s.of.File), func(t *testing.T) {
			set, err := s.of.Load("../..")
			if err != nil {
				t.Fatal(err)
			}
			g := &guest{t: t, of: s.of, set: set, server: server, database: server.Database(t), lines: &[]string{}, engine: engine, seen: seen, cases: map[string]bool{}}
			g.inst = g.instantiate(engine, grants(t, server, g.database))
			s.test(g)
			g.checkCases()
		})
	}
	if !t.Failed() && flag.Lookup("test.run").Value.String() == "" {
		compareTable(t, seen)
	}
}

// grants are those of the tests: default, with the password of the grant's; every address of the server, with the guest's login; and a
// server that is not there.
func grants(t *testing.T, server *servers.Postgres, database string) map[string]workload.StoreGrant {
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

// pgxConfig is the config of the tests' grants.
type pgxConfig = pgx.Config

func plugin() *postgres.Plugin {
	return postgres.New().AddType(pgx.Type(), func(_ context.Context, config any) (postgres.Backend, error) { return pgx.New(config.(pgx.Config)) })
}

// lineSink keeps the lines for operators.
type lineSink struct{ lines *[]string }

// Log implements host.LogSink.
func (s lineSink) Log(_ context.Context, l host.LogLine) { *s.lines = append(*s.lines, l.Text) }

func (g *guest) instantiate(engine *component.Engine, grants map[string]workload.StoreGrant) *component.Instance {
	g.t.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(g.of.File), "t")+"sm"))
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := engine.Load(g.t.Context(), "surface", wasm)
	if err != nil {
		g.t.Fatal(err)
	}
	l := engine.NewLinker(nil)
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Postgres: grants}}}}
	release, err := plugin().Bind(g.t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0], Lines: host.NewLines(w, &w.Components[0], lineSink{g.lines})})
	if err != nil {
		g.t.Fatal(err)
	}
	linked, err := l.Link(g.t.Context(), c)
	if err != nil {
		g.t.Fatal(err)
	}
	inst, err := linked.Instantiate(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			g.t.Error(err)
		}
		release()
	})
	return inst
}

// call calls "interface#function" and gives its result, or the payload of its error. The outcome has to be want: "ok", or the name of
// the error's case.
func (g *guest) call(want, name string, args ...any) any {
	g.t.Helper()
	iface, function, _ := strings.Cut(name, "#")
	id := g.set.Packages[0].Interfaces[0].ID
	id.Interface = iface
	export, isDrop := strings.CutPrefix(function, "drop of ")
	if isDrop {
		export = "drop-" + export
	} else {
		export = g.export(id, function)
	}
	v, err := g.inst.Call(g.t.Context(), surface.Interface(id)+"#"+export, args...)
	outcome := "ok"
	var fail *cm.ResultError[any]
	switch {
	case errors.As(err, &fail):
		e := fail.Value.(cm.Variant)
		v, outcome = e.Value, e.Case
		g.cases["got error "+outcome] = true
	case err != nil:
		g.t.Fatalf("%s: %v", name, err)
	}
	if outcome != want {
		g.t.Fatalf("%s: %s, %s; wanted %s", name, outcome, show(v), want)
	}
	key := id.String() + "#" + function
	if g.seen[key] == nil {
		g.seen[key] = map[string]bool{}
	}
	g.seen[key][outcome] = true
	return v
}

func (g *guest) export(id wit.InterfaceID, function string) string {
	g.t.Helper()
	for _, i := range g.set.Packages[0].Interfaces {
		for _, f := range i.AllFuncs() {
			if i.ID == id && f.Name == function {
				return surface.Name(f)
			}
		}
	}
	g.t.Fatalf("%s has no function %s", id, function)
	return ""
}

func (g *guest) want(got any, want string) {
	g.t.Helper()
	if text := show(got); text != want {
		g.t.Errorf("got  %s\nwant %s", text, want)
	}
}

// show is a value as text: a case with its payload, records by the names of their fields.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return fmt.Sprintf("%q", v)
	case string:
		return v
	case cm.Variant:
		if v.Value == nil {
			return v.Case
		}
		return v.Case + "(" + show(v.Value) + ")"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+":"+show(v[k]))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return "none"
		}
		return show(r.Elem().Interface())
	case reflect.Slice:
		var parts []string
		for i := range r.Len() {
			parts = append(parts, show(r.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
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
	return show(cm.Variant{Case: v.tag, Value: v.v})
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
	if g.t.Failed() {
		return
	}
	for _, i := range g.set.Packages[0].Interfaces {
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
						g.t.Errorf("%s: seen %v, excused %v", w+l, g.cases[w+l], excused)
					}
				}
			}
		}
	}
}

// compareTable compares what was seen with FUNCTIONS.md.
func compareTable(t *testing.T, seen map[string]map[string]bool) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Written by go test ./plugin/postgres -update from what the tests see. DO NOT EDIT. -->\n\n# The functions of PostgreSQL databases and their tests\n\n" +
		"Every function as TestFunctions calls it, through the boundary of a component (testdata/surface), on a PostgreSQL server; where an outcome\n" +
		"stands, the test asserts it. Every case of parameters, values and errors was sent and seen, but for those that the test lists with their reason.\n")
	for _, s := range served {
		set, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range set.Packages[0].Interfaces {
			var functions []string
			for _, f := range i.AllFuncs() {
				functions = append(functions, f.Name)
			}
			for _, r := range i.Types {
				if r.Kind == wit.Resource {
					functions = append(functions, "drop of "+r.Name)
				}
			}
			if len(functions) == 0 {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen |\n|---|---|\n", i.ID)
			for _, f := range functions {
				name := i.ID.String() + "#" + f
				if !seen[name]["ok"] {
					t.Errorf("%s was not seen to succeed", name)
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", f, strings.Join(slices.Sorted(maps.Keys(seen[name])), ", "))
			}
		}
	}
	if *update {
		if err := os.WriteFile("FUNCTIONS.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile("FUNCTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != b.String() {
		t.Errorf("FUNCTIONS.md is not what the tests have seen (go test -update writes it):\n%s", b.String())
	}
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) {
	dir := testref.WIT(t)
	var want, had []string
	for _, s := range served {
		reference, err := wit.Load(filepath.Join(dir, s.reference))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for to, set := range map[*[]string]*wit.Set{&want: reference, &had: ours} {
			for _, p := range set.Packages {
				p.StripDocs()
				for _, i := range p.Interfaces {
					if s.only == nil || slices.Contains(s.only, i.ID.Interface) {
						*to = append(*to, i.ID.String()+"\n"+i.Print())
					}
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(had)
	if !slices.Equal(want, had) {
		t.Errorf("the reference has\n%s\n\nhere is\n%s", strings.Join(want, "\n"), strings.Join(had, "\n"))
	}
	var interfaces []string
	for _, id := range plugin().Serves() {
		interfaces = append(interfaces, id.String())
	}
	slices.Sort(interfaces)
	for i, text := range had {
		had[i], _, _ = strings.Cut(text, "\n")
	}
	if !slices.Equal(interfaces, had) {
		t.Errorf("serves %v, wanted %v", interfaces, had)
	}
}
