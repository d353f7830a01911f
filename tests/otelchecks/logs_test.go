package otelchecks

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
)

func p[T any](v T) *T { return &v }

// emitted hands over one record and gives what the collector has.
func (r *rig) emitted(rec bindings.LogRecord) *logRecord {
	r.Helper()
	before := len(r.logs())
	r.play(newImage().emit(rec))
	all := r.logs()
	if len(all) != before+1 {
		r.Fatalf("%d records", len(all)-before)
	}
	return all[before]
}

var logChecks = []check{
	{60, "every-option", func(t *testing.T) {
		r := newRig(t)
		got := r.emitted(bindings.LogRecord{
			Timestamp: p(clocksp2.Datetime{Seconds: 5, Nanoseconds: 6}), ObservedTimestamp: p(clocksp2.Datetime{Seconds: 7}), SeverityText: p("WARN"), SeverityNumber: p(uint8(13)),
			Body: p(`"full"`), Attributes: &[]bindings.KeyValue{{Key: "a", Value: "1"}}, EventName: p("event"), Resource: &bindings.Resource{}, InstrumentationScope: &bindings.InstrumentationScope{Name: "lib"},
			TraceID: p(ownTrace), SpanID: p(spanID(1)), TraceFlags: p(bindings.TraceFlagsSampled),
		})
		if got.TimeUnixNano != 5_000_000_006 || got.ObservedTimeUnixNano != 7_000_000_000 || got.SeverityText != "WARN" || got.SeverityNumber != 13 || show(got.Body) != `"full"` ||
			attrOf(got.Attributes, "a") != "int 1" || got.EventName != "event" || got.scope.Name != "lib" || hex.EncodeToString(got.TraceId) != ownTrace || hex.EncodeToString(got.SpanId) != spanID(1) || got.Flags&1 != 1 {
			t.Errorf("got %v", got)
		}
		none := r.emitted(bindings.LogRecord{})
		if none.TimeUnixNano != 0 || none.SeverityText != "" || none.SeverityNumber != 0 || show(none.Body) != "nil" || none.EventName != "" || none.scope.GetName() != "" {
			t.Errorf("got %v", none)
		}
	}},
	{61, "severity-numbers", func(t *testing.T) {
		r := newRig(t, func(c *rigConfig) { c.telemetry.OTelLevel = slog.LevelDebug }) // the host's level is that of guests, too
		for n := range 256 {
			want := n
			if n > 24 {
				want = 0
			}
			if n > 26 && n < 254 {
				continue
			}
			if got := r.emitted(bindings.LogRecord{SeverityNumber: p(uint8(n))}); int(got.SeverityNumber) != want {
				t.Errorf("%d became %d", n, got.SeverityNumber)
			}
		}
		r.wantIrregular(map[string]int64{"severity": 4})
	}},
	{62, "severity-text", func(t *testing.T) {
		r := newRig(t)
		if got := r.emitted(bindings.LogRecord{SeverityText: p("loud")}); got.SeverityText != "loud" || got.SeverityNumber != 0 {
			t.Errorf("got %v", got)
		}
		if got := r.emitted(bindings.LogRecord{SeverityNumber: p(uint8(17))}); got.SeverityText != "" || got.SeverityNumber != 17 {
			t.Errorf("got %v", got)
		}
	}},
	{63, "times", func(t *testing.T) {
		r := newRig(t)
		for _, c := range []struct{ at, seen *clocksp2.Datetime }{
			{nil, nil}, {p(clocksp2.Datetime{Seconds: 5}), nil}, {nil, p(clocksp2.Datetime{Seconds: 6})}, {p(clocksp2.Datetime{Seconds: 5}), p(clocksp2.Datetime{Seconds: 6})},
		} {
			before := uint64(time.Now().UnixNano())
			got := r.emitted(bindings.LogRecord{Timestamp: c.at, ObservedTimestamp: c.seen})
			if c.at == nil && got.TimeUnixNano != 0 || c.at != nil && got.TimeUnixNano != 5e9 {
				t.Errorf("time %d", got.TimeUnixNano)
			}
			if c.seen == nil && got.ObservedTimeUnixNano < before || c.seen != nil && got.ObservedTimeUnixNano != 6e9 {
				t.Errorf("observed %d", got.ObservedTimeUnixNano)
			}
		}
	}},
	{64, "bodies", func(t *testing.T) {
		r := newRig(t)
		for body, want := range map[string]string{
			`"text"`: `"text"`, `""`: `""`, `42`: "int 42", `1.5`: "double 1.5", `true`: "true", `null`: "nil", `[1,"x"]`: `[int 1, "x"]`, `{"k":{"nested":null}}`: "{k: {nested: nil}}",
			`"data:application/octet-stream;base64,AAEC"`: "bytes 000102", `no json`: `"no json"`,
		} {
			if got := show(r.emitted(bindings.LogRecord{Body: &body}).Body); got != want {
				t.Errorf("%s became %s", body, got)
			}
		}
	}},
	{65, "attributes", func(t *testing.T) {
		r := newRig(t)
		own := func(l *logRecord) (n int) {
			for _, kv := range l.Attributes {
				if !strings.HasPrefix(kv.Key, "vitrine.") {
					n++
				}
			}
			return n
		}
		if got := own(r.emitted(bindings.LogRecord{Attributes: &[]bindings.KeyValue{}})); got != 0 {
			t.Errorf("%d attributes of none", got)
		}
		if got := own(r.emitted(bindings.LogRecord{Attributes: &[]bindings.KeyValue{{Key: "a", Value: "1"}, {Key: "b", Value: "{}"}}})); got != 2 {
			t.Errorf("%d attributes of 2", got)
		}
	}},
	{66, "event-name", func(t *testing.T) {
		if got := newRig(t).emitted(bindings.LogRecord{EventName: p("cart.emptied")}); got.EventName != "cart.emptied" {
			t.Errorf("got %q", got.EventName)
		}
	}},
	{67, "identifiers", func(t *testing.T) {
		r := newRig(t)
		zeros := strings.Repeat("0", 32)
		for i, c := range []struct {
			trace, span *string
			own         bool // they count
		}{
			{nil, nil, false}, {p(zeros), p(zeros[:16]), false}, {p(ownTrace), nil, false}, {nil, p(spanID(1)), false}, {p("xyz"), p(spanID(1)), false},
			{p(ownTrace), p(spanID(1)), true}, {p(strings.TrimLeft(ownTrace, "0")), p("a001"), true},
		} {
			got := r.emitted(bindings.LogRecord{TraceID: c.trace, SpanID: c.span})
			if own := hex.EncodeToString(got.TraceId) == ownTrace && hex.EncodeToString(got.SpanId) == spanID(1); own != c.own {
				t.Errorf("%d: %x %x", i, got.TraceId, got.SpanId)
			}
		}
	}},
	{68, "current-span", func(t *testing.T) { // a record without a span of its own is of the span that is current
		r := newRig(t)
		r.play(newImage().emit(bindings.LogRecord{Body: p(`"out"`)}).start(contextOf(hostTrace, 1)).emit(bindings.LogRecord{Body: p(`"in"`)}).
			emit(bindings.LogRecord{Body: p(`"elsewhere"`), TraceID: p(ownTrace), SpanID: p(spanID(9))}).end(spanOf(hostTrace, 1, 0)))
		want := map[string]string{"out": r.span("guest test:otel/player@0.1.0#play").id(), "in": spanID(1), "elsewhere": spanID(9)}
		for _, l := range r.logs() {
			if got := hex.EncodeToString(l.SpanId); got != want[l.Body.GetStringValue()] {
				t.Errorf("%s is in %s", l.Body.GetStringValue(), got)
			}
		}
	}},
	{69, "resource-and-scope", func(t *testing.T) {
		r := newRig(t)
		got := r.emitted(bindings.LogRecord{
			Resource:             &bindings.Resource{Attributes: []bindings.KeyValue{{Key: "team", Value: `"blue"`}, {Key: "service.name", Value: `"another"`}, {Key: "vitrine.component", Value: `"another"`}}},
			InstrumentationScope: &bindings.InstrumentationScope{Name: "lib", Version: p("2")},
		})
		if got.resource["team"] != `"blue"` || got.resource["service.name"] != `"guest"` || got.resource["vitrine.component"] != `"guest"` || got.scope.Name != "lib" || got.scope.Version != "2" {
			t.Errorf("resource %v, scope %v", got.resource, got.scope)
		}
		if other := r.emitted(bindings.LogRecord{}); other.resource["team"] != "" {
			t.Errorf("resource %v of another record", other.resource)
		}
		for i := range 50 { // their number is bounded
			got := r.emitted(bindings.LogRecord{Resource: &bindings.Resource{Attributes: []bindings.KeyValue{{Key: "n", Value: fmt.Sprint(i)}}}})
			if of := got.resource["n"]; of != fmt.Sprint("int ", i) && attrOf(got.Attributes, "n") != fmt.Sprint("int ", i) {
				t.Errorf("%d: %v", i, got)
			}
		}
	}},
	{70, "no-copy-on-the-console", func(t *testing.T) {
		r := newRig(t)
		r.emitted(bindings.LogRecord{Body: p(`"once"`)})
		r.console.mu.Lock()
		defer r.console.mu.Unlock()
		if len(r.console.lines) != 0 || len(r.logs()) != 1 {
			t.Errorf("%d lines, %d records", len(r.console.lines), len(r.logs()))
		}
	}},
}
