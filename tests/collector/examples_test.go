package collector

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// examples are the components of examples/otel-*, which do the same in every language.
var examples = []struct{ name, guest string }{
	{"rust", "otel-example-rust"},
	{"rust-p3", "otel-example-rust-p3"},
	{"go", "otel-example-go"},
	{"ts", "otel-example-ts"},
}

// TestExamples compares what the SDKs' examples tell of one order and of one failure, as a real Collector has received it, with
// goldens that are the same for all of them.
func TestExamples(t *testing.T) {
	c := Start(t)
	binary := Vitrine(t)
	var outgoing atomic.Value
	stock := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { outgoing.Store(r.Header.Get("traceparent")) }))
	defer stock.Close()
	traceID := func(i, k int) string { return fmt.Sprintf("0%031x", 16*i+k+1) }
	sent := map[string]any{}
	for i, e := range examples {
		up := Serve(t, binary, c.HTTP, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, guest(t, e.guest), "--allow-http", "*")
		for k, tc := range []struct {
			path, body string
			status     int
		}{
			{"/order?item=apple&n=2&url=" + stock.URL + "/x", "2 apple: 6.00", 200},
			{"/fail", "told to fail", 500},
		} {
			status, body := ask(t, up.URL+tc.path, traceID(i, k))
			if status != tc.status || body != tc.body {
				t.Errorf("%s %s: %d %q, want %d %q", e.name, tc.path, status, body, tc.status, tc.body)
			}
		}
		sent[e.name] = outgoing.Load()
		up.Stop()
	}
	c.Stop(t)
	for i, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			order := c.Spans(t, traceID(i, 0))
			for _, s := range order {
				if want := "00-" + s.TraceID + "-" + s.ID + "-01"; s.Kind == "Client" && sent[e.name] != want {
					t.Errorf("traceparent that went out is %v, want %s", sent[e.name], want)
				}
				if s.Kind == "Server" && s.Parent != callerSpan {
					t.Errorf("the server span's parent is %s, want the caller's %s", s.Parent, callerSpan)
				}
			}
			values := c.Values(t, e.guest)
			text := told(c.Records(t), order)
			for _, k := range slices.Sorted(maps.Keys(values)) {
				if strings.HasPrefix(k, "order") {
					text += fmt.Sprintf("metric %s: %s\n", k, values[k])
				}
			}
			same := func(text string) string {
				return handler.ReplaceAllString(strings.ReplaceAll(text, e.guest, "GUEST"), "HANDLER")
			}
			golden(t, "example", same(text))
			golden(t, "example_fails", same(told(c.Records(t), c.Spans(t, traceID(i, 1)))))
		})
	}
}

// handler is an interface by which a component serves HTTP.
var handler = regexp.MustCompile(`wasi:http/(incoming-)?handler@[0-9.]+`)

// ask sends a request in a new trace and returns the response, its body without white space around.
func ask(t *testing.T, url, traceID string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", "00-"+traceID+"-"+callerSpan+"-01")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// guestAttributes are the attributes of the examples' own spans and events that goldens show.
var guestAttributes = []string{"item", "n", "gift", "weights", "exception.message"}

// told draws the spans of a trace, and lists the attributes and events of each, and its log records. Waiting for an instance and making
// one are part of the trace only if there was none, and are left out.
func told(records []Record, spans []Span) string {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s Span) bool {
		return slices.ContainsFunc([]string{"instantiate ", "reset ", "pool wait "}, func(p string) bool { return strings.HasPrefix(s.Name, p) })
	})
	var b strings.Builder
	b.WriteString(Tree(WithoutWaits(spans), "http.response.status_code"))
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Name, b.Name)) })
	for _, s := range spans {
		if s.StatusMessage != "" && s.Kind == "Internal" {
			fmt.Fprintf(&b, "%s: status %q\n", s.Name, s.StatusMessage)
		}
		for _, k := range guestAttributes {
			if v, ok := s.Attributes[k]; ok {
				fmt.Fprintf(&b, "%s: %s = %s (%s)\n", s.Name, k, v, s.Kinds[k])
			}
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, "%s: event %q", s.Name, e.Name)
			for _, k := range guestAttributes {
				if v, ok := e.Attributes[k]; ok {
					fmt.Fprintf(&b, " %s=%q", k, v)
				}
			}
			b.WriteString("\n")
		}
		var lines []string
		for _, r := range records {
			if r.TraceID == s.TraceID && r.SpanID == s.ID {
				lines = append(lines, fmt.Sprintf("%s: record %s %q\n", s.Name, r.Number, r.Body))
			}
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, ""))
	}
	return b.String()
}

