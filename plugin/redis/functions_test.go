package redis_test

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
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/redis"
	"github.com/vitrine-wasm/vitrine/plugin/redis/server"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var update = flag.Bool("update", false, "write FUNCTIONS.md")

// served are the packages that the plugin serves, and the folder of each in the reference.
var served = []struct {
	of        *surface.Surface
	reference string
}{{surface.SpinRedis2, "fermyon-spin@2.0.0"}, {surface.SpinRedis3, "spin-redis@3.0.0"}}

// guest is an instance of a component of testdata/surface, which calls the plugin's functions with a test's values.
type guest struct {
	t    *testing.T
	of   *surface.Surface
	inst *component.Instance
	seen *outcomes
}

// outcomes are what was seen of each function. Safe for concurrent use.
type outcomes struct {
	mu  sync.Mutex
	all map[string]map[string]bool
}

// plugin is one with the backend of programs.
func plugin() *redis.Plugin {
	return redis.New().AddType(server.Type(), func(_ context.Context, config any) (redis.Backend, error) {
		return server.New(config.(server.Config))
	})
}

// instantiate links a component with the plugin under some grants. lines are what operators are told.
func instantiate(t *testing.T, of *surface.Surface, grants map[string]workload.StoreGrant, lines host.LogSink) *component.Instance {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(filepath.Join("..", "..", strings.TrimSuffix(filepath.FromSlash(of.File), "t")+"sm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(t.Context(), "surface", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := engine.NewLinker(nil)
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{Redis: grants}}}}
	release, err := plugin().Bind(t.Context(), l, &host.Binding{Workload: w, Component: &w.Components[0], Lines: host.NewLines(w, &w.Components[0], lines)})
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(inst.Close(context.Background()), linked.Close(context.Background())); err != nil {
			t.Error(err)
		}
		release()
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return inst
}

// call calls a function of the interface and gives its result, or the payload of its error. The outcome has to be want: "ok", or the name of the error's
// case.
func (g *guest) call(want, function string, args ...any) any {
	g.t.Helper()
	set, err := g.of.Load("../..")
	if err != nil {
		g.t.Fatal(err)
	}
	id, export := wit.InterfaceID{}, ""
	for _, i := range set.Packages[0].Interfaces {
		if i.ID.Interface != "redis" {
			continue
		}
		id = i.ID
		for _, f := range i.AllFuncs() {
			if f.Name == function {
				export = surface.Name(f)
			}
		}
	}
	if name, ok := strings.CutPrefix(function, "drop of "); ok {
		export = "drop-" + name
	}
	v, err := g.inst.Call(g.t.Context(), surface.Interface(id)+"#"+export, args...)
	outcome := "ok"
	var fail *cm.ResultError[any]
	switch {
	case errors.As(err, &fail):
		e := fail.Value.(cm.Variant)
		v, outcome = e.Value, e.Case
	case err != nil:
		g.t.Fatalf("%s: %v", function, err)
	}
	if outcome != want {
		g.t.Fatalf("%s%v: %s, %v; wanted %s", function, args[min(1, len(args)):], outcome, v, want)
	}
	if g.seen == nil {
		return v
	}
	g.seen.mu.Lock()
	defer g.seen.mu.Unlock()
	name := id.String() + "#" + function
	if g.seen.all[name] == nil {
		g.seen.all[name] = map[string]bool{}
	}
	test, _, _ := strings.Cut(g.t.Name(), "/")
	g.seen.all[name][outcome+": "+test] = true
	return v
}

// want compares a result as text.
func (g *guest) want(got any, want string) {
	g.t.Helper()
	if text := show(got); text != want {
		g.t.Errorf("got %s, wanted %s", text, want)
	}
}

// show is a value as text: bytes as theirs, an option as its value or none, a case as its name and its payload.
func show(v any) string {
	switch x := v.(type) {
	case []byte:
		return string(x)
	case cm.Variant:
		return strings.TrimSuffix(x.Case+" "+show(x.Value), " none")
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
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Invalid:
		return "none"
	}
	return fmt.Sprint(v)
}

func text(s string) cm.Variant { return cm.Variant{Case: "binary", Value: []byte(s)} }

func number(n int64) cm.Variant { return cm.Variant{Case: "int64", Value: n} }

