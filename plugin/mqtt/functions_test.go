package mqtt_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/server"
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
}{{surface.SpinMQTT2, "fermyon-spin@2.0.0"}, {surface.SpinMQTT3, "spin-mqtt@3.0.0"}}

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
func plugin() *mqtt.Plugin {
	return mqtt.New().AddType(server.Type(), func(_ context.Context, config any) (mqtt.Backend, error) {
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
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "c", Grants: workload.Grants{MQTT: grants}}}}
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
	id := set.Packages[0].Interfaces[0].ID
	export := map[string]string{"[static]connection.open": "connection-open", "[method]connection.publish": "connection-publish", "drop of connection": "drop-connection"}[function]
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

// TestFunctions calls every function of both interfaces through the boundary of a component, on a real broker, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	s := servers.StartMQTT(t)
	all := listen(t, s, "#")
	seen := &outcomes{all: map[string]map[string]bool{}}
	for n, sv := range served {
		t.Run(filepath.Base(sv.of.File), func(t *testing.T) {
			g := &guest{t, sv.of, instantiate(t, sv.of, map[string]workload.StoreGrant{
				s.URL(): {Type: "mqtt", Config: server.Config{URL: s.URL()}},
				"down":  {Type: "mqtt", Config: server.Config{URL: "mqtt://127.0.0.1:1"}},
			}, &lines{}), seen}
			const open, publish = "[static]connection.open", "[method]connection.publish"
			g.call("invalid-address", open, "no address", "", "", uint64(30))
			g.call("connection-failed", open, "mqtt://127.0.0.1:2", "", "", uint64(30))
			c := g.call("ok", open, s.URL()+"?client_id=me", "", "", uint64(0))
			down := g.call("ok", open, "down", "", "", uint64(30))
			for qos, name := range []string{"at-most-once", "at-least-once", "exactly-once"} {
				topic := fmt.Sprintf("a/%d/%d b", n, qos)
				g.call("ok", publish, c, topic, []byte{0, 255, byte(qos)}, name)
				if m := next(t, all); m.Subject != topic || string(m.Body) != string([]byte{0, 255, byte(qos)}) {
					t.Errorf("%+v", m)
				}
			}
			g.call("ok", publish, c, "empty", []byte{}, "at-least-once")
			if m := next(t, all); m.Subject != "empty" || len(m.Body) != 0 {
				t.Errorf("%+v", m)
			}
			for _, topic := range []string{"", "a/#", "+", "a\x00", strings.Repeat("x", 65536)} {
				if v := g.call("other", publish, c, topic, []byte("x"), "at-least-once"); !strings.HasPrefix(fmt.Sprint(v), "the topic is invalid: ") {
					t.Error(v)
				}
			}
			if v := g.call("other", publish, c, "a", make([]byte, mqtt.MaxPayload+1), "at-most-once"); v != "the message is too large" {
				t.Error(v)
			}
			if v := g.call("connection-failed", publish, down, "a", []byte("x"), "at-most-once"); v != "the broker cannot be reached" {
				t.Error(v)
			}
			g.call("ok", "drop of connection", c)
			g.call("ok", "drop of connection", down)
		})
	}
	if !t.Failed() && flag.Lookup("test.run").Value.String() == "" {
		compareTable(t, seen)
	}
}