// TestComposedExample: of two components in one file, each with the SDK, each has its own spans, records and events below the host's span
// around it.
func TestComposedExample(t *testing.T) {
	const name, traceID = "otel-example-composed-p3", "00000000000000000000000000000001"
	c := Start(t)
	var outgoing atomic.Value
	stock := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { outgoing.Store(r.Header.Get("traceparent")) }))
	defer stock.Close()
	up := Serve(t, Vitrine(t), c.HTTP, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, guest(t, name), "--allow-http", "*")
	if status, body := ask(t, up.URL+"/order?item=apple&n=2&url="+stock.URL+"/x", traceID); status != 200 || body != "2 apple: 6.00" {
		t.Errorf("%d %q", status, body)
	}
	up.Stop()
	c.Stop(t)
	spans := c.Spans(t, traceID)
	for _, s := range spans {
		if want := "00-" + traceID + "-" + s.ID + "-01"; s.Kind == "Client" && outgoing.Load() != want {
			t.Errorf("traceparent that went out is %v, want %s", outgoing.Load(), want)
		}
	}
	golden(t, "example_composed", strings.ReplaceAll(told(c.Records(t), spans), name, "GUEST"))
}

// TestExampleManyAtOnce: requests that wait at the same time in one instance of the example for WASI 0.3 have the same trees and
// records as if each were alone.
func TestExampleManyAtOnce(t *testing.T) {
	const total, atOnce, name = 320, 16, "otel-example-rust-p3"
	c := Start(t)
	env := []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_MAX_QUEUE_SIZE=65536", "OTEL_BLRP_MAX_QUEUE_SIZE=65536"} // nothing is dropped
	up := Serve(t, Vitrine(t), c.HTTP, env, guest(t, name),
		"--isolation", "reuse", "--max-instances", "1", "--max-uses", "1000000", "--deadline", "2m")
	traceID := func(i int) string { return fmt.Sprintf("0%031x", i+1) }
	var wg sync.WaitGroup
	next := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				want := fmt.Sprintf("%d item-%d: %d.00", i%5, i, 3*(i%5))
				if status, body := ask(t, fmt.Sprintf("%s/order?item=item-%d&n=%d&ms=%d", up.URL, i, i%5, 1+i%7), traceID(i)); status != 200 || body != want {
					t.Errorf("request %d: %d %q, want %q", i, status, body, want)
				}
			}
		})
	}
	for i := range total {
		next <- i
	}
	close(next)
	wg.Wait()
	up.Stop()
	c.Stop(t)
	spans, records := map[string][]Span{}, map[string][]Record{}
	for _, s := range c.Spans(t, "") {
		spans[s.TraceID] = append(spans[s.TraceID], s)
	}
	for _, r := range c.Records(t) {
		records[r.TraceID] = append(records[r.TraceID], r)
	}
	for i := range total {
		want := fmt.Sprintf(`GET / [server GUEST] http.response.status_code=200
  GUEST HANDLER#handle [internal GUEST]
    order [internal GUEST]
      price [internal GUEST]
        wasi:keyvalue/store@0.2.0-draft#open [internal GUEST]
        wasi:keyvalue/store@0.2.0-draft#[method]bucket.get [internal GUEST]
        wasi:keyvalue/store@0.2.0-draft#[method]bucket.set [internal GUEST]
order: item = item-%[1]d (Str)
order: n = %[2]d (Int)
order: gift = false (Bool)
order: weights = [0.5,1.25] (Slice of Double)
order: event "order received"
order: record Info "ordering %[2]d item-%[1]d"
price: event "price found"
price: record Info "price of item-%[1]d is 3"
`, i, i%5)
		got := handler.ReplaceAllString(strings.ReplaceAll(told(records[traceID(i)], spans[traceID(i)]), name, "GUEST"), "HANDLER")
		if got != want {
			t.Fatalf("request %d:\n%s\nwant:\n%s", i, got, want)
		}
	}
	t.Logf("%d requests, %d at once in one instance: 0 wrong", total, atOnce)
}
