package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/view/internal/forward"
	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

type schema = map[string]any

// description is the document, and which of its properties were seen in answers.
type description struct {
	root schema
	seen map[string]bool
}

func readDocument(t *testing.T) *description {
	t.Helper()
	d := &description{seen: map[string]bool{}}
	if err := json.Unmarshal(document, &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// find is what a reference names.
func (d *description) find(ref string) schema {
	at := d.root
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[name].(schema)
	}
	return at
}

// types are the kinds of values that a schema allows.
func types(s schema) []string {
	switch one := s["type"].(type) {
	case string:
		return []string{one}
	case []any:
		var out []string
		for _, x := range one {
			out = append(out, x.(string))
		}
		return out
	}
	return nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	}
	return "object"
}

// check says what of a value is not as a schema says, and marks the properties that are there.
func (d *description) check(at string, s schema, v any) (wrong []string) {
	if ref, ok := s["$ref"].(string); ok {
		return d.check(ref, d.find(ref), v)
	}
	if some, ok := s["oneOf"].([]any); ok {
		for i, one := range some {
			if wrong = d.check(fmt.Sprintf("%s/%d", at, i), one.(schema), v); len(wrong) == 0 {
				return nil
			}
		}
		return wrong
	}
	kind := kindOf(v)
	if want := types(s); want != nil && !slices.Contains(want, kind) && !(kind == "integer" && slices.Contains(want, "number")) {
		return []string{fmt.Sprintf("%s: %v is of type %s, want %v", at, v, kind, want)}
	}
	if some, ok := s["enum"].([]any); ok && !slices.Contains(some, v) {
		return []string{fmt.Sprintf("%s: %v is none of %v", at, v, some)}
	}
	switch v := v.(type) {
	case string:
		if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
			return []string{fmt.Sprintf("%s: %q does not match %s", at, v, pattern)}
		}
	case []any:
		for _, one := range v {
			wrong = append(wrong, d.check(at+"[]", s["items"].(schema), one)...)
		}
	case schema:
		properties, _ := s["properties"].(schema)
		for name, one := range v {
			if p, ok := properties[name].(schema); ok {
				d.seen[at+"."+name] = true
				wrong = append(wrong, d.check(at+"."+name, p, one)...)
			} else if more, ok := s["additionalProperties"].(schema); ok {
				wrong = append(wrong, d.check(at+".*", more, one)...)
			} else if s["additionalProperties"] != true {
				wrong = append(wrong, fmt.Sprintf("%s has %q, of which the document says nothing", at, name))
			}
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: there is no %q", at, name))
			}
		}
	}
	return wrong
}

// properties are all that a schema tells of, by the names under which check marks them.
func (d *description) properties(at string, s schema, f func(string)) {
	for name, p := range s["properties"].(schema) {
		f(at + "." + name)
		d.inner(at+"."+name, p.(schema), f)
	}
}

func (d *description) inner(at string, s schema, f func(string)) {
	if items, ok := s["items"].(schema); ok {
		d.inner(at+"[]", items, f)
	}
	if _, ok := s["properties"]; ok {
		d.properties(at, s, f)
	}
}

// operation is an entry of the document.
type operation struct {
	method, path string
	schema
}

func (d *description) operations() (out []operation) {
	for path, methods := range d.root["paths"].(schema) {
		for method, o := range methods.(schema) {
			out = append(out, operation{strings.ToUpper(method), path, o.(schema)})
		}
	}
	return out
}

// parameters are the names of an operation's parameters in a place.
func (o operation) parameters(in string) (out []string) {
	all, _ := o.schema["parameters"].([]any)
	for _, p := range all {
		if p := p.(schema); p["in"] == in {
			out = append(out, p["name"].(string))
		}
	}
	slices.Sort(out)
	return out
}

var pathParameter = regexp.MustCompile(`\{(\w+)(?:\.\.\.)?\}`)