// listen subscribes to a filter of topics.
func listen(t *testing.T, s *servers.MQTT, filter string) messaging.Source {
	t.Helper()
	b, err := broker.Open(broker.Config{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	src, err := b.Listen(t.Context(), broker.Filter{Topic: filter, QoS: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = src.Close()
		_ = b.Close()
	})
	return src
}

func next(t *testing.T, src messaging.Source) *messaging.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := src.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d.Message()
}

// compareTable compares what was seen with FUNCTIONS.md.
func compareTable(t *testing.T, seen *outcomes) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Written by go test ./plugin/mqtt -update from what the tests see. DO NOT EDIT. -->\n\n# The functions for MQTT and their tests\n\n" +
		"Every function as the tests call it, through the boundary of a component (testdata/surface), on a real broker; where an outcome\n" +
		"stands, the test asserts it. Handlers of messages are the business of `trigger/mqtt`.\n")
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
					if strings.Contains(i.ID.Interface, "mqtt") {
						*to = append(*to, i.ID.String()+"\n"+i.Print())
					}
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(had)
	if !slices.Equal(want, had) || len(had) != 2 {
		t.Errorf("%s\nwanted %s", had, want)
	}
	var interfaces []string
	for _, id := range plugin().Serves() {
		interfaces = append(interfaces, id.String())
	}
	if !slices.Equal(interfaces, []string{"fermyon:spin/mqtt@2.0.0", "spin:mqtt/mqtt@3.0.0", "spin:mqtt-trigger/spin-mqtt-types"}) {
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

// TestGrants: a component reaches the brokers that its grants name, by their names or addresses, with its own login where the grant has none; for others it gets
// connection-failed, and operators a line that has no login.
func TestGrants(t *testing.T) {
	s := servers.StartMQTT(t, "me", "planted-me", "ada", "planted-ada")
	t.Setenv("MQTT_PASSWORD", "planted-me")
	url := s.URL()
	granted := workload.StoreGrant{Type: "mqtt", Config: server.Config{URL: url, Username: "me", Password: workload.Secret{Env: "MQTT_PASSWORD"}}}
	open := workload.StoreGrant{Type: "mqtt", Config: server.Config{URL: url}}
	for _, c := range []struct {
		address, user, password string
		grants                  map[string]workload.StoreGrant
		want                    string // the outcome of open, and of publish where that is ok
		denied                  string
	}{
		{url, "", "", nil, "connection-failed", `add "` + url + `": {mqtt: URL} to grants.mqtt of component c`},
		{"mqtt://other?client_id=planted", "ada", "planted-ada", nil, "connection-failed", `add "mqtt://other:1883": {mqtt: URL}`},
		{"planted-name", "", "", nil, "invalid-address", `add NAME: {mqtt: URL}`},
		{"mqtt://ada:planted@other", "", "", nil, "invalid-address", `add NAME: {mqtt: URL}`},
		{"mqtts://" + s.Addr, "", "", map[string]workload.StoreGrant{url: granted}, "connection-failed", "mqtts://"},
		{"broker", "", "", map[string]workload.StoreGrant{"broker": granted}, "ok", ""},
		{"mqtt://BROKER:1/", "", "", map[string]workload.StoreGrant{"mqtt://broker:1": granted}, "ok", ""},
		{url, "ada", "planted-wrong", map[string]workload.StoreGrant{url: granted}, "ok", ""},
		{url, "ada", "planted-ada", map[string]workload.StoreGrant{url: open}, "ok", ""},
		{url, "ada", "planted-wrong", map[string]workload.StoreGrant{url: open}, "connection-failed on publish", ""},
		{url, "", "", map[string]workload.StoreGrant{url: open}, "connection-failed on publish", ""},
	} {
		t.Run(c.address+" "+c.password, func(t *testing.T) {
			told := &lines{}
			g := &guest{t: t, of: surface.SpinMQTT2, inst: instantiate(t, surface.SpinMQTT2, c.grants, told)}
			want, atPublish := strings.CutSuffix(c.want, " on publish")
			if c.denied != "" {
				g.call(want, "[static]connection.open", c.address, c.user, c.password, uint64(30))
			} else {
				conn := g.call("ok", "[static]connection.open", c.address, c.user, c.password, uint64(30))
				v := g.call(want, "[method]connection.publish", conn, "a", []byte("x"), "at-least-once")
				if strings.Contains(fmt.Sprint(v), "planted") || atPublish != (want != "ok") {
					t.Error(v)
				}
			}
			all := strings.Join(told.all, "\n")
			if !strings.Contains(all, c.denied) || strings.Contains(all, "planted") || (c.denied != "") != (len(told.all) == 1) {
				t.Errorf("operators are told %s", all)
			}
		})
	}
	for name, ok := range map[string]bool{"broker": true, "mqtt://a": true, "mqtts://[::1]:8883": true, "mqtt://ada:planted@a": false, "http://a": false, "mqtt://a?client_id=x": false} {
		if err := mqtt.CheckName(name); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
