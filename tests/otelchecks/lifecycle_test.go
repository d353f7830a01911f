package otelchecks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// asks is a guest that asks for the context before, in and after a span.
func askAround(r *rig, ask func(*image) uint32) (before, in, after bindings.SpanContext) {
	im := newImage()
	a := ask(im)
	im.start(contextOf(hostTrace, 1))
	b := ask(im)
	im.end(spanOf(hostTrace, 1, 0))
	c := ask(im)
	m := r.play(im)
	return m.context(a), m.context(b), m.context(c)
}

func links(file, ask string) func(t *testing.T) {
	return func(t *testing.T) {
		r := newRig(t, withFile(file+".wasm"))
		how := (*image).current
		if ask == "outer" {
			how = (*image).outer
		}
		askAround(r, how)
		if r.span("s1").trace() != hostTrace {
			t.Error("the span is in another trace")
		}
	}
}

func refused(file string, wants ...string) func(t *testing.T) {
	return func(t *testing.T) {
		var err error
		newRig(t, withFile(file), failing(&err))
		if err == nil {
			t.Fatal("it was linked")
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
	}
}

var linkingChecks = []check{
	{1, "outer-span-context", links(guestName(), "outer")},
	{2, "current-span-context", links(guestName(), "current")},
	{3, "rc1", links("rc1", "outer")},
	{4, "another-shape", func(t *testing.T) {
		t.Run("version", refused("draft.wasm", "wasi:otel/tracing@0.2.0-draft", "0.2.0-rc.2"))
		t.Run("type", refused("shape.wasm", "wasi:otel/tracing@0.2.0-rc.2", "on-start"))
	}},
	{5, "one-interface", func(t *testing.T) {
		r := newRig(t, withFile("logs.wasm"))
		body := `"hello"`
		r.play(newImage().emit(bindings.LogRecord{Body: &body}))
		if got := r.logs(); len(got) != 1 || got[0].Body.GetStringValue() != "hello" {
			t.Errorf("%d records", len(got))
		}
	}},
	{6, "whole-world", func(t *testing.T) { // its bindings import wasi:clocks and wasi:io of 0.2, too
		if got := newRig(t, withGuest("rust-otel-p2")).get("/metrics"); got != "12 metrics\n" {
			t.Errorf("got %q", got)
		}
	}},
	{7, "switched-off", func(t *testing.T) {
		for name, s := range map[string]setting{
			"telemetry": withEnv("OTEL_SDK_DISABLED", "true"),
			"guest":     withComponent(func(c *workload.Component) { c.GuestTelemetry = "off" }),
			"traces":    withEnv("OTEL_TRACES_EXPORTER", "none"),
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, s)
				im := newImage()
				im.start(contextOf(ownTrace, 1))
				at := im.either()
				im.end(spanOf(ownTrace, 1, 0))
				result := im.export(counterOf("c", 1))
				m := r.play(im)
				if c := m.context(at); len(c.TraceID) != 32 || len(c.SpanID) != 16 {
					t.Errorf("context %+v", c)
				}
				if got := m.result(result); got != "" {
					t.Errorf("export: %s", got)
				}
				if got := named(r.spans(), "s1"); len(got) != 0 {
					t.Errorf("%d spans were exported", len(got))
				}
			})
		}
	}},
	{8, "virtualised", func(t *testing.T) {
		for _, guest := range []string{"otel-p2-composed", "otel-main-p2-composed", "otel-p3-composed", "otel-main-p3-composed"} {
			r := newRig(t, withGuest(guest))
			if got := r.get("/trace"); !strings.Contains(got, "trace=0af7651916cd43dd8448eb211c80319c") { // the sink's
				t.Errorf("%s: %q", guest, got)
			}
			r.get("/logs")
			r.get("/metrics")
			if got := r.tree(); strings.Contains(got, "work") || strings.Contains(got, "pause") {
				t.Errorf("%s: the host has its spans: %s", guest, got)
			}
			if got := r.metrics("guest.u64.sum"); len(got) != 0 {
				t.Errorf("%s: the host has its metrics", guest)
			}
			for _, l := range r.logs() {
				if strings.Contains(l.Body.GetStringValue(), "a full record") && l.scope.GetName() == "otel-guest" {
					t.Errorf("%s: the host has its log records", guest)
				}
			}
		}
	}},
	{9, "p3-sync-imports", func(t *testing.T) {
		r := newRig(t, withGuest("rust-otel-p3"))
		r.get("/trace")
		r.wantTree("GET(handle(work(pause)))")
	}},
}