// TestDocumentHasRoutes: no route without an entry in the document, no entry without a route, and the same parameters in both.
func TestDocumentHasRoutes(t *testing.T) {
	d := readDocument(t)
	s := openStore(t)
	all := (&server{Config: Config{Store: s, Receiver: ingest.NewReceiver(s, nil)}}).routes()
	entries := map[string]operation{}
	for _, o := range d.operations() {
		entries[o.method+" "+o.path] = o
	}
	for _, one := range all {
		method, path, ok := strings.Cut(one.pattern, " ")
		if !ok {
			method, path = "POST", one.pattern
		}
		name := method + " " + pathParameter.ReplaceAllString(path, "{$1}")
		o, ok := entries[name]
		if !ok {
			t.Errorf("the document has no entry for %s", name)
			continue
		}
		delete(entries, name)
		if want := slices.Sorted(slices.Values(one.params)); !slices.Equal(o.parameters("query"), want) {
			t.Errorf("%s: the document has the parameters %v, the route %v", name, o.parameters("query"), want)
		}
		var inPath []string
		for _, m := range pathParameter.FindAllStringSubmatch(path, -1) {
			inPath = append(inPath, m[1])
		}
		if !slices.Equal(o.parameters("path"), inPath) {
			t.Errorf("%s: the document has the parameters %v in the path, the route %v", name, o.parameters("path"), inPath)
		}
	}
	for name := range entries {
		t.Errorf("there is no route for the document's %s", name)
	}
	for _, m := range regexp.MustCompile(`"\$ref": "(.*)"`).FindAllSubmatch(document, -1) {
		if d.find(string(m[1])) == nil {
			t.Errorf("%s is not in the document", m[1])
		}
	}
}