// TestFunctions calls every function of both interfaces through the boundary of a component, on a real server, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	s := servers.StartRedis(t)
	seen := &outcomes{all: map[string]map[string]bool{}}
	for n, sv := range served {
		t.Run(filepath.Base(sv.of.File), func(t *testing.T) {
			address := "redis://" + s.Addr
			g := &guest{t, sv.of, instantiate(t, sv.of, map[string]workload.StoreGrant{
				address: {Type: "redis", Config: server.Config{URL: address}},
				"down":  {Type: "redis", Config: server.Config{URL: "redis://127.0.0.1:1"}},
			}, &lines{}), seen}
			functions(g, fmt.Sprintf("%s/%d", address, n))
		})
	}
	if !t.Failed() && flag.Lookup("test.run").Value.String() == "" {
		compareTable(t, seen)
	}
}

func functions(g *guest, address string) {
	g.call("invalid-address", "[static]connection.open", "no address")
	g.call("invalid-address", "[static]connection.open", "redis://127.0.0.1:2")
	c := g.call("ok", "[static]connection.open", address)
	down := g.call("ok", "[static]connection.open", "down")

	g.want(g.call("ok", "[method]connection.get", c, "k"), "none")
	g.call("ok", "[method]connection.set", c, "k", []byte{0, 255, 'x'})
	g.want(g.call("ok", "[method]connection.get", c, "k"), "\x00\xffx")
	g.call("ok", "[method]connection.set", c, "k", []byte{})
	g.want(g.call("ok", "[method]connection.get", c, "k"), "")
	g.want(g.call("ok", "[method]connection.incr", c, "n"), "1")
	g.want(g.call("ok", "[method]connection.incr", c, "n"), "2")
	g.call("type-error", "[method]connection.incr", c, "k")
	g.call("ok", "[method]connection.set", c, "max", []byte("9223372036854775807"))
	g.call("type-error", "[method]connection.incr", c, "max")
	g.want(g.call("ok", "[method]connection.sadd", c, "s", []string{"a", "b", "a"}), "2")
	g.want(g.call("ok", "[method]connection.sadd", c, "s", []string{"b", "c"}), "1")
	g.want(g.call("ok", "[method]connection.sadd", c, "s", []string{}), "0")
	members := g.call("ok", "[method]connection.smembers", c, "s").([]string)
	slices.Sort(members)
	g.want(members, "[a, b, c]")
	g.want(g.call("ok", "[method]connection.smembers", c, "nothing"), "[]")
	g.call("type-error", "[method]connection.smembers", c, "n")
	g.call("type-error", "[method]connection.get", c, "s")
	g.call("type-error", "[method]connection.sadd", c, "n", []string{"a"})
	g.call("type-error", "[method]connection.srem", c, "n", []string{"a"})
	g.want(g.call("ok", "[method]connection.srem", c, "s", []string{"a", "x"}), "1")
	g.want(g.call("ok", "[method]connection.srem", c, "s", []string{}), "0")
	g.want(g.call("ok", "[method]connection.del", c, []string{"k", "x", "max"}), "2")
	g.want(g.call("ok", "[method]connection.del", c, []string{}), "0")
	g.call("ok", "[method]connection.publish", c, "channel", []byte("x"))
	execute(g, c)

	for function, args := range map[string][]any{
		"publish": {"c", []byte("x")}, "get": {"k"}, "set": {"k", []byte("x")}, "incr": {"k"}, "del": {[]string{"k"}}, "sadd": {"k", []string{"x"}},
		"smembers": {"k"}, "srem": {"k", []string{"x"}}, "execute": {"PING", []any{}},
	} {
		g.want(g.call("other", "[method]connection."+function, append([]any{down}, args...)...), "the server cannot be reached")
	}
	g.call("ok", "drop of connection", c)
	g.call("ok", "drop of connection", down)
}

