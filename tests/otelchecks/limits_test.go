package otelchecks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// sized is the span of number 1 in the host's trace as on-end has it, with the list of a field replaced: count elements at an address.
func (im *image) sized(field int, at, count uint32) {
	im.end(spanOf(hostTrace, 1, 0))
	span := im.arg(0)
	binary.LittleEndian.PutUint32(im.mem[span+uint32(field):], at)
	binary.LittleEndian.PutUint32(im.mem[span+uint32(field)+4:], count)
}

// Offsets of lists in span-data (canonical ABI).
const (
	offsetAttributes = 80
	offsetEvents     = 88
)

// manyAttributes is so many attributes, all with one key and one value.
func (im *image) manyAttributes(n int, key, value string) {
	k, v := im.text(key), im.text(value)
	at := im.alloc(16 * n)
	for i := range n {
		for j, w := range []uint32{k, uint32(len(key)), v, uint32(len(value))} {
			binary.LittleEndian.PutUint32(im.mem[at+uint32(16*i+4*j):], w)
		}
	}
	im.sized(offsetAttributes, at, uint32(n))
}

// hostile is one guest that sends what no honest one does. It says what it got.
type hostile struct {
	name string
	run  func(r *rig) (got string)
	trap cm.TrapCode // that the canonical ABI says, or a limit; empty: it goes on
}

