package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// messagesManifest is a workload of two components: shop takes requests and publishes, work handles what comes on jobs.*. broker is what
// their grants say of the broker, trigger what the trigger says besides.
func messagesManifest(t *testing.T, guest, broker, trigger, limits string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: shop, source: {file: %q}, grants: {messaging: {"jobs.>": %s, done: %s, dead: %s}, keyvalue: {default: {scope: workload}}}}
    - {name: work, source: {file: %q}, grants: {messaging: {"jobs.>": %s, done: %s, dead: %s}, keyvalue: {default: {scope: workload}}}, limits: {%s}}
  triggers:
    - http: {path: /, component: shop}
    - messaging: {subject: jobs.*, component: work%s}
    - messaging: {subject: done, component: shop}
    - messaging: {subject: dead, component: shop}
`, guest, broker, broker, broker, guest, broker, broker, broker, limits, trigger)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// eventually waits until a path of the server has an answer.
func (s *server) eventually(path, want string) {
	s.t.Helper()
	var had string
	for range 3000 {
		if _, had, _ = s.get(path, ""); had == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s is %q, want %q; %.2000s", path, had, want, s.stderr())
}

// TestMessages: an HTTP request publishes, the handler sets a key and publishes another message, all of it one trace, on each broker; a
// request is answered; a subject that is not granted is refused, and the operator is told what to add.
func TestMessages(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testMessages(t, "memory", "{}") })
	t.Run("nats", func(t *testing.T) { testMessages(t, "nats", fmt.Sprintf("{nats: %q}", servers.StartNATS(t).URL())) })
}

func testMessages(t *testing.T, system, broker string) {
	file := messagesManifest(t, testref.File(t, "rust-messages-p2"), broker, "", "")
	if code, out, errs := run(t, "", "check", file); code != 0 {
		t.Fatalf("check: %d %s%s", code, out, errs)
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	if status, text, err := s.get("/publish?subject=jobs.planted", "forward done planted-payload", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01"); status != 200 || err != nil {
		t.Fatalf("%d %q %v", status, text, err)
	}
	s.eventually("/get?key=last:done", "planted-payload")
	s.expect("/get?key=count:jobs.planted", "", 200, "1")
	s.expect("/request?subject=jobs.ask", "what", 200, "jobs.ask: what")
	s.expect("/publish?subject=other.name", "x", 502, "access denied")
	s.expect("/publish?subject=jobs..x", "x", 502, "the subject is invalid")
	s.waitForConsole(`[shop denied] :: a message to other.> is not granted; to allow it, add "other.>" to grants.messaging of component shop, with its broker`)

	const want = "POST / server(shop internal(send jobs.> producer(process jobs.* consumer(work wasmcloud:messaging/handler@0.2.0#handle-message internal(wasi:keyvalue/store@0.2.0-draft#open internal, " +
		"wasi:keyvalue/atomics@0.2.0-draft#increment internal, wasi:keyvalue/store@0.2.0-draft#[method]bucket.set internal, " +
		"send done producer(process done consumer(shop wasmcloud:messaging/handler@0.2.0#handle-message internal(wasi:keyvalue/store@0.2.0-draft#open internal, " +
		"wasi:keyvalue/atomics@0.2.0-draft#increment internal, wasi:keyvalue/store@0.2.0-draft#[method]bucket.set internal))))))))"
	own := regexp.MustCompile(`(instantiate|reset|pool wait)[^,()]* internal(, )?`) // instances are made where more than one is needed at once
	had := ""
	for range 3000 {
		if had = own.ReplaceAllString(treeOf(collector, trace), ""); had == want {
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
		if attrs["messaging.system"] != "" && attrs["messaging.system"] != system {
			t.Errorf("%s: %v", span.Name, attrs)
		}
		if span.Name == "process jobs.*" {
			if len(span.Links) != 1 || hex.EncodeToString(span.Links[0].SpanId) != hex.EncodeToString(span.ParentSpanId) {
				t.Errorf("links %v, parent %x", span.Links, span.ParentSpanId)
			}
			if attrs["messaging.operation.type"] != "process" || attrs["messaging.destination.template"] != "jobs.*" {
				t.Errorf("%v", attrs)
			}
		}
		if text := span.String(); strings.Contains(text, "planted") && !strings.Contains(span.Name, "POST") {
			t.Errorf("a signal has what only the message has: %s", text)
		}
	}
}

// TestMessagesAreTriedAgain: a message of a durable subscription that is not handled comes again, and goes to the subject for dead ones when
// it was tried often enough, whatever its handler did; one of a plain subscription comes once.
func TestMessagesAreTriedAgain(t *testing.T) {
	s := up(t, nil, messagesManifest(t, testref.File(t, "rust-messages-p2"), "{}", ", durable: w, attempts: 3, retry: 10ms, deadLetter: dead", ""))
	s.expect("/publish?subject=jobs.flaky", "flaky", 200, "published 1\n")
	s.eventually("/get?key=count:jobs.flaky", "3")
	for _, what := range []string{"fail", "trap"} {
		s.expect("/publish?subject=jobs."+what, what+" it", 200, "published 1\n")
		s.eventually("/get?key=last:dead", what+" it")
		s.expect("/get?key=count:jobs."+what, "", 200, "3")
	}
	s.expect("/publish?subject=jobs.many&n=200", "x", 200, "published 200\n")
	s.eventually("/get?key=count:jobs.many", "200")
}

// TestMessageBeyondItsDeadline: a handler that does not end is ended, and its message goes where those go that were given up.
func TestMessageBeyondItsDeadline(t *testing.T) {
	s := up(t, nil, messagesManifest(t, testref.File(t, "rust-messages-p2"), "{}", ", deadLetter: dead", "deadline: 500ms"))
	s.expect("/publish?subject=jobs.spin", "spin it", 200, "published 1\n")
	s.eventually("/get?key=last:dead", "spin it")
	s.expect("/get?key=count:jobs.spin", "", 200, "1")
	s.kill() // the handler of dead ones goes on, as it is told
}

// TestMessagesAreChecked: what no broker or component could serve is found before anything runs, at its place.
func TestMessagesAreChecked(t *testing.T) {
	guest := testref.File(t, "rust-messages-p2")
	for trigger, want := range map[string]string{
		", group: a b":         "spec.triggers[1].messaging.group: want at most 64 letters",
		", attempts: 2":        "spec.triggers[1].messaging.attempts: the key is for a durable subscription only",
		", deadLetter: jobs.x": "spec.triggers[1].messaging.deadLetter: it is among the subjects",
		", deadLetter: other":  `component work: deadLetter: "other" is not granted; to allow it, add grants: {messaging: {"other": {}}} to component work`,
		", concurrency: 0":     "spec.triggers[1].messaging.concurrency: 0: want at least 1",
		"}\n    - messaging: {subject: jobs..x, component: work": "spec.triggers[2].messaging.subject: the subject is invalid",
		"}\n    - messaging: {subject: none, component: work":    `subject: "none" is not granted`,
	} {
		code, _, errs := run(t, "", "check", messagesManifest(t, guest, "{}", trigger, ""))
		if code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d: %s", trigger, code, errs)
		}
	}
	if code, _, errs := run(t, "", "check", messagesManifest(t, guest, "{backend: rabbit}", "", "")); code != 2 || !strings.Contains(errs, `there is no backend named "rabbit"; want memory`) {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, _, errs := run(t, "", "check", messagesManifest(t, guest, "{scope: workload}", "", "")); code != 2 || !strings.Contains(errs, `the key is for what is stored; messages are not`) {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestMessagesOutliveTheirBroker: the NATS server is killed. While it is down, publishing fails in bounded time and the operator is told; when
// it is there again, everything goes on by itself. What was accepted for a durable subscription is handled, also if vitrine was killed.
func TestMessagesOutliveTheirBroker(t *testing.T) {
	nats := servers.StartNATS(t)
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - {name: shop, source: {file: %[1]q}, grants: {messaging: {"jobs.>": {nats: {url: %[2]q, stream: JOBS}}, plain: {nats: %[2]q}}, keyvalue: {default: {sqlite: data.db, scope: workload}}}}
    - {name: work, source: {file: %[1]q}, grants: {messaging: {"jobs.>": {nats: {url: %[2]q, stream: JOBS}}}, keyvalue: {default: {sqlite: data.db, scope: workload}}}, limits: {deadline: 2s}}
  triggers:
    - http: {path: /, component: shop}
    - messaging: {subject: jobs.*, component: work, durable: worker, retry: 10ms, attempts: 50}
    - messaging: {subject: plain, component: shop, group: g}
`, testref.File(t, "rust-messages-p2"), nats.URL())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, nil, file)
	s.expect("/publish?subject=jobs.a&n=20", "x", 200, "published 20\n")
	s.eventually("/get?key=count:jobs.a", "20")
	s.expect("/publish?subject=plain", "x", 200, "published 1\n")
	s.eventually("/get?key=count:plain", "1")

	nats.Kill()
	s.waitForConsole("a backend is down: calls fail until it is there again")
	for _, subject := range []string{"jobs.b", "plain"} {
		s.expect("/publish?subject="+subject, "x", 502, "the broker is unavailable")
	}
	nats.Start()
	s.waitForConsole("a backend is up again")
	accepted := 0
	for range 3000 {
		if status, _, _ := s.get("/publish?subject=jobs.b", "x"); status == 200 {
			if accepted++; accepted == 10 {
				break
			}
			continue
		}
		time.Sleep(10 * time.Millisecond)
	}
	handled := func(s *server, key string, least int) {
		t.Helper()
		n := 0
		for range 6000 {
			_, text, _ := s.get("/get?key="+key, "")
			if n, _ = strconv.Atoi(text); n >= least {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d of %d messages were handled: %.2000s", n, least, s.stderr())
	}
	handled(s, "count:jobs.b", accepted)
	for range 3000 {
		if status, _, _ := s.get("/publish?subject=plain", "x"); status == 200 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	handled(s, "count:plain", 2)

	s.expect("/publish?subject=jobs.c&n=50", "x", 200, "published 50\n")
	s.kill() // some of them are under way
	s = up(t, nil, file)
	handled(s, "count:jobs.c", 50)
}
