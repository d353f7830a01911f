package telemetry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// quick makes a host call as the engine does where hooks only count most calls.
func (e boundHooks) quick(ctx context.Context, took, waited time.Duration) {
	begun := time.Now().Add(-took)
	if n := e.h.(cm.CountOnly); n.CountOnly() && !n.Count(ctx, begun, took) {
		return
	}
	c := cm.NewCrossing(e.b, cm.CallFrom(ctx), ctx)
	c.Start = begun
	c.Enter(e.h)
	c.Leave(cm.Val{}, cm.End{Host: took - waited, Wait: waited})
}

func importEdge(id, name string) *cm.Boundary {
	return &cm.Boundary{Kind: cm.GuestToHost, Caller: "shop", Callee: "host", Interface: wit.MustParseID(id), Func: name, Type: &cm.FuncType{}}
}

// foldHarness serves one request, in which the component makes the calls that f makes.
func foldHarness(t *testing.T, detail string, f func(b *harness, ctx context.Context)) tracetest.SpanStubs {
	t.Helper()
	b := newHarness(t, func(_ *Config, w *workload.Spec) { w.Components[0].Detail = detail })
	b.serve(&request{r: get("/"), route: "/", status: 200}, func(ctx context.Context) error {
		_, err := b.bind(handleEdge).cross(ctx, resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
			f(b, ctx)
			return cm.Val{}, nil
		})
		return err
	})
	return b.ended()
}