// hostiles are all of them.
var hostiles = []hostile{
	{"attributes-100k", func(r *rig) string {
		im := newImage()
		im.manyAttributes(100_000, "key", `"value"`)
		r.play(im)
		s := r.span("s1")
		if s.DroppedAttributesCount < 98_000 || len(s.Attributes) > 128 {
			r.Errorf("%d attributes, %d dropped", len(s.Attributes), s.DroppedAttributesCount)
		}
		return fmt.Sprintf("%d attributes, %d dropped", len(s.Attributes), s.DroppedAttributesCount)
	}, ""},
	{"value-10-MB", func(r *rig) string {
		im := newImage()
		im.manyAttributes(1, "key", `"`+strings.Repeat("ü", 5<<20)+`"`)
		im.emit(bindings.LogRecord{Body: p(`"next"`)})
		r.play(im)
		if s := named(r.spans(), "s1"); len(s) == 1 {
			if s[0].DroppedAttributesCount != 1 {
				r.Errorf("%d dropped, %d attributes", s[0].DroppedAttributesCount, len(s[0].Attributes))
			}
			return "the attribute dropped, and counted"
		}
		if got := r.irregular()["outputBytes"]; got != 1 {
			r.Errorf("the span is gone, and %v counted", r.irregular())
		}
		return "the span left out by the limit outputBytes"
	}, ""},
	{"events-1M", func(r *rig) string {
		im := newImage()
		at := im.alloc(32 * 1_000_000)
		im.sized(offsetEvents, at, 1_000_000)
		_, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", im)
		if err != nil {
			return err.Error()
		}
		if s := named(r.spans(), "s1"); len(s) == 1 {
			if len(s[0].Events) > 128 || int(s[0].DroppedEventsCount)+len(s[0].Events) != 1_000_000 {
				r.Errorf("%d events, %d dropped", len(s[0].Events), s[0].DroppedEventsCount)
			}
			return fmt.Sprintf("%d events, %d dropped", len(s[0].Events), s[0].DroppedEventsCount)
		}
		return "the span left out by the limit outputBytes"
	}, ""},
	{"spans-1M", func(r *rig) string {
		im := newImage()
		im.end(spanOf(hostTrace, 1, 0))
		id := im.mem[im.arg(0)+8:] // the pointer to the span's identifier
		digits := binary.LittleEndian.Uint32(id)
		span := im.arg(0)
		im.ops = nil
		im.repeat(1_000_000, digits, func() { im.op(opEnd, span) })
		r.play(im)
		n := len(named(r.spans(), "s1"))
		if n == 0 || n > 10_000 { // outputLines
			r.Errorf("%d spans", n)
		}
		got := r.irregular()
		if got["outputLines"]+got["outputLinesPerSecond"]+got["outputBytes"] < 980_000 {
			r.Errorf("counted %v", got)
		}
		return fmt.Sprintf("%d spans exported, the rest counted: %v", n, got)
	}, ""},
	{"log-flood", func(r *rig) string {
		r.start("neighbour")
		im := newImage()
		im.repeat(1_000_000, 0, func() { im.emit(bindings.LogRecord{Body: p(`"flood"`)}) })
		r.play(im)
		if _, err := r.tryPlay(inTrace(r.Context(), "1"+hostTrace[1:], true), "neighbour", newImage().emit(bindings.LogRecord{Body: p(`"neighbour"`)})); err != nil {
			r.Fatal(err)
		}
		flood, others := 0, 0
		for _, l := range r.logs() {
			switch l.Body.GetStringValue() {
			case "flood":
				flood++
			case "neighbour":
				others++
			}
		}
		if others != 1 || flood > 10_000 {
			r.Errorf("%d records of the neighbour, %d of the flood", others, flood)
		}
		return fmt.Sprintf("%d records exported; its neighbour's is there", flood)
	}, ""},
	{"amplification", func(r *rig) string {
		im := newImage()
		im.manyAttributes(1_000_000, "key", strings.Repeat("x", 16<<20))
		_, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", im)
		return fmt.Sprint(err)
	}, cm.TrapHostMemory},
	{"invalid-utf8", func(r *rig) string {
		im := newImage()
		im.start(contextOf(hostTrace, 1)).setArg(0, im.text("\xff\xfe")).setArg(1, 2)
		_, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", im)
		return fmt.Sprint(err)
	}, cm.TrapBadString},
	{"pointer-out-of-memory", func(r *rig) string {
		_, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", newImage().op(opEnd, 0xfffffff0))
		return fmt.Sprint(err)
	}, cm.TrapBadPointer},
	{"huge-list", func(r *rig) string {
		im := newImage()
		im.sized(offsetAttributes, base, 0xffffffff)
		_, err := r.tryPlay(inTrace(r.Context(), hostTrace, true), "w", im)
		return fmt.Sprint(err)
	}, cm.TrapTooLong},
	{"another-tenants-trace", func(r *rig) string {
		r.start("victim")
		trace := "1" + hostTrace[1:]
		if _, err := r.tryPlay(inTrace(r.Context(), trace, true), "victim", newImage().work().start(contextOf(ownTrace, 8)).end(spanOf(ownTrace, 8, 0))); err != nil {
			r.Fatal(err)
		}
		im := newImage()
		for _, forged := range []string{trace, ownTrace} { // that of the victim's invocation, and one that it has begun
			s := spanOf(forged, 1, 0)
			s.Name, s.ParentSpanID = "forged", ""
			im.start(s.SpanContext).work().end(s)
			im.emit(bindings.LogRecord{Body: p(`"forged"`), TraceID: &forged, SpanID: p(spanID(1))})
		}
		r.play(im)
		for _, s := range r.spans() {
			if (s.trace() == trace || s.trace() == ownTrace) && (s.Name == "forged" || s.resource["vitrine.workload"] == `"w"`) {
				r.Errorf("%s is in %s", s.Name, s.trace())
			}
		}
		for _, l := range r.logs() {
			if got := fmt.Sprintf("%x", l.TraceId); got == trace || got == ownTrace {
				r.Errorf("a record is in %s", got)
			}
		}
		r.wantIrregular(map[string]int64{"foreign_trace": 6})
		return "its spans dropped, its records taken out of the trace"
	}, ""},
	{"forged-identity", func(r *rig) string {
		kvs := []bindings.KeyValue{{Key: "service.name", Value: `"another"`}, {Key: "service.namespace", Value: `"another"`}, {Key: "vitrine.component", Value: `"another"`}, {Key: "service.instance.id", Value: `"another"`}}
		s := spanOf(hostTrace, 1, 0)
		s.Attributes = kvs
		im := newImage()
		im.end(s).emit(bindings.LogRecord{Attributes: &kvs, Resource: &bindings.Resource{Attributes: kvs}})
		im.exportAll(bindings.ResourceMetrics{Resource: bindings.Resource{Attributes: kvs}, ScopeMetrics: []bindings.ScopeMetrics{{Metrics: []bindings.Metric{counterOf("c", 1)}}}})
		r.play(im)
		span, log, metric := r.span("s1"), r.logs()[0], r.metric("c")
		for _, res := range []map[string]string{span.resource, log.resource, metric.resource} {
			if res["service.name"] != `"guest"` || res["service.namespace"] != `"n"` || res["vitrine.component"] != `"guest"` || strings.Contains(res["service.instance.id"], "another") {
				r.Errorf("resource %v", res)
			}
		}
		for _, kvs := range []string{fmt.Sprint(span.Attributes), fmt.Sprint(log.Attributes), fmt.Sprint(metric.scope.GetAttributes())} {
			if strings.Contains(kvs, "another") {
				r.Errorf("attributes %s", kvs)
			}
		}
		return "its own identity"
	}, ""},
}

