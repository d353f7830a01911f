package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/workload"
)

// mqttManifest is a workload of two components: shop, of Spin's SDK, takes requests and sends messages, work handles those of jobs/+.
func mqttManifest(t *testing.T, addr, trigger string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: shop, source: {file: %q}, grants: {mqtt: {"mqtt://broker:1883": {mqtt: {url: "mqtt://%[3]s", username: me, password: {env: MQTT_PASSWORD}}}}}}
    - {name: work, source: {file: %[2]q}}
  triggers:
    - http: {path: /, component: shop}
    - mqtt: {address: "mqtt://%[3]s", username: me, password: {env: MQTT_PASSWORD}, topic: jobs/+, component: work%[4]s}
`, testref.File(t, "rust-spin-brokers-p2"), testref.File(t, "rust-spin-mqtt-p2"), addr, trigger)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// handled is how many messages of a text the console has seen handled.
func (s *server) handled(text string) int { return strings.Count(s.stderr(), "handled "+text) }

// waitHandled waits until a text was handled so often.
func (s *server) waitHandled(text string, n int) {
	s.t.Helper()
	for range 3000 {
		if s.handled(text) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%q was handled %d times, want %d; %.3000s", text, s.handled(text), n, s.stderr())
}

// TestSpinMQTT: a component of Spin's SDK sends messages by MQTT within its grants, and another handles them, in one trace; one that is not handled comes again,
// and goes to the topic for dead ones when it was tried often enough.
func TestSpinMQTT(t *testing.T) {
	t.Setenv("MQTT_PASSWORD", "planted-password")
	broker := servers.StartMQTT(t, "me", "planted-password")
	file := mqttManifest(t, broker.Addr, ", attempts: 3, retry: 10ms, deadLetter: dead/letters")
	if code, out, errs := run(t, "", "check", file); code != 0 {
		t.Fatalf("check: %d %s%s", code, out, errs)
	}
	b, err := mqtt.Open(mqtt.Config{URL: broker.URL(), Username: "me", Password: workload.Secret{Env: "MQTT_PASSWORD"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dead, err := b.Listen(t.Context(), mqtt.Filter{Topic: "dead/#", QoS: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	const trace, publish = "4bf92f3577b34da6a3ce929d0e0e4736", "/mqtt/publish?address=mqtt://broker:1883?client_id=planted-id&topic="
	if status, text, err := s.get(publish+"jobs/planted-topic", "planted-body", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01"); status != 200 || text != "sent\n" || err != nil {
		t.Fatalf("%d %q %v", status, text, err)
	}
	s.waitForConsole("handled planted-body on jobs/planted-topic")
	for _, qos := range []string{"0", "2"} {
		s.expect(publish+"jobs/a&qos="+qos, "of quality "+qos, 200, "sent\n")
		s.waitForConsole("handled of quality " + qos + " on jobs/a")
	}
	s.expect("/mqtt/publish?address=mqtt://elsewhere&user=planted&password=planted&topic=a", "x", 200, "error Error::ConnectionFailed(\"the component may not use this broker\")\n")
	s.waitForConsole(`[shop denied] :: mqtt://elsewhere:1883 is not granted; to allow it, add "mqtt://elsewhere:1883": {mqtt: URL} to grants.mqtt of component shop`)
	for _, what := range []string{"fail", "trap"} {
		s.expect(publish+"jobs/"+what, what+" it", 200, "sent\n")
		s.waitHandled(what+" it", 3)
		d, err := dead.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m := d.Message(); string(m.Body) != what+" it" || m.Header["vitrine-subject"] != "jobs/"+what || m.Header["vitrine-attempts"] != "3" || m.Header["vitrine-reason"] == "" || m.Header["traceparent"] == "" {
			t.Errorf("%s %v", m.Body, m.Header)
		}
	}

	const want = "POST / server(shop internal(fermyon:spin/mqtt@2.0.0#[static]connection.open internal, send mqtt://broker:1883 producer(process jobs/+ consumer(work handle-message internal))))"
	had := ""
	for range 3000 {
		if had = treeOf(collector, trace); had == want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if had != want {
		t.Errorf("trace\n%s\nwant\n%s", had, want)
	}
	for _, span := range collector.Spans() {
		attrs := map[string]string{}
		for _, a := range span.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
		}
		switch span.Name {
		case "send mqtt://broker:1883":
			if attrs["messaging.system"] != "mqtt" || attrs["messaging.operation.name"] != "publish" || attrs["messaging.operation.type"] != "send" {
				t.Errorf("%v", attrs)
			}
		case "process jobs/+":
			if len(span.Links) != 1 || hex.EncodeToString(span.Links[0].SpanId) != hex.EncodeToString(span.ParentSpanId) {
				t.Errorf("links %v, parent %x", span.Links, span.ParentSpanId)
			}
			if attrs["messaging.system"] != "mqtt" || attrs["messaging.destination.template"] != "jobs/+" {
				t.Errorf("%v", attrs)
			}
		}
		for key, v := range attrs {
			if strings.Contains(v, "planted") && !strings.HasPrefix(key, "url.") { // what a client asks for is in the URL
				t.Errorf("%s: %s is %s", span.Name, key, v)
			}
		}
	}
	if strings.Contains(s.stderr(), "planted-password") {
		t.Errorf("the console has the password: %s", s.stderr())
	}
}

// TestSpinMQTTIsKilled: the workload starts without its broker; while it is away, calls fail soon with the interface's error; when it is there again, messages
// come, and those of a durable subscription that were sent while the process was not there, too.
func TestSpinMQTTIsKilled(t *testing.T) {
	t.Setenv("MQTT_PASSWORD", "planted-password")
	broker := servers.StartMQTT(t, "me", "planted-password")
	broker.Kill()
	file := mqttManifest(t, broker.Addr, ", durable: work")
	s := up(t, nil, file)
	const publish = "/mqtt/publish?address=mqtt://broker:1883&topic=jobs/a"
	down := "error Error::ConnectionFailed(\"the broker cannot be reached\")\n"
	s.expect(publish, "lost", 200, down)
	s.waitForConsole("a backend is down: calls fail until it is there again")
	broker.Start()
	s.waitForConsole("subscribed again")
	sends := func(text string) { // calls fail for a while
		t.Helper()
		var had string
		for range 3000 {
			if _, had, _ = s.get(publish, text); had == "sent\n" {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%q", had)
	}
	sends("first")
	s.waitHandled("first", 1)
	broker.Saved()
	broker.Kill()
	began := time.Now()
	s.expect(publish, "lost", 200, down)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a call took %s", took)
	}
	broker.Start()
	sends("second")
	s.waitHandled("second", 1)
	s.stop()

	b, err := mqtt.Open(mqtt.Config{URL: broker.URL(), Username: "me", Password: workload.Secret{Env: "MQTT_PASSWORD"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 50 {
		if err := b.Send(t.Context(), "jobs/later", &messaging.Message{Body: fmt.Appendf(nil, "later-%d;", i)}); err != nil {
			t.Fatal(err)
		}
	}
	s = up(t, nil, file)
	for i := range 50 {
		s.waitHandled(fmt.Sprintf("later-%d;", i), 1)
	}
	if s.handled("first") != 0 || s.handled("lost") != 0 {
		t.Errorf("what was handled comes again: %s", s.stderr())
	}
}