var contextChecks = []check{
	{10, "host-span-before-guest-spans", func(t *testing.T) {
		r := newRig(t)
		before, _, _ := askAround(r, (*image).outer)
		host := r.span("guest test:otel/player@0.1.0#play")
		if before.TraceID != hostTrace || before.SpanID != host.id() || before.TraceFlags != bindings.TraceFlagsSampled || before.IsRemote {
			t.Errorf("got %+v, wanted %s %s", before, host.trace(), host.id())
		}
	}},
	{11, "current-nests", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		at := []uint32{im.current()}
		im.start(contextOf(hostTrace, 1))
		at = append(at, im.current())
		im.start(contextOf(hostTrace, 2))
		at = append(at, im.current())
		im.end(spanOf(hostTrace, 2, 1))
		at = append(at, im.current())
		im.end(spanOf(hostTrace, 1, 0))
		at = append(at, im.current())
		m := r.play(im)
		host := r.span("guest test:otel/player@0.1.0#play").id()
		wantCurrent(t, m, at, host, spanID(1), spanID(2), spanID(1), host)
	}},
	{12, "outer-is-the-hosts", func(t *testing.T) {
		r := newRig(t)
		_, in, _ := askAround(r, (*image).outer)
		if host := r.span("guest test:otel/player@0.1.0#play").id(); in.SpanID != host {
			t.Errorf("got %s, wanted %s", in.SpanID, host)
		}
	}},
	{13, "ends-out-of-order", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.start(contextOf(hostTrace, 1)).start(contextOf(hostTrace, 2)).end(spanOf(hostTrace, 1, 0))
		at := []uint32{im.current()}
		im.end(spanOf(hostTrace, 2, 1))
		at = append(at, im.current())
		m := r.play(im)
		wantCurrent(t, m, at, spanID(2), r.span("guest test:otel/player@0.1.0#play").id())
	}},
	{14, "started-is-entered", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.start(contextOf(hostTrace, 1)).start(contextOf(hostTrace, 2)).end(spanOf(hostTrace, 2, 0))
		at := im.current()
		im.end(spanOf(hostTrace, 1, 0))
		wantCurrent(t, r.play(im), []uint32{at}, spanID(1))
	}},
	{15, "host-drops", func(t *testing.T) {
		t.Run("the guest is told", func(t *testing.T) {
			r := newRig(t, withEnv("OTEL_TRACES_SAMPLER", "always_off"))
			before, _, _ := askAround(r, (*image).current)
			if before.TraceFlags != 0 || before.TraceID != hostTrace {
				t.Errorf("got %+v", before)
			}
			r.wantTree("") // the guest has said sampled all the same
		})
		t.Run("unsampled parent", func(t *testing.T) {
			r := newRig(t)
			im := newImage()
			at := im.current()
			im.start(contextOf(hostTrace, 1))
			in := im.current()
			im.work().end(spanOf(hostTrace, 1, 0))
			m, err := r.tryPlay(inTrace(t.Context(), hostTrace, false), "w", im)
			if err != nil {
				t.Fatal(err)
			}
			if c, d := m.context(at), m.context(in); c.TraceFlags != 0 || d.TraceFlags != 0 || d.SpanID != spanID(1) {
				t.Errorf("got %+v, then %+v", c, d)
			}
			r.wantTree("")
		})
		t.Run("a trace of its own", func(t *testing.T) { // the sampler is asked as of a root
			r := newRig(t, withEnv("OTEL_TRACES_SAMPLER", "parentbased_always_off"))
			im := newImage()
			im.start(contextOf(ownTrace, 1)).work().end(spanOf(ownTrace, 1, 0)).end(spanOf(ownTrace, 2, 1))
			r.play(im)
			if got := r.tree(); strings.Contains(got, "s1") || strings.Contains(got, "work") || strings.Contains(got, "s2") {
				t.Errorf("exported: %s", got)
			}
		})
	}},
	{16, "inbound-tracestate", func(t *testing.T) {
		r := newRig(t, withGuest("rust-otel-p2"))
		r.get("/trace", "traceparent", "00-"+hostTrace+"-"+remoteParent+"-01", "tracestate", "a=1,b@v=2,c=3")
		work := r.span("work")
		if work.trace() != hostTrace || work.TraceState != "a=1,b@v=2,c=3" {
			t.Errorf("trace %s, state %q", work.trace(), work.TraceState)
		}
		got := r.get("/context", "traceparent", "00-"+hostTrace+"-"+remoteParent+"-01", "tracestate", "a=1,b@v=2")
		if !strings.Contains(got, `state=[("a", "1"), ("b@v", "2")]`) {
			t.Errorf("got %s", got)
		}
		var many []string
		for i := range 40 {
			many = append(many, fmt.Sprintf("k%d=v", i))
		}
		if got := r.get("/context", "traceparent", "00-"+hostTrace+"-"+remoteParent+"-01", "tracestate", strings.Join(many, ",")); !strings.Contains(got, "trace="+hostTrace) {
			t.Errorf("with 40 entries: %s", got) // W3C: it may be dropped, the trace goes on
		}
	}},
	{17, "not-remote", func(t *testing.T) {
		before, in, _ := askAround(newRig(t), (*image).current)
		if before.IsRemote || in.IsRemote {
			t.Error("a span of this process is called remote")
		}
	}},
	{18, "no-host-span", func(t *testing.T) {
		r := newRig(t, withComponent(func(c *workload.Component) { c.GuestTelemetry = "off" }))
		before, _, _ := askAround(r, (*image).current)
		if before.TraceID != strings.Repeat("0", 32) || before.SpanID != strings.Repeat("0", 16) || before.TraceFlags != 0 {
			t.Errorf("got %+v", before)
		}
	}},
}