// execute: commands with each type of answer, those that are refused, and those that fail.
func execute(g *guest, c any) {
	run := func(want, command string, args ...any) any {
		g.t.Helper()
		if args == nil {
			args = []any{}
		}
		return g.call(want, "[method]connection.execute", c, command, args)
	}
	g.want(run("ok", "PING"), "[status PONG]")
	g.want(run("ok", "set", text("e"), number(-5)), "[status OK]")
	g.want(run("ok", "GET", text("e")), "[binary -5]")
	g.want(run("ok", "GET", text("none")), "[nil]")
	g.want(run("ok", "INCRBY", text("e"), number(7)), "[int64 2]")
	g.want(run("ok", "RPUSH", text("l"), text("a"), text("\xff"), text("")), "[int64 3]")
	g.want(run("ok", "LRANGE", text("l"), number(0), number(-1)), "[binary a, binary \xff, binary ]")
	g.want(run("ok", "LRANGE", text("nothing"), number(0), number(-1)), "[]")
	g.want(run("ok", "MGET", text("e"), text("none")), "[binary 2, nil]")
	g.want(run("ok", "EVAL", text("return {1,{'a',{2}},{},redis.status_reply('fine')}"), number(0)), "[int64 1, binary a, int64 2, status fine]")
	g.want(run("ok", "XREAD", text("STREAMS"), text("block"), text("0")), "[nil]")
	g.call("type-error", "[method]connection.execute", c, "LPUSH", []any{text("e"), text("x")})
	for command, want := range map[string]string{
		"NOSUCH": "ERR unknown command", "GET": "ERR wrong number of arguments", "BLPOP": "the command BLPOP is refused: it waits", "select": "SELECT is refused: it changes the connection",
		"CONFIG": "CONFIG is refused: it administers the server", "": "the command is refused: it has no name", "GET x": "the command is refused", " AUTH": "refused", "AUTH\n": "refused",
		"subscribe": "refused", "MULTI": "refused", "SHUTDOWN": "refused", "Client": "refused",
	} {
		if had := fmt.Sprint(run("other", command)); !strings.Contains(had, want) {
			g.t.Errorf("%q: %s, wanted %s", command, had, want)
		}
	}
	g.want(run("other", "xread", text("Block"), number(0), text("STREAMS"), text("s"), text("$")),
		"the command XREAD with BLOCK is refused: it waits in the server, and keeps a connection; ask again instead")
	g.want(run("ok", "PING"), "[status PONG]") // the connection is as it was
}