// everything is a server whose answers have every property that there is.
func everything(t *testing.T) client {
	t.Helper()
	s := openStore(t)
	now := time.Now().UnixNano()
	begun := tracetest.SpanStub{Name: "begun", StartTime: time.Now(), SpanContext: oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}})}.Snapshot()
	c := serve(t, Config{
		Store: s, Receiver: ingest.NewReceiver(s, nil), Version: "1.2.3", Title: "shop",
		InFlight: func(int) ([]sdktrace.ReadOnlySpan, int) { return []sdktrace.ReadOnlySpan{begun}, 7 },
		Dropped:  func() []Drop { return []Drop{{"traces", "rate", 3}} },
		Forward: func() forward.Status {
			return forward.Status{To: "http://collector:4318", Sent: 1, Waiting: 2, Problem: "the receiver answers 503"}
		},
		Workloads: func() any {
			fact := []schema{{"name": "http", "value": "https://example.com", "problem": "down"}}
			return []schema{{"id": "shop", "state": "running", "since": time.Now(),
				"triggers":   []schema{{"type": "http", "detail": "/", "chain": []string{"auth"}, "component": "cart"}},
				"components": []schema{{"name": "cart", "source": "cart.wasm", "service": "running", "grants": fact, "limits": fact, "instances": fact, "exports": fact}},
				"calls":      []schema{{"from": "cart", "to": "price", "interface": "shop:price/price", "functions": 1}}}}
		},
	})
	var child = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"x"},"spans":[{"traceId":"` + traceB + `","spanId":"00000000000000c1","parentSpanId":"00000000000000c0","name":"child","kind":3,"flags":1,` +
		fmt.Sprintf(`"startTimeUnixNano":"%d","endTimeUnixNano":"%d"`, now-1e9, now) + `,"status":{"code":2},"attributes":[{"key":"http.response.status_code","value":{"intValue":"500"}},{"key":"server.address","value":{"stringValue":"db"}}]},{"traceId":"` + traceB + `","spanId":"00000000000000c2","parentSpanId":"00000000000000c1","name":"grandchild",` + fmt.Sprintf(`"startTimeUnixNano":"%d","endTimeUnixNano":"%d"`, now, now) + `}]}]}]}`
	metric := func(name, data string) string { return otlpMetric("shop", name, "s", data) }
	points := func(extra string, at ...int64) string {
		var all []string
		for i, when := range at {
			all = append(all, fmt.Sprintf(`{"startTimeUnixNano":"%d","timeUnixNano":"%d",%s,"attributes":[{"key":"vitrine.component","value":{"stringValue":"cart"}},{"key":"vitrine.interface","value":{"stringValue":"wasi:http/types"}}],"exemplars":[{"timeUnixNano":"%d","asDouble":0.5,"traceId":%q,"spanId":"00000000000000a1"}]}`,
				now-100e9, when, strings.ReplaceAll(extra, "N", fmt.Sprint(i+1)), when, traceA))
		}
		return `"dataPoints":[` + strings.Join(all, ",") + "]"
	}
	many := func() string { // more than a chart has
		var all []string
		for i := range maxStreams + 3 {
			all = append(all, fmt.Sprintf(`{"timeUnixNano":"%d","asDouble":1,"attributes":[{"key":"k","value":{"stringValue":"%d"}}]}`, now-1e9, i))
		}
		return `"dataPoints":[` + strings.Join(all, ",") + "]"
	}
	histogram := `"aggregationTemporality":2,` + points(`"count":"N","sum":0.5,"bucketCounts":["N","0"],"explicitBounds":[1]`, now-60e9, now-30e9)
	for _, one := range []string{
		spans(traceA, "shop", "GET /cart", 3, time.Millisecond), child, logLine(traceA, "a line", 17),
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","severityNumber":9,"eventName":"an event","traceId":"` + traceA + `","spanId":"00000000000000a1","body":{"stringValue":"x"},"attributes":[{"key":"k","value":{"intValue":"1"}}]}]}]}]}`,
		metric("value", `"gauge":{`+points(`"asDouble":N.5`, now-60e9)+`}`), metric("counter", `"sum":{"isMonotonic":true,"aggregationTemporality":2,`+points(`"asInt":"N"`, now-60e9, now-30e9)+`}`),
		metric("vitrine.host_call.duration", `"histogram":{`+histogram+`}`), metric("vitrine.guest_call.duration", `"histogram":{`+histogram+`}`),
		metric("many", `"gauge":{`+many()+`}`),
	} {
		if code, answer := c.post("/api/v1/import", one); code != 200 {
			t.Fatalf("%d %s: %s", code, answer, one)
		}
	}
	// The store cannot be written for a moment.
	if err := os.MkdirAll(filepath.Join(s.Stats().Dir, "marks.jsonl.new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark(store.Mark{Name: "reload", Text: "shop"}); err == nil {
		t.Fatal("the marks were written into a folder")
	}
	return c
}

// TestDocumentHasAnswers: what the API answers is what the document says, and all that the document says is in some answer.
func TestDocumentHasAnswers(t *testing.T) {
	d := readDocument(t)
	c := everything(t)
	const none = "ffffffffffffffffffffffffffffffff"
	asked := map[string]bool{}
	for _, q := range []struct {
		path, query, accept, body string
		code                      int
	}{
		{path: "/api/v1"}, {path: "/api/v1/status"},
		{path: "/api/v1/traces", query: "q=since:5m&limit=5&offset=0"}, {path: "/api/v1/traces", query: "q=%40k:v+status:ok"}, {path: "/api/v1/traces", query: "q=nothing:x", code: 400}, {path: "/api/v1/traces", query: "folow=true", code: 400},
		{path: "/api/v1/traces", query: "follow=yes", code: 400},
		{path: "/api/v1/traces", query: "follow=true"}, {path: "/api/v1/traces", query: "follow=true", accept: "text/event-stream"}, {path: "/api/v1/traces", query: "follow=true&since=x", code: 400},
		{path: "/api/v1/traces/" + traceA}, {path: "/api/v1/traces/" + none, code: 404}, {path: "/api/v1/traces/x", code: 400},
		{path: "/api/v1/traces/" + traceA + "/logs"},
		{path: "/api/v1/logs"}, {path: "/api/v1/logs", query: "format=otlp"}, {path: "/api/v1/logs", query: "follow=true"}, {path: "/api/v1/logs", query: "before=x", code: 400},
		{path: "/api/v1/metrics"}, {path: "/api/v1/metrics", query: "q=vitrine&limit=1"}, {path: "/api/v1/metrics", query: "follow=true"}, {path: "/api/v1/metrics", query: "from=2&to=1", code: 400},
		{path: "/api/v1/metrics/vitrine.host_call.duration", query: "steps=10"}, {path: "/api/v1/metrics/value", query: "by=service"}, {path: "/api/v1/metrics/counter"}, {path: "/api/v1/metrics/many"}, {path: "/api/v1/metrics/none/at/all", code: 404},
		{path: "/api/v1/instruments"}, {path: "/api/v1/components"}, {path: "/api/v1/marks"}, {path: "/api/v1/inflight"}, {path: "/api/v1/inflight", query: "trace=x", code: 400},
		{path: "/api/v1/events"}, {path: "/api/v1/import", body: "{", code: 400}, {path: "/api/v1/import", body: logLine(traceA, "more", 9)},
		{path: "/v1/traces", body: `{}`}, {path: "/v1/logs", body: `{}`}, {path: "/v1/metrics", body: `{}`}, {path: "/v1/traces", body: `{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}`}, {path: "/v1/traces", body: `{`, code: 400},
	} {
		method := "GET"
		if q.body != "" {
			method = "POST"
		}
		r, err := http.NewRequestWithContext(t.Context(), method, c.url+q.path+"?"+q.query, strings.NewReader(q.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if q.accept != "" {
			r.Header.Set("Accept", q.accept)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		name := method + " " + q.path + "?" + q.query
		if want := max(q.code, 200); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", name, a.StatusCode, want)
		}
		for _, wrong := range d.answer(t, method, q.path, a, asked) {
			t.Errorf("%s: %s", name, wrong)
		}
		_ = a.Body.Close()
	}
	d.seen["#/components/schemas/TraceList.partial"] = true // takes seconds
	for _, o := range d.operations() {
		for code, answer := range o.schema["responses"].(schema) {
			content, _ := answer.(schema)["content"].(schema)
			for kind := range content {
				if key := o.method + " " + o.path + " " + code + " " + kind; !asked[key] && !strings.Contains(key, "x-protobuf") && !(strings.HasPrefix(o.path, "/v1/") && code == "default") && !(kind == "text/event-stream" && o.path != "/api/v1/traces" && o.path != "/api/v1/events") {
					t.Errorf("no answer is that of the document's %s", key)
				}
			}
		}
	}
	for name, one := range d.find("#/components/schemas") {
		d.properties("#/components/schemas/"+name, one.(schema), func(p string) {
			if !d.seen[p] {
				t.Errorf("no answer has %s", p)
			}
		})
	}
}

// answer checks an answer against the entry for it.
func (d *description) answer(t *testing.T, method, path string, a *http.Response, asked map[string]bool) []string {
	t.Helper()
	var entry *operation
	for _, o := range d.operations() {
		pattern := regexp.MustCompile("^" + strings.NewReplacer("{id}", "[^/]+", "{name}", ".+").Replace(o.path) + "$")
		if o.method == method && pattern.MatchString(path) && (entry == nil || len(o.path) > len(entry.path)) {
			entry = &o
		}
	}
	if entry == nil {
		return []string{"the document has no such path"}
	}
	code := "200"
	if a.StatusCode != 200 {
		code = "default"
	}
	said, _ := entry.schema["responses"].(schema)[code].(schema)
	if ref, ok := said["$ref"].(string); ok {
		said = d.find(ref)
	}
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content, ok := said["content"].(schema)[kind].(schema)
	if !ok {
		return []string{fmt.Sprintf("the document has no answer %s of type %q", code, kind)}
	}
	asked[entry.method+" "+entry.path+" "+code+" "+kind] = true
	of, at := content["schema"].(schema), entry.path
	body := bufio.NewReader(a.Body)
	switch kind {
	case "application/x-ndjson", "text/event-stream": // the first record
		for {
			line, err := body.ReadBytes('\n')
			if err != nil {
				return []string{err.Error()}
			}
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok || kind == "application/x-ndjson" {
				var v any
				if err := json.Unmarshal(data, &v); err != nil {
					return []string{err.Error()}
				}
				if types(of) != nil { // a text, which is described in words
					return nil
				}
				return d.check(at, of, v)
			}
		}
	case "application/json":
		var v any
		if err := json.NewDecoder(body).Decode(&v); err != nil {
			return []string{err.Error()}
		}
		return d.check(at, of, v)
	}
	return nil
}
