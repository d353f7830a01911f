package telemetry_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestGuestSpansAreParents: calls during a guest's own open span are children of that span, in whatever order spans end, and across
// components.
func TestGuestSpansAreParents(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		irregular          map[string]int64
	}{
		{"none", "w0", "play(play(work))", nil},
		{"one", "w0 s1 w0 e1 w0", "play(play(work 1(work) work))", nil},
		{"one in one", "s1 w0 s2 w0 e2 w0 e1 w0", "play(play(1(work 2(work) work) work))", nil},
		{"ends out of order", "s1 s2 e1 w0 e2 w0", "play(play(1(2(work)) work))", nil},
		{"the later one of two ends", "s1 s2 e2 w0 e1", "play(play(1(2 work)))", nil},
		{"ended and never begun", "e5 w0", "play(play(5 work))", map[string]int64{"never_started": 1}},
		{"begun twice", "s1 s1 w0 e1 w0", "play(play(1(work) work))", map[string]int64{"started_twice": 1}},
		{"ended twice", "s1 e1 e1 w0", "play(play(1 work))", map[string]int64{"ended_twice": 1}},
		{"left open", "s1 s2 e2 w0", "play(play(unfinished(2 work)))", map[string]int64{"never_ended": 1}},
		{"without identifiers", "s9 w0 e9", "play(play(work))", map[string]int64{"invalid": 2}},
		{"not sampled", "s7 w0 e7 w0", "play(play(work))", nil},
		{"a trace of its own", "s8 w0 e8 w0", "play(play(work)) 8(work)", nil},
		{"calls between components", "s1 c3 s2 w0 e2 w0 e1", "play(play(1(play(2(work)) work)))", nil},
		{"the callee's span is above its own calls only", "s1 c1 w0 w0 e1", "play(play(1(play(work) work)))", nil},
		{"a span that a callee left to its caller", "s1 c1 s2 w0 e2 w0 e1", "play(play(1(play(2(work)) work)))", nil},
		{"a trap", "s1 s2 e2 t0", "play(play(unfinished(2)))", map[string]int64{"never_ended": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newGuestHarness(t, &scriptedGuests{}, nil)
			err := s.run(c.script)
			if traps := strings.Contains(c.script, "t0"); (err != nil) != traps {
				t.Fatal(err)
			}
			if got := sorted(outline(s.endedSpans())); got != sorted(c.want) {
				t.Errorf("got  %s\nwant %s", got, sorted(c.want))
			}
			if got := s.irregular(); fmt.Sprint(got) != fmt.Sprint(mapOf(c.irregular)) {
				t.Errorf("irregular %v, want %v", got, c.irregular)
			}
			// A span that an invocation left open is no parent in the next one.
			s.spans.Reset()
			if err := s.run("w0"); err != nil {
				t.Fatal(err)
			}
			if got := outline(s.endedSpans()); got != "play(play(work))" {
				t.Errorf("the next invocation: %s", got)
			}
		})
	}
}

func mapOf(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}

