package mqtt_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	broker "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/mqtt/server"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// table is of the packages that the plugin serves, and their test.
func table(test func(*functions.Guest)) *functions.Table {
	return &functions.Table{
		Plugin: "plugin/mqtt", Title: "The functions for MQTT and their tests", On: "on a real broker",
		Note: "\nHandlers of messages are the business of `trigger/mqtt`.",
		Served: []functions.Served{
			{Of: surface.SpinMQTT2, Reference: "fermyon-spin@2.0.0", Only: []string{"mqtt"}, Test: test},
			{Of: surface.SpinMQTT3, Reference: "spin-mqtt@3.0.0", Test: test},
		},
		Also: []string{"spin:mqtt-trigger/spin-mqtt-types"},
	}
}

// plugin is one with the backend of programs.
func plugin() *mqtt.Plugin {
	return mqtt.New().AddType(server.Type(), func(_ context.Context, config any) (mqtt.Backend, error) {
		return server.New(config.(server.Config))
	})
}

// link is the plugin under some grants.
func link(grants map[string]workload.StoreGrant, told *functions.Lines) functions.Link {
	return functions.Plugin(plugin(), workload.Component{Grants: workload.Grants{MQTT: grants}}, told)
}

// TestFunctions calls every function of both interfaces through the boundary of a component, on a real broker, and compares what was seen
// with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	s := servers.StartMQTT(t)
	all := listen(t, s, "#")
	tb := table(func(g *functions.Guest) { testConnection(g, s.URL(), all) })
	tb.Run(t, "", functions.Engine(t), link(map[string]workload.StoreGrant{
		s.URL(): {Type: "mqtt", Config: server.Config{URL: s.URL()}},
		"down":  {Type: "mqtt", Config: server.Config{URL: "mqtt://127.0.0.1:1"}},
	}, &functions.Lines{}))
	tb.Compare(t, nil)
}

// testConnection publishes by a broker, all of whose messages come from a source.
func testConnection(g *functions.Guest, url string, all messaging.Source) {
	const open, publish = "mqtt#[static]connection.open", "mqtt#[method]connection.publish"
	g.Call("invalid-address", open, "no address", "", "", uint64(30))
	g.Call("connection-failed", open, "mqtt://127.0.0.1:2", "", "", uint64(30))
	c := g.Call("ok", open, url+"?client_id=me", "", "", uint64(0))
	down := g.Call("ok", open, "down", "", "", uint64(30))
	for qos, name := range []string{"at-most-once", "at-least-once", "exactly-once"} {
		topic := fmt.Sprintf("%s/%d b", g.T.Name(), qos)
		g.Call("ok", publish, c, topic, []byte{0, 255, byte(qos)}, name)
		if m := next(g.T, all); m.Subject != topic || string(m.Body) != string([]byte{0, 255, byte(qos)}) {
			g.T.Errorf("%+v", m)
		}
	}
	g.Call("ok", publish, c, "empty", []byte{}, "at-least-once")
	if m := next(g.T, all); m.Subject != "empty" || len(m.Body) != 0 {
		g.T.Errorf("%+v", m)
	}
	for _, topic := range []string{"", "a/#", "+", "a\x00", strings.Repeat("x", 65536)} {
		if v := g.Call("other", publish, c, topic, []byte("x"), "at-least-once"); !strings.HasPrefix(fmt.Sprint(v), "the topic is invalid: ") {
			g.T.Error(v)
		}
	}
	if v := g.Call("other", publish, c, "a", make([]byte, mqtt.MaxPayload+1), "at-most-once"); v != "the message is too large" {
		g.T.Error(v)
	}
	if v := g.Call("connection-failed", publish, down, "a", []byte("x"), "at-most-once"); v != "the broker cannot be reached" {
		g.T.Error(v)
	}
	g.Call("ok", "mqtt#drop of connection", c)
	g.Call("ok", "mqtt#drop of connection", down)
}

// listen subscribes to a filter of topics.
func listen(t testing.TB, s *servers.MQTT, filter string) messaging.Source {
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

func next(t testing.TB, src messaging.Source) *messaging.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := src.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d.Message()
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the functions' signatures.
func TestReference(t *testing.T) { table(nil).Reference(t, plugin().Serves()) }

// TestGrants: a component reaches the brokers that its grants name, by their names or addresses, with its own login where the grant has none; for others it gets
// connection-failed, and operators a line that has no login.
func TestGrants(t *testing.T) {
	s := servers.StartMQTT(t, "me", "planted-me", "ada", "planted-ada")
	t.Setenv("MQTT_PASSWORD", "planted-me")
	url := s.URL()
	granted := workload.StoreGrant{Type: "mqtt", Config: server.Config{URL: url, Username: "me", Password: workload.Secret{Env: "MQTT_PASSWORD"}}}
	open := workload.StoreGrant{Type: "mqtt", Config: server.Config{URL: url}}
	engine := functions.Engine(t)
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
			told := &functions.Lines{}
			g := table(nil).Guest(t, engine, surface.SpinMQTT2, link(c.grants, told))
			want, atPublish := strings.CutSuffix(c.want, " on publish")
			if c.denied != "" {
				g.Call(want, "mqtt#[static]connection.open", c.address, c.user, c.password, uint64(30))
			} else {
				conn := g.Call("ok", "mqtt#[static]connection.open", c.address, c.user, c.password, uint64(30))
				v := g.Call(want, "mqtt#[method]connection.publish", conn, "a", []byte("x"), "at-least-once")
				if strings.Contains(fmt.Sprint(v), "planted") || atPublish != (want != "ok") {
					t.Error(v)
				}
			}
			all := strings.Join(told.All(), "\n")
			if !strings.Contains(all, c.denied) || strings.Contains(all, "planted") || (c.denied != "") != (len(told.All()) == 1) {
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