// test runs it: what it sends is bounded, mended or refused, and the next invocation sees nothing of it.
func (h *hostile) test(t *testing.T) {
	t.Helper()
	r := newRig(t, withComponent(func(c *workload.Component) { c.Limits.Memory = 512 << 20 }), withEnv("OTEL_BSP_MAX_QUEUE_SIZE", "50000"))
	got := h.run(r)
	if h.trap != "" && !strings.Contains(got, strings.ReplaceAll(string(h.trap), "-", " ")) {
		t.Errorf("got %s, wanted a trap %s", got, h.trap)
	}
	if len(got) > 160 {
		got = got[:160]
	}
	t.Log(h.name + ": " + got)
	r.next()
}

func hostileChecks(names ...string) func(t *testing.T) {
	return func(t *testing.T) {
		for _, h := range hostiles {
			for _, n := range names {
				if h.name == n {
					t.Run(n, func(t *testing.T) { h.test(t) })
				}
			}
		}
	}
}

var limitChecks = []check{
	{87, "large-spans", hostileChecks("attributes-100k", "value-10-MB", "events-1M", "spans-1M")},
	{88, "amplification", hostileChecks("amplification")},
	{89, "canonical-abi", hostileChecks("invalid-utf8", "pointer-out-of-memory", "huge-list")},
	{90, "log-flood", hostileChecks("log-flood")},
	{91, "identity", hostileChecks("forged-identity", "another-tenants-trace")},
	{92, "any-arguments", func(t *testing.T) {
		r := newRig(t)
		for i, seed := range callSeeds() {
			if err := r.anyCall(t.Context(), seed); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	}},
}

// callSeeds are calls with arguments and memory of many shapes.
func callSeeds() [][]byte {
	var out [][]byte
	for op := byte(opStart); op <= opExport; op++ {
		for _, args := range [][]byte{nil, {0, 0, 1, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {8, 0, 1, 0, 3, 0, 0, 0, 8, 0, 1, 0, 3, 0, 0, 0, 0xff}} {
			out = append(out, append([]byte{op}, args...), append([]byte{op, 16, 0, 1, 0}, []byte(strings.Repeat(string(args)+"\x01\x00", 40))...))
		}
	}
	return out
}

// anyCall makes one call: the function, then its arguments, then memory. A trap that the canonical ABI or a limit says is in order.
func (r *rig) anyCall(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	im := newImage()
	var args [8]uint32
	rest := b[1:]
	for i := range args {
		var word [4]byte
		rest = rest[copy(word[:], rest):]
		args[i] = binary.LittleEndian.Uint32(word[:])
	}
	im.text(string(rest))
	im.op(uint32(b[0])%opExport+1, args[:]...)
	_, err := r.tryPlay(inTrace(ctx, hostTrace, true), "w", im)
	var trap *cm.Trap
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &trap):
		return err
	case trap.Code == cm.TrapPanic || trap.Code == cm.TrapHost || trap.Code == cm.TrapBug:
		return fmt.Errorf("%s: %w", trap.HostStack, err)
	}
	return nil
}

// FuzzCalls: no arguments of any function of wasi:otel make the host fail.
func FuzzCalls(f *testing.F) {
	for _, s := range callSeeds() {
		f.Add(s)
	}
	r := newRig(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := r.anyCall(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	})
}