// compareTable compares what was seen with FUNCTIONS.md.
func compareTable(t *testing.T, seen *outcomes) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Written by go test ./plugin/redis -update from what the tests see. DO NOT EDIT. -->\n\n# The functions for Redis and their tests\n\n" +
		"Every function as the tests call it, through the boundary of a component (testdata/surface), on a real server; where an outcome\n" +
		"stands, the test asserts it. Handlers of messages are the business of `trigger/redis`.\n")
	for _, s := range served {
		set, err := s.of.Load("../..")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range set.Packages[0].Interfaces {
			if slices.Contains(s.of.Exported, i.ID.String()) {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n| function | what was seen, and where |\n|---|---|\n", i.ID)
			functions := []string{}
			for _, f := range i.AllFuncs() {
				functions = append(functions, f.Name)
			}
			for _, f := range append(functions, "drop of connection") {
				outcomes := slices.Sorted(maps.Keys(seen.all[i.ID.String()+"#"+f]))
				if !slices.ContainsFunc(outcomes, func(o string) bool { return strings.HasPrefix(o, "ok: ") }) {
					t.Errorf("%s was not seen to succeed", f)
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", f, strings.Join(outcomes, "; "))
			}
		}
	}
	if *update {
		if err := os.WriteFile("FUNCTIONS.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile("FUNCTIONS.md"); err != nil || string(old) != b.String() {
		t.Errorf("FUNCTIONS.md is not what the tests have seen (go test -update writes it): %v\n%s", err, b.String())
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
					if strings.Contains(i.ID.Interface, "redis") {
						*to = append(*to, i.ID.String()+"\n"+i.Print())
					}
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(had)
	if !slices.Equal(want, had) || len(had) != 3 {
		t.Errorf("%s\nwanted %s", had, want)
	}
	var interfaces []string
	for _, id := range plugin().Serves() {
		interfaces = append(interfaces, id.String())
	}
	if !slices.Equal(interfaces, []string{"fermyon:spin/redis@2.0.0", "spin:redis/redis@3.0.0", "fermyon:spin/redis-types"}) {
		t.Errorf("serves %v", interfaces)
	}
}

// lines collects what operators are told.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Log(_ context.Context, line host.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line.Text)
}

// TestGrants: a component reaches the servers that its grants name, by their names or addresses, with its own login where the grant has none; for others it gets
// invalid-address, and operators a line that has no login.
func TestGrants(t *testing.T) {
	s := servers.StartRedis(t, "--requirepass", "planted-password", "--user", "ada", "on", ">planted-ada", "~ada*", "+@all")
	t.Setenv("REDIS_PASSWORD", "planted-password")
	url := "redis://" + s.Addr
	granted := server.Config{URL: url, Password: workload.Secret{Env: "REDIS_PASSWORD"}}
	for _, c := range []struct {
		address string
		grants  map[string]workload.StoreGrant
		want    string // the outcome of open, and of set where that is ok
		line    string
	}{
		{url, nil, "invalid-address", `add "` + url + `": {redis: URL} to grants.redis of component c`},
		{"redis://ada:planted-ada@other", nil, "invalid-address", `add "redis://other:6379": {redis: URL}`},
		{"planted-name", nil, "invalid-address", `add NAME: {redis: URL}`},
		{"redis://ada:planted@@[/", nil, "invalid-address", `add NAME: {redis: URL}`},
		{url + "?protocol=3", map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "invalid-address", ""},
		{"rediss://" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "invalid-address", "rediss://"},
		{"cache", map[string]workload.StoreGrant{"cache": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://cache:1/3", map[string]workload.StoreGrant{"redis://cache:1": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://CACHE:1/3", map[string]workload.StoreGrant{"redis://cache:1/3": {Type: "redis", Config: granted}}, "ok", ""},
		{"redis://cache:1", map[string]workload.StoreGrant{"redis://cache:1/3": {Type: "redis", Config: granted}}, "invalid-address", ""},
		{url, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "other", ""},
		{"redis://ada:planted-ada@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "ok", ""},
		{"redis://ada:planted-wrong@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: url}}}, "other", ""},
		{"redis://ada:planted-wrong@" + s.Addr, map[string]workload.StoreGrant{url: {Type: "redis", Config: granted}}, "ok", ""},
	} {
		t.Run(c.address, func(t *testing.T) {
			told := &lines{}
			g := &guest{t: t, of: surface.SpinRedis2, inst: instantiate(t, surface.SpinRedis2, c.grants, told)}
			if c.want == "invalid-address" {
				g.call(c.want, "[static]connection.open", c.address)
			} else {
				conn := g.call("ok", "[static]connection.open", c.address)
				v := g.call(c.want, "[method]connection.set", conn, "ada-key", []byte("x"))
				if strings.Contains(fmt.Sprint(v), "planted") {
					t.Error(v)
				}
			}
			all := strings.Join(told.all, "\n")
			if !strings.Contains(all, c.line) || strings.Contains(all, "planted") || (c.want == "invalid-address") != (len(told.all) == 1) {
				t.Errorf("operators are told %s", all)
			}
		})
	}
}

// TestDatabases: the database is that of the address, unless the grant's URL has one.
func TestDatabases(t *testing.T) {
	s := servers.StartRedis(t)
	url := "redis://" + s.Addr
	for _, c := range []struct {
		grant string
		want  int
	}{{url, 3}, {url + "/", 3}, {url + "/0", 0}, {url + "/5", 5}} {
		g := &guest{t: t, of: surface.SpinRedis2, inst: instantiate(t, surface.SpinRedis2, map[string]workload.StoreGrant{url: {Type: "redis", Config: server.Config{URL: c.grant}}}, &lines{})}
		conn := g.call("ok", "[static]connection.open", url+"/3")
		key := "of " + c.grant
		g.call("ok", "[method]connection.set", conn, key, []byte("x"))
		client := goredis.NewClient(&goredis.Options{Addr: s.Addr, DB: c.want})
		if n, err := client.Exists(t.Context(), key).Result(); err != nil || n != 1 {
			t.Errorf("%s: not in database %d, %v", c.grant, c.want, err)
		}
		_ = client.Close()
	}
}

// TestNames: names of grants that are addresses with a user, or no addresses of Redis, are refused.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"cache": true, "redis://a": true, "redis://a:1/3": true, "rediss://[::1]:6379": true, "redis://ada@a": false, "redis://ada:planted@a": false, "http://a": false, "redis://": false,
		"redis://a:0": false, "redis://a:70000": false, "redis://a/x": false, "redis://a/-1": false, "redis://a/1/2": false,
	} {
		if err := redis.CheckName(name); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