// sorted orders siblings of an outline by name: spans that guests time themselves begin when their test says.
func sorted(outline string) string {
	var parse func() string
	rest := outline
	parse = func() string {
		var all []string
		for rest != "" && rest[0] != ')' {
			i := strings.IndexAny(rest, "( )")
			if i < 0 {
				i = len(rest)
			}
			name := rest[:i]
			rest = rest[i:]
			if strings.HasPrefix(rest, "(") {
				rest = rest[1:]
				name += "(" + parse() + ")"
				rest = rest[1:]
			}
			if name != "" {
				all = append(all, name)
			}
			rest = strings.TrimPrefix(rest, " ")
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	return parse()
}

// TestGuestSpansOfInterleavedTasks: two invocations in one store, each parked in a host function while the other runs, have their own
// spans.
func TestGuestSpansOfInterleavedTasks(t *testing.T) {
	ctx := t.Context()
	type turn struct{ parked, resume chan struct{} }
	type turnKey struct{}
	a := &scriptedGuests{park: func(ctx context.Context) {
		p := ctx.Value(turnKey{}).(*turn)
		p.parked <- struct{}{}
		<-p.resume
	}}
	exporter := tracetest.NewInMemoryExporter()
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv: func(string) string { return "" }, Consumers: []export.Consumer{{Spans: exporter}}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Shutdown(context.Background()) }()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	spec := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "actor"}}}
	observer := tel.Component(spec, &spec.Components[0])
	linker := engine.NewLinker(observer)
	a.define(linker, observer.(otel.Sink))
	inst := instantiate(t, engine, linker)

	begin := func(export, script string) (*turn, chan error) {
		p := &turn{make(chan struct{}), make(chan struct{})}
		done := make(chan error, 1)
		use := inst.Use(&component.Use{})
		go func() {
			_, err := use.Call(context.WithValue(ctx, turnKey{}, p), export+"#play", script)
			if end := use.End(); err == nil {
				err = end
			}
			done <- err
			close(p.parked)
		}()
		<-p.parked
		return p, done
	}
	one, oneDone := begin("test:otel/actor", "s1w0s3w0e3w0e1w0")
	two, twoDone := begin("test:otel/beside", "s2w0s4w0e4w0e2w0")
	for range 4 { // each has four works to park in
		for _, p := range []*turn{one, two} {
			p.resume <- struct{}{}
			<-p.parked
		}
	}
	if err, err2 := <-oneDone, <-twoDone; err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	s := &guestHarness{t: t, Telemetry: tel, spans: exporter}
	want := sorted("play(1(work 3(work) work) work) play(2(work 4(work) work) work)")
	if got := sorted(outline(s.endedSpans())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func instantiate(t *testing.T, engine *component.Engine, linker *component.Linker) *component.Instance {
	t.Helper()
	wasm, err := os.ReadFile(scriptedGuestFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := linker.Load(t.Context(), "actor", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return inst
}

// TestGuestSpansLeftOpen: of the spans that a guest leaves open a bounded number is kept, and the last one is the parent of its calls.
func TestGuestSpansLeftOpen(t *testing.T) {
	var seen otel.SpanContext
	a := &scriptedGuests{work: func(ctx context.Context, sink otel.Sink, _ uint32) { seen = sink.Current(ctx) }}
	s := newGuestHarness(t, a, func(c *workload.Component) { c.Detail, c.Limits.Deadline = "invocation", 10*time.Minute })
	if err := s.run("n1s0 w0"); err != nil {
		t.Fatal(err)
	}
	if want := a.context(otel.SpanContext{}, 100_009).SpanID; seen.SpanID != want {
		t.Errorf("current is %v, want the last of them, %v", seen.SpanID, want)
	}
	if got := s.irregular(); got["too_many_open"] != 100_000-256 || got["never_ended"] != 256 {
		t.Errorf("irregular %v", got)
	}
	t.Run("within host memory", func(t *testing.T) {
		a := &scriptedGuests{}
		for i := range 32 {
			a.state = append(a.state, otel.StateEntry{Key: fmt.Sprintf("k%d", i), Value: strings.Repeat("v", 250)})
		}
		const memory, started, most = 256 << 10, 70, (256 << 10) / (32 * 250)
		s := newGuestHarness(t, a, func(c *workload.Component) { c.Limits.HostMemory = memory })
		script := ""
		for n := range started {
			script += "s" + string(rune('0'+10+n))
		}
		for range 2 { // what the first holds the second has again
			if err := s.run(script); err != nil {
				t.Fatal(err)
			}
		}
		got := s.irregular()
		if open := got["never_ended"]; open == 0 || open > 2*most || open+got["host_memory"] != 2*started {
			t.Errorf("irregular %v", got)
		}
	})
}

// TestGuestRecordsWithinLimits: guests' own records count for the limits of output. A dropped span ends as a parent, too.
func TestGuestRecordsWithinLimits(t *testing.T) {
	for _, c := range []struct {
		limit  string
		limits workload.Limits
	}{
		{"outputLines", workload.Limits{OutputLines: 3}},
		{"outputBytes", workload.Limits{OutputBytes: 3 * 1000}},
		{"outputLinesPerSecond", workload.Limits{OutputLinesPerSecond: 3}},
	} {
		t.Run(c.limit, func(t *testing.T) {
			a := &scriptedGuests{shape: func(s *otel.Span) {
				s.Attributes = []otel.KeyValue{{Key: "k", Value: strings.Repeat("v", 700)}}
			}}
			s := newGuestHarness(t, a, func(w *workload.Component) { w.Limits = c.limits })
			if err := s.run("s1e1 s2e2 s3e3 s4e4 s5e5 w0"); err != nil {
				t.Fatal(err)
			}
			if got := sorted(outline(s.endedSpans())); got != sorted("play(play(1 2 3 work))") {
				t.Errorf("got %s", got)
			}
			if got := s.irregular(); got[c.limit] != 2 {
				t.Errorf("left out: %v", got)
			}
		})
	}
}

// badText is no UTF-8.
const badText = "\xff\x00\xfe"

// TestGuestRecordsAreSanitized: guests' own records are exported as valid UTF-8 of bounded size, with the guest's identity.
func TestGuestRecordsAreSanitized(t *testing.T) {
	var deep otel.Value = "end"
	for range 10_000 {
		deep = []otel.Value{deep}
	}
	many := make([]otel.KeyValue, 100_000)
	for i := range many {
		many[i] = otel.KeyValue{Key: fmt.Sprint("k", i), Value: int64(i)}
	}
	huge := strings.Repeat("x", 900<<10)
	forged := []otel.KeyValue{{Key: "service.name", Value: "another"}, {Key: "vitrine.component", Value: "another"}}
	hostile := []otel.KeyValue{
		{Key: badText, Value: badText}, {Key: "", Value: "no key"}, {Key: "list", Value: []otel.Value{badText, int64(1), 2.5, nil}}, {Key: "deep", Value: deep},
		{Key: "map", Value: []otel.KeyValue{{Key: badText, Value: badText}}}, {Key: "numbers", Value: []otel.Value{int64(1), 2.5}}, {Key: "odd", Value: struct{}{}},
	}
	shapes := map[uint32]func(s *otel.Span){
		1: func(s *otel.Span) {
			s.Name, s.Status = badText, otel.Status{Code: otel.StatusError, Description: badText}
			s.Attributes, s.Scope = append(forged, hostile...), otel.Scope{Name: badText, Version: badText, SchemaURL: badText, Attributes: hostile}
			s.Events, s.Links = []otel.Event{{Name: badText, Attributes: hostile}}, []otel.Link{{Attributes: hostile}}
			s.Context.State = otel.TraceState{{Key: badText, Value: badText}}
		},
		2: func(s *otel.Span) {
			s.Attributes, s.Events, s.Links = many, make([]otel.Event, 100_000), make([]otel.Link, 100_000)
			s.DroppedAttributes = 1<<32 - 1
		},
		3: func(s *otel.Span) {
			s.Attributes = []otel.KeyValue{{Key: "a", Value: huge}, {Key: "b", Value: huge}, {Key: "c", Value: "small"}}
		},
		4: func(s *otel.Span) {
			s.Start, s.End = otel.Time{Seconds: 1<<64 - 1}, otel.Time{Seconds: 1<<63 - 1, Nanoseconds: 1<<32 - 1}
		},
		5: func(s *otel.Span) {
			s.Start, s.End = otel.Time{Seconds: 1 << 62}, otel.Time{Seconds: 18446744011573954816}
		},
		6: func(s *otel.Span) { s.Kind, s.Status.Code = 255, 200 },
	}
	a := &scriptedGuests{shape: func(s *otel.Span) {
		if f := shapes[binary.BigEndian.Uint32(s.Context.SpanID[4:])-1]; f != nil {
			f(s)
		}
	}}
	s := newGuestHarness(t, a, func(c *workload.Component) { c.Limits.OutputBytes = 1 << 30; c.Limits.OutputBytesPerSecond = 1 << 30 })
	if err := s.run("s1e1 s2e2 s3e3 s4e4 s5e5 s6e6"); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, span := range s.endedSpans() {
		id := span.SpanContext.SpanID()
		n := binary.BigEndian.Uint32(id[4:]) - 1
		if id[0] != 0 || id[1] != 0 || shapes[n] == nil {
			continue
		}
		found++
		size := len(span.Name)
		sound := func(what, s string) {
			size += len(s)
			if !utf8.ValidString(s) {
				t.Errorf("%d: %s is no UTF-8: %q", n, what, s)
			}
		}
		attrs := func(kvs []attribute.KeyValue) {
			for _, kv := range kvs {
				sound("a key", string(kv.Key))
				sound("a value", kv.Value.String())
			}
		}
		sound("the name", span.Name)
		sound("the description", span.Status.Description)
		sound("the scope", span.InstrumentationScope.Name+span.InstrumentationScope.Version+span.InstrumentationScope.SchemaURL)
		attrs(span.Attributes)
		attrs(span.InstrumentationScope.Attributes.ToSlice())
		for _, e := range span.Events {
			sound("an event", e.Name)
			attrs(e.Attributes)
		}
		for _, l := range span.Links {
			attrs(l.Attributes)
		}
		if size > 1<<20 || len(span.Attributes) > 128 || len(span.Events) > 128 || len(span.Links) > 128 {
			t.Errorf("%d: %d bytes, %d attributes, %d events, %d links", n, size, len(span.Attributes), len(span.Events), len(span.Links))
		}
		if service, _ := span.Resource.Set().Value("service.name"); service.AsString() != "actor" || attr(span, "vitrine.component") != "actor/front" && !strings.HasPrefix(attr(span, "vitrine.component"), "actor") || attr(span, "service.name") != "" {
			t.Errorf("%d: it comes from %q, %q", n, service.AsString(), attr(span, "vitrine.component"))
		}
		if span.EndTime.Before(span.StartTime) || !span.StartTime.IsZero() && span.StartTime.Before(time.Unix(0, 0)) { // zero: unknown
			t.Errorf("%d: from %v to %v", n, span.StartTime, span.EndTime)
		}
		switch n {
		case 1:
			if attr(span, "numbers") != "[1,2.5]" || span.SpanContext.TraceState().Len() != 0 {
				t.Errorf("numbers %s, tracestate %v", attr(span, "numbers"), span.SpanContext.TraceState())
			}
		case 2:
			if span.DroppedAttributes < 1<<32-1 || span.DroppedEvents != 100_000-len(span.Events) || span.DroppedLinks != 100_000-len(span.Links) {
				t.Errorf("dropped %d, %d, %d", span.DroppedAttributes, span.DroppedEvents, span.DroppedLinks)
			}
		case 3:
			if span.DroppedAttributes != 1 || attr(span, "c") != "small" {
				t.Errorf("dropped %d; %q", span.DroppedAttributes, attr(span, "c"))
			}
		case 6:
			if span.SpanKind != trace.SpanKindInternal {
				t.Errorf("kind %v", span.SpanKind)
			}
		}
	}
	if found != len(shapes) {
		t.Errorf("%d of %d spans: %s", found, len(shapes), outline(s.endedSpans()))
	}
	if got := s.irregular(); got["time"] != 4 {
		t.Errorf("irregular %v", got)
	}
}

// TestGuestScopesAreBounded: the number of a guest's scopes is bounded, and no scope's name is lost.
func TestGuestScopesAreBounded(t *testing.T) {
	n := 0
	a := &scriptedGuests{shape: func(s *otel.Span) { n++; s.Scope.Name = fmt.Sprint("scope ", n) }}
	s := newGuestHarness(t, a, nil)
	for range 30 {
		if err := s.run("s1e1 s2e2 s3e3 s4e4 s5e5"); err != nil {
			t.Fatal(err)
		}
	}
	scopes, named := map[string]bool{}, 0
	for _, span := range s.endedSpans() {
		if strings.HasPrefix(span.Name, "guest ") {
			scopes[span.InstrumentationScope.Name] = true
			if attr(span, "otel.scope.name") != "" {
				named++
			}
		}
	}
	if len(scopes) != 101 || named != 50 {
		t.Errorf("%d scopes, %d spans that name theirs", len(scopes), named)
	}
}

// TestGuestLogsAndMetrics: records belong to the open span, the component's service, and the instance.
func TestGuestLogsAndMetrics(t *testing.T) {
	a := &scriptedGuests{work: func(ctx context.Context, sink otel.Sink, n uint32) {
		sink.EmitLog(ctx, &otel.LogRecord{Severity: 9, Body: fmt.Sprint("log ", n), Scope: &otel.Scope{Name: "sdk"}, Resource: &otel.Resource{
			Attributes: []otel.KeyValue{{Key: "service.name", Value: "another"}, {Key: "team", Value: "blue"}},
		}})
		err := sink.ExportMetrics(ctx, &otel.ResourceMetrics{Scopes: []otel.ScopeMetrics{{Scope: otel.Scope{Name: "sdk"}, Metrics: []otel.Metric{
			{Name: "hits", Data: &otel.Sum{Kind: otel.Uint64, Monotonic: true, Points: []otel.Point{{Value: otel.Number{Kind: otel.Uint64, Uint: 1}}}}},
			{Name: "broken", Data: &otel.Histogram{Points: []otel.HistogramPoint{{Bounds: []float64{1}}}}},
		}}}})
		if err == nil || !strings.Contains(err.Error(), `"broken"`) {
			t.Errorf("metrics: %v", err)
		}
	}}
	s := newGuestHarness(t, a, func(c *workload.Component) { c.Instances.Isolation = "fresh" })
	for range 2 {
		if err := s.run("w0 s1 w1 e1"); err != nil {
			t.Fatal(err)
		}
	}
	spans := s.endedSpans()
	guests, instances := map[trace.SpanID]bool{}, map[string]bool{}
	for _, span := range spans {
		if span.Name == "guest 1" {
			guests[span.SpanContext.SpanID()] = true
			instances[span.SpanContext.TraceID().String()+attr(span, "vitrine.instance.id")] = true
		}
	}
	if len(instances) != 2 {
		t.Errorf("instances of the spans: %v", instances)
	}
	in := map[string]int{}
	for _, r := range s.logs.all() {
		service, _ := r.Resource().Set().Value("service.name")
		kvs := map[string]string{}
		r.WalkAttributes(func(kv attribute.KeyValue) bool { kvs[string(kv.Key)] = kv.Value.String(); return true })
		team, _ := r.Resource().Set().Value("team")
		if service.AsString() != "actor" || r.InstrumentationScope().Name != "sdk" || team.AsString() != "blue" || kvs["service.name"] != "" || kvs["vitrine.instance.id"] == "" {
			t.Errorf("a record of %q, scope %q, %v", service.AsString(), r.InstrumentationScope().Name, kvs)
		}
		if guests[r.SpanID()] {
			in[r.Body().AsString()+" in the guest's span"]++
		} else if r.SpanID().IsValid() {
			in[r.Body().AsString()]++
		}
	}
	if want := map[string]int{"log 0": 2, "log 1 in the guest's span": 2}; fmt.Sprint(in) != fmt.Sprint(want) {
		t.Errorf("records %v, want %v", in, want)
	}
	if writers, hits := s.pushed.of("hits"); writers != 1 || hits != 2 { // each instance has exported its sum of 1 twice
		t.Errorf("%d hits by %d writers", hits, writers)
	}
}

// TestDetachedRecords: a detached context identifies the task on any goroutine, and after the task's end.
func TestDetachedRecords(t *testing.T) {
	var later context.Context
	var sink otel.Sink
	var at otel.SpanContext
	done := make(chan struct{})
	a := &scriptedGuests{work: func(ctx context.Context, s otel.Sink, _ uint32) {
		sink, later = s, s.Detach(ctx)
		go func() {
			defer close(done)
			at = s.Current(later)
			s.EmitLog(later, &otel.LogRecord{Body: "detached"})
		}()
		<-done
	}}
	s := newGuestHarness(t, a, nil)
	if err := s.run("s1 w0 e1"); err != nil {
		t.Fatal(err)
	}
	if at.SpanID != a.context(otel.SpanContext{}, 1).SpanID {
		t.Errorf("current %v", at.SpanID)
	}
	outer := sink.Outer(later)
	span := a.context(outer, 3)
	sink.StartSpan(later, span)
	if got := sink.Current(later); got.SpanID != outer.SpanID {
		t.Errorf("a span that began after its task is current: %v", got)
	}
	sink.EndSpan(later, &otel.Span{Context: span, ParentID: outer.SpanID, Name: "guest 3"})
	if got := outline(s.endedSpans()); !strings.Contains(got, "3") || strings.Contains(got, "circles") {
		t.Errorf("got %s", got)
	}
	if logs := s.logs.all(); len(logs) != 1 || logs[0].SpanID() != trace.SpanID(at.SpanID) {
		t.Errorf("%d records", len(logs))
	}
	if got := s.irregular(); got["after_its_task"] != 1 {
		t.Errorf("irregular %v", got)
	}
}