// wantCurrent compares what was asked.
func wantCurrent(t *testing.T, m *memory, at []uint32, want ...string) {
	t.Helper()
	var got []string
	for _, a := range at {
		got = append(got, m.context(a).SpanID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("current was %v, wanted %v", got, want)
	}
}

// next is that an invocation in the same workload sees nothing of what was before.
func (r *rig) next() {
	r.Helper()
	im := newImage()
	at := im.either()
	im.work()
	m, err := r.tryPlay(inTrace(r.Context(), "1"+hostTrace[1:], true), "w", im)
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range r.spans() {
		if s.id() == m.context(at).SpanID && s.Name == "guest test:otel/player@0.1.0#play" {
			return
		}
	}
	r.Errorf("the next invocation begins in %s", m.context(at).SpanID)
}

var lifecycleChecks = []check{
	{19, "start-and-end", func(t *testing.T) {
		r := newRig(t)
		r.play(newImage().start(contextOf(hostTrace, 1)).end(spanOf(hostTrace, 1, 0)))
		if s := r.span("s1"); s.id() != spanID(1) || s.trace() != hostTrace {
			t.Errorf("%s %s", s.trace(), s.id())
		}
		r.wantIrregular(nil)
	}},
	{20, "end-without-start", func(t *testing.T) {
		r := newRig(t)
		s := spanOf(hostTrace, 1, 0)
		s.ParentSpanID = remoteParent
		r.play(newImage().end(s).end(spanOf(hostTrace, 2, 1)))
		if r.span("s1").parent() != remoteParent || r.span("s2").parent() != spanID(1) {
			t.Error("the parents are others")
		}
		r.wantIrregular(map[string]int64{"never_started": 2})
		if n := r.warnings.with("never_started"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	}},
	{21, "end-twice", func(t *testing.T) {
		r := newRig(t)
		r.play(newImage().start(contextOf(hostTrace, 1)).end(spanOf(hostTrace, 1, 0)).end(spanOf(hostTrace, 1, 0)))
		r.span("s1")
		r.wantIrregular(map[string]int64{"ended_twice": 1})
	}},
	{22, "start-twice", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.repeat(1000, 0, func() { im.start(contextOf(hostTrace, 1)) }).end(spanOf(hostTrace, 1, 0))
		r.play(im)
		r.span("s1")
		r.wantIrregular(map[string]int64{"started_twice": 999})
	}},
	{23, "never-ended", func(t *testing.T) {
		r := newRig(t)
		r.play(newImage().start(contextOf(hostTrace, 1)).work().start(contextOf(hostTrace, 2)).end(spanOf(hostTrace, 2, 1)))
		r.wantTree("play(play(unfinished(s2 work)))")
		s := r.span("unfinished")
		if s.id() != spanID(1) || s.attr("vitrine.unfinished") != "true" || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s, %s", s.id(), s.attr("vitrine.unfinished"))
		}
		r.wantIrregular(map[string]int64{"never_ended": 1})
		r.next()
	}},
	{24, "trap", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.start(contextOf(hostTrace, 1)).start(contextOf(hostTrace, 2)).end(spanOf(hostTrace, 2, 1))
		im.export(counterOf("before.the.trap", 1))
		_, err := r.tryPlay(inTrace(t.Context(), hostTrace, true), "w", im.op(opTrap))
		wantTrap(t, err, cm.TrapUnreachable)
		r.wantTree("play(play(unfinished(s2)))")
		if s := r.span("guest test:otel/player@0.1.0#play"); s.Status.GetCode().String() != "STATUS_CODE_ERROR" || s.attr("error.type") != `"trap.unreachable"` {
			t.Errorf("%v, %s", s.Status, s.attr("error.type"))
		}
		r.metric("before.the.trap")
		r.wantIrregular(map[string]int64{"never_ended": 1})
		r.next()
	}},
	{25, "deadline-and-cancellation", func(t *testing.T) {
		for name, s := range map[string]setting{
			"deadline": withComponent(func(c *workload.Component) { c.Limits.Deadline = 50 * time.Millisecond }),
			"fuel":     withComponent(func(c *workload.Component) { c.Limits.Fuel = 100_000 }),
			"client":   func(*rigConfig) {},
		} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(inTrace(t.Context(), hostTrace, true))
				r := newRig(t, s, withWork(func(context.Context, uint32) {
					if name == "client" {
						cancel()
					}
				}))
				_, err := r.tryPlay(ctx, "w", newImage().start(contextOf(hostTrace, 1)).work().op(opSpin))
				cancel()
				if err == nil {
					t.Fatal("it ended well")
				}
				r.wantTree("play(play(unfinished(work)))")
				r.next()
			})
		}
	}},
	{26, "child-ends-after-parent", func(t *testing.T) {
		r := newRig(t)
		r.play(newImage().start(contextOf(hostTrace, 1)).start(contextOf(hostTrace, 2)).end(spanOf(hostTrace, 1, 0)).end(spanOf(hostTrace, 2, 1)))
		if r.span("s2").parent() != r.span("s1").id() {
			t.Error("another parent")
		}
		r.wantIrregular(nil)
	}},
	{27, "ended-in-a-later-invocation", func(t *testing.T) {
		r := newRig(t, withComponent(func(c *workload.Component) { c.Instances = workload.Instances{Isolation: "reuse", Max: 1} }))
		r.play(newImage().start(contextOf(hostTrace, 1)).start(contextOf(hostTrace, 2)).start(contextOf(hostTrace, 3)).end(spanOf(hostTrace, 3, 2)))
		im := newImage()
		im.end(spanOf(hostTrace, 1, 0)).work().end(spanOf(hostTrace, 1, 0))
		at := im.either()
		m, err := r.tryPlay(inTrace(t.Context(), "1"+hostTrace[1:], true), "w", im)
		if err != nil {
			t.Fatal(err)
		}
		if c := m.context(at); c.TraceID != "1"+hostTrace[1:] {
			t.Errorf("current is %+v", c)
		}
		r.next()
		r.end()
		if s := r.span("s1"); s.id() != spanID(1) || s.trace() != hostTrace { // once: span fails on two
			t.Errorf("%s %s", s.trace(), s.id())
		}
		if s := r.span("unfinished"); s.id() != spanID(2) || r.span("s3").parent() != spanID(2) {
			t.Errorf("unfinished is %s", s.id())
		}
		r.wantIrregular(map[string]int64{"never_ended": 1, "ended_twice": 1})
	}},
	{28, "record-only", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		c, s := contextOf(hostTrace, 1), spanOf(hostTrace, 1, 0)
		c.TraceFlags, s.SpanContext.TraceFlags = 0, 0
		im.start(c)
		at := im.current()
		im.end(s)
		m := r.play(im)
		wantCurrent(t, m, []uint32{at}, spanID(1))
		r.wantTree("play(play)")
	}},
	{29, "10000-never-ended", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.start(contextOf(hostTrace, 0))
		id := im.arg(2)
		im.ops = nil
		im.repeat(10_000, id, func() { im.start(contextOf(hostTrace, 0)).setArg(2, id) }) // the digits are the first half of it
		r.play(im)
		if n := len(named(r.spans(), "unfinished")); n != 256 {
			t.Errorf("%d are reported", n)
		}
		r.wantIrregular(map[string]int64{"never_ended": 256, "too_many_open": 10_000 - 256})
	}},
	{30, "while-initialising", func(t *testing.T) {
		r := newRig(t, withFile("init.wasm"))
		before, _, _ := askAround(r, (*image).current)
		if before.TraceID != hostTrace || before.SpanID == spanID(1) {
			t.Errorf("an invocation begins in %+v", before)
		}
		r.end()
		if s := named(r.spans(), "unfinished"); len(s) == 0 || s[0].trace() != ownTrace || s[0].parent() != "" {
			t.Errorf("%d unfinished spans", len(s))
		}
	}},
}

func wantTrap(t *testing.T, err error, code cm.TrapCode) {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != code {
		t.Errorf("got %v, wanted a trap %s", err, code)
	}
}
