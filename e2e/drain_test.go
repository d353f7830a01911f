package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestDrainCutsAreTold: what still runs when --drain is over is told as such: a client that has no answer yet gets 503, one with the beginning of
// an answer a broken transfer; the console, the span and the metrics of each request say why, and a line says how many there were.
func TestDrainCutsAreTold(t *testing.T) {
	const why = "the time to drain is over"
	for _, guest := range []string{"rust-http-full-p2", "rust-http-p3"} {
		t.Run(guest, func(t *testing.T) {
			c := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "--admin", "0", "--deadline", "1h", "--drain", "1s", testref.File(t, guest))
			o := operate(t, s)
			begun, err := http.Get(s.base + "/chunks?n=2&ms=3600000") // the second one comes in an hour
			if err != nil {
				t.Fatal(err)
			}
			defer begun.Body.Close()
			silent := make(chan string, 1)
			go func() {
				resp, err := http.Get(s.base + "/sleep?ms=3600000")
				if err != nil {
					silent <- err.Error()
					return
				}
				defer resp.Body.Close()
				b, _ := io.ReadAll(resp.Body)
				silent <- resp.Status + " " + string(b)
			}()
			o.await("/workloads", `"running": 2`)
			s.stop()
			if got, err := io.ReadAll(begun.Body); err == nil {
				t.Errorf("an answer that was cut is whole to its client: %d bytes", len(got))
			}
			if got := <-silent; got != "503 Service Unavailable shutting down, try again later\n" {
				t.Errorf("a request without an answer gets %q", got)
			}
			if text := s.stderr(); len(regexp.MustCompile(`failed\] :: http /: .*`+why).FindAllString(text, -1)) != 2 || !regexp.MustCompile(`level=WARN msg="requests were cut: `+why+`.*: 2 requests`).MatchString(text) {
				t.Errorf("console: %s", text)
			}
			spans := 0
			for _, span := range c.Spans() {
				if span.Kind.String() != "SPAN_KIND_SERVER" {
					continue
				}
				spans++
				if span.Status.Code.String() != "STATUS_CODE_ERROR" || !strings.Contains(span.Status.Message, why) || valueOf(span.Attributes, "error.type") != "shutdown" {
					t.Errorf("a span: %v", span)
				}
			}
			if n := shutdowns(c); spans != 2 || n != 2 {
				t.Errorf("%d spans; the metrics count %d", spans, n)
			}
		})
	}
}

// valueOf is the text of an attribute.
func valueOf[V interface{ GetStringValue() string }, A interface {
	GetKey() string
	GetValue() V
}](all []A, key string) string {
	for _, a := range all {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// shutdowns is how many requests the last export counts that the host's end has ended.
func shutdowns(c *otlptest.Collector) (n uint64) {
	for _, r := range c.Metrics() {
		sum := uint64(0)
		for _, scope := range r.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name != "http.server.request.duration" {
					continue
				}
				for _, p := range m.GetHistogram().GetDataPoints() {
					if valueOf(p.Attributes, "error.type") == "shutdown" {
						sum += p.Count
					}
				}
			}
		}
		if sum > 0 { // a later export has the sums of those before it
			n = sum
		}
	}
	return n
}