func named(spans tracetest.SpanStubs, name string) (out tracetest.SpanStubs) {
	for _, s := range spans {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

func attributeOf(s tracetest.SpanStub, k attribute.Key) attribute.Value {
	for _, kv := range s.Attributes {
		if kv.Key == k {
			return kv.Value
		}
	}
	return attribute.Value{}
}

// TestFolded: at the default detail a request's calls that reach files, or the network, are one span together, which says how many they were,
// how long they took and what they called. Handles that every program asks for, and drops, are not among them.
func TestFolded(t *testing.T) {
	calls := func(b *harness, ctx context.Context) {
		files := []*cm.Boundary{
			importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.open-at"), importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.stat"),
			importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.stat"),
		}
		for _, e := range files {
			b.bind(e).quick(ctx, 20*time.Microsecond, 0)
		}
		b.bind(importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.sync")).quick(ctx, 5*time.Millisecond, 4*time.Millisecond)
		b.bind(importEdge("wasi:filesystem/types@0.2.0", "[resource-drop]descriptor")).quick(ctx, time.Microsecond, 0)
		b.bind(importEdge("wasi:filesystem/preopens@0.2.0", "get-directories")).quick(ctx, time.Microsecond, 0)
		b.bind(importEdge("wasi:sockets/tcp@0.2.0", "[method]tcp-socket.start-connect")).quick(ctx, time.Microsecond, 0)
		b.bind(importEdge("wasi:sockets/instance-network@0.2.0", "instance-network")).quick(ctx, time.Microsecond, 0)
		b.bind(clockEdge).quick(ctx, time.Microsecond, 0)
	}
	spans := foldHarness(t, "", calls)
	if len(spans) != 4 {
		t.Fatalf("%d spans, wanted the request, the export, and one for files and one for sockets:\n%s", len(spans), formatSpans(spans))
	}
	files := named(spans, "wasi:filesystem")
	if len(files) != 1 || len(named(spans, "wasi:sockets")) != 1 {
		t.Fatalf("spans:\n%s", formatSpans(spans))
	}
	f := files[0]
	if n := attributeOf(f, keyCalls).AsInt64(); n != 4 {
		t.Errorf("%d calls, wanted 4", n)
	}
	if s := attributeOf(f, keyCallsFuncs).AsString(); s != "stat 2, open-at, sync" {
		t.Errorf("functions %q", s)
	}
	for key, want := range map[attribute.Key]time.Duration{keyCallsTime: 5060 * time.Microsecond, keyCallsLongest: 5 * time.Millisecond, keyWaitTime: 4 * time.Millisecond} {
		if got := attributeOf(f, key).AsFloat64(); got != want.Seconds() {
			t.Errorf("%s is %v, wanted %v", key, got, want.Seconds())
		}
	}
	export := named(spans, "shop wasi:http/incoming-handler@0.2.0#handle")
	if len(export) != 1 || f.Parent.SpanID() != export[0].SpanContext.SpanID() {
		t.Errorf("the span of files is not below that of the export:\n%s", formatSpans(spans))
	}
	if spans := foldHarness(t, "invocation", calls); len(spans) != 2 {
		t.Errorf("at detail invocation:\n%s", formatSpans(spans))
	}
	if spans := foldHarness(t, "all", calls); len(spans) != 11 || len(named(spans, "wasi:filesystem")) != 0 {
		t.Errorf("at detail all %d spans:\n%s", len(spans), formatSpans(spans))
	}
}

// TestWaitsAreSeen: at the default detail a call that is no span is one all the same if it has waited for longer than a millisecond. Of many in one
// function those beyond the first ones are one span together. One that was slow without a wait is none: that says more of the machine.
func TestWaitsAreSeen(t *testing.T) {
	const name = "wasi:io/poll@0.2.0#poll"
	poll := func(b *harness) boundHooks { return b.bind(importEdge("wasi:io/poll@0.2.0", "poll")) }
	spans := foldHarness(t, "", func(b *harness, ctx context.Context) {
		p := poll(b)
		p.quick(ctx, 50*time.Millisecond, 49*time.Millisecond)
		p.quick(ctx, time.Millisecond, time.Millisecond)
		p.quick(ctx, 50*time.Millisecond, time.Millisecond)
		p.quick(ctx, time.Microsecond, 0)
	})
	got := named(spans, name)
	if len(got) != 1 {
		t.Fatalf("spans:\n%s", formatSpans(spans))
	}
	if took := got[0].EndTime.Sub(got[0].StartTime); took < 50*time.Millisecond {
		t.Errorf("its span is %s long", took)
	}
	if w := attributeOf(got[0], keyWaitTime).AsFloat64(); w != 0.049 {
		t.Errorf("it has waited %v s", w)
	}
	spans = foldHarness(t, "", func(b *harness, ctx context.Context) {
		p := poll(b)
		for range maxApart + 20 {
			p.quick(ctx, 2*time.Millisecond, 2*time.Millisecond)
		}
	})
	got = named(spans, name)
	if len(got) != maxApart+1 {
		t.Fatalf("%d spans, wanted %d", len(got), maxApart+1)
	}
	folded := 0
	for _, s := range got {
		if n := attributeOf(s, keyCalls).AsInt64(); n > 0 {
			folded++
			if n != 20 {
				t.Errorf("%d calls in one span, wanted 20", n)
			}
		}
	}
	if folded != 1 {
		t.Errorf("%d spans of several calls", folded)
	}
	if spans := foldHarness(t, "invocation", func(b *harness, ctx context.Context) { poll(b).quick(ctx, time.Second, time.Second) }); len(spans) != 2 {
		t.Errorf("at detail invocation:\n%s", formatSpans(spans))
	}
}

// TestWaitsInTheClock: functions that do nothing but wait are not asked how long of it they have waited.
func TestWaitsInTheClock(t *testing.T) {
	spans := foldHarness(t, "", func(b *harness, ctx context.Context) {
		b.bind(importEdge("wasi:clocks/monotonic-clock@0.3.0", "wait-for")).quick(ctx, 2*time.Millisecond, 0)
		b.bind(importEdge("wasi:clocks/monotonic-clock@0.3.0", "now")).quick(ctx, 2*time.Millisecond, 0)
	})
	if len(spans) != 3 || len(named(spans, "wasi:clocks/monotonic-clock@0.3.0#wait-for")) != 1 {
		t.Errorf("spans:\n%s", formatSpans(spans))
	}
}

// TestWaitsForAnswers: a wait for the answer to a request that is a span is not told twice; one before or after it is.
func TestWaitsForAnswers(t *testing.T) {
	spans := foldHarness(t, "", func(b *harness, ctx context.Context) {
		poll := b.bind(importEdge("wasi:io/poll@0.2.0", "poll"))
		poll.quick(ctx, 3*time.Millisecond, 3*time.Millisecond)
		c := cm.NewCrossing(outEdge, cm.CallFrom(ctx), ctx)
		c.SetArgs(resourceArg(&outRequest{method: "GET", u: &url.URL{Scheme: "http", Host: "a"}, h: http.Header{}}))
		c.Enter(b.bind(outEdge).h)
		finish := c.Hold()
		c.Leave(cm.Val{}, cm.End{})
		poll.quick(ctx, 20*time.Millisecond, 20*time.Millisecond)
		begun := time.Now()
		finish(nil, nil)
		poll.quick(ctx, time.Since(begun)+2*time.Millisecond, 2*time.Millisecond) // ends with the request
		for time.Since(begun) < 3*time.Millisecond {
			time.Sleep(time.Millisecond)
		}
		poll.quick(ctx, 2*time.Millisecond, 2*time.Millisecond)
	})
	if n := len(named(spans, "wasi:io/poll@0.2.0#poll")); n != 2 {
		t.Errorf("%d waits, wanted those before and after the request:\n%s", n, formatSpans(spans))
	}
}

// TestFoldsOfLongCalls: of a call that goes on for long, what was folded is told from time to time, not only at its end.
func TestFoldsOfLongCalls(t *testing.T) {
	spans := foldHarness(t, "", func(b *harness, ctx context.Context) {
		e := b.bind(importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.stat"))
		begun := time.Now()
		for i := range 25 {
			e.h.(cm.CountOnly).Count(ctx, begun.Add(time.Duration(i)*time.Second), time.Microsecond)
		}
	})
	var calls []string
	for _, s := range named(spans, "wasi:filesystem") {
		calls = append(calls, attributeOf(s, keyCalls).String())
	}
	if got := strings.Join(calls, " "); got != "11 11 3" {
		t.Errorf("calls of each span: %s", got)
	}
}

// TestFoldsOfCallsAtOnce: the span of calls that ran at once begins with the first of them and ends with the last, in whichever order they ended.
func TestFoldsOfCallsAtOnce(t *testing.T) {
	var from, to time.Time
	spans := foldHarness(t, "", func(b *harness, ctx context.Context) {
		e := b.bind(importEdge("wasi:filesystem/types@0.3.0", "[method]descriptor.stat"))
		begun := cm.CallFrom(ctx).Start
		from, to = begun.Add(time.Microsecond), begun.Add(900*time.Microsecond)
		for _, c := range [][2]time.Duration{{500 * time.Microsecond, 100 * time.Microsecond}, {200 * time.Microsecond, 700 * time.Microsecond}, {time.Microsecond, 800 * time.Microsecond}} {
			e.h.(cm.CountOnly).Count(ctx, begun.Add(c[0]), c[1])
		}
	})
	files := named(spans, "wasi:filesystem")
	if len(files) != 1 || !files[0].StartTime.Equal(from) || !files[0].EndTime.Equal(to) {
		t.Errorf("wanted one span from %s to %s:\n%s", from, to, formatSpans(spans))
	}
}

// TestUnsampledCallsAreNotFolded: what nobody records is not added up.
func TestUnsampledCallsAreNotFolded(t *testing.T) {
	b := newHarness(t, nil)
	e := b.bind(importEdge("wasi:filesystem/types@0.2.0", "[method]descriptor.stat"))
	handle := b.bind(handleEdge)
	_, _ = handle.cross(unsampled(), resourceArg(nil), func(ctx context.Context) (cm.Val, error) {
		n := e.h.(cm.CountOnly)
		begun := time.Now()
		if allocs := testing.AllocsPerRun(100, func() { n.Count(ctx, begun, time.Microsecond) }); allocs != 0 && !raceEnabled {
			t.Errorf("%v allocations", allocs)
		}
		return cm.Val{}, nil
	})
	if spans := b.ended(); len(spans) != 0 {
		t.Errorf("spans:\n%s", formatSpans(spans))
	}
}
