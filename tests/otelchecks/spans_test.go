package otelchecks

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// ended hands over one span after another, each of which was started, and gives what the collector has of the first.
func (r *rig) ended(spans ...bindings.SpanData) *record {
	r.Helper()
	im := newImage()
	for _, s := range spans {
		im.start(s.SpanContext).end(s)
	}
	r.play(im)
	return r.span(spans[0].Name)
}

// changed is a span in the trace of the host.
func changed(f func(s *bindings.SpanData)) bindings.SpanData {
	s := spanOf(hostTrace, 1, 0)
	f(&s)
	return s
}

// allowLoopback grants a guest requests to this machine.
func allowLoopback(c *workload.Component) { c.Grants.HTTP = []string{"http://127.0.0.1:*"} }

var parentChecks = []check{
	{31, "roots", func(t *testing.T) {
		r := newRig(t)
		for i, parent := range []string{"", "0000000000000000", "0", "no span", strings.Repeat("a", 17)} {
			s := spanOf(hostTrace, 1, 0)
			s.ParentSpanID, s.Name = parent, fmt.Sprint("root", i)
			if got := r.ended(s); len(got.ParentSpanId) != 0 {
				t.Errorf("%q: the parent is %s", parent, got.parent())
			}
		}
		r.wantIrregular(map[string]int64{"identifier": 2})
	}},
	{32, "short-parent", func(t *testing.T) {
		if got := newRig(t).ended(changed(func(s *bindings.SpanData) { s.ParentSpanID = "a002" })); got.parent() != spanID(2) {
			t.Errorf("the parent is %s", got.parent())
		}
	}},
	{33, "host-call-in-guest-span", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		inner := changed(func(s *bindings.SpanData) { s.ParentSpanID = "" })
		im.start(inner.SpanContext).work().end(inner)
		r.play(im)
		if work := r.span("test:otel/work@0.1.0#work"); work.parent() != spanID(1) || work.trace() != hostTrace {
			t.Errorf("below %s in %s", work.parent(), work.trace())
		}
	}},
	{34, "own-root", func(t *testing.T) {
		r := newRig(t)
		r.play(newImage().start(contextOf(ownTrace, 1)).work().end(spanOf(ownTrace, 1, 0)).work())
		r.wantTree("play(play(work)) s1(work)")
		if work := named(r.spans(), "test:otel/work@0.1.0#work")[0]; work.trace() != ownTrace {
			t.Errorf("in %s", work.trace())
		}
	}},
	{35, "host-call-after", func(t *testing.T) {
		r := newRig(t)
		host := spanOf(hostTrace, 1, 0)
		r.play(newImage().start(host.SpanContext).end(host).work())
		if work := r.span("test:otel/work@0.1.0#work"); work.parent() != r.span("guest test:otel/player@0.1.0#play").id() {
			t.Errorf("below %s", work.parent())
		}
	}},
	{36, "below-unsampled", func(t *testing.T) {
		r := newRig(t)
		c := contextOf(hostTrace, 1)
		c.TraceFlags = 0
		r.play(newImage().start(c).work())
		r.wantTree("play(play)")
	}},
	{37, "traceparent", func(t *testing.T) {
		up := newUpstream(t)
		for _, guest := range []string{"rust-otel-p2", "rust-otel-p3", "rust-otel-main-p2", "rust-otel-main-p3", "go-otel-p3"} {
			r := newRig(t, withGuest(guest), withComponent(allowLoopback))
			r.get("/trace?url=" + up.url + "/x")
			client := r.span("GET")
			if call := r.span("call"); client.Kind != tracepb.Span_SPAN_KIND_CLIENT || client.parent() != call.id() {
				t.Errorf("%s: %s", guest, r.tree())
			}
			if want := "00-" + client.trace() + "-" + client.id() + "-01"; up.last("traceparent") != want {
				t.Errorf("%s: sent %s, wanted %s", guest, up.last("traceparent"), want)
			}
		}
		r := newRig(t, withGuest("rust-http-full-p2"), withComponent(allowLoopback))
		r.get("/fetch?url=" + up.url + "/x")
		if client := r.span("GET"); up.last("traceparent") != "00-"+client.trace()+"-"+client.id()+"-01" {
			t.Errorf("a guest without its own: sent %s", up.last("traceparent"))
		}
	}},
	{38, "host-guest-host", func(t *testing.T) {
		r := newRig(t, withGuest("rust-otel-main-p2"), withComponent(allowLoopback))
		r.get("/trace?url=" + r.url + "/trace")
		r.gets++ // its own
		r.wantTree("GET(handle(work(call(GET(GET(handle(work(pause))))) pause)))")
	}},
}

var fieldChecks = []check{
	{39, "kinds", func(t *testing.T) {
		r := newRig(t)
		for k, want := range map[bindings.SpanKind]tracepb.Span_SpanKind{
			bindings.SpanKindClient: tracepb.Span_SPAN_KIND_CLIENT, bindings.SpanKindServer: tracepb.Span_SPAN_KIND_SERVER, bindings.SpanKindProducer: tracepb.Span_SPAN_KIND_PRODUCER,
			bindings.SpanKindConsumer: tracepb.Span_SPAN_KIND_CONSUMER, bindings.SpanKindInternal: tracepb.Span_SPAN_KIND_INTERNAL,
		} {
			s := changed(func(s *bindings.SpanData) { s.SpanKind, s.Name = k, k.String() })
			if got := r.ended(s); got.Kind != want {
				t.Errorf("%v became %v", k, got.Kind)
			}
		}
	}},
	{40, "status", func(t *testing.T) {
		r := newRig(t)
		for want, st := range map[string]bindings.Status{
			"STATUS_CODE_UNSET ": {Tag: bindings.StatusTagUnset}, "STATUS_CODE_OK ": {Tag: bindings.StatusTagOk},
			"STATUS_CODE_ERROR ": {Tag: bindings.StatusTagError}, "STATUS_CODE_ERROR out of stock": {Tag: bindings.StatusTagError, Error: "out of stock"},
		} {
			s := changed(func(s *bindings.SpanData) { s.Status, s.Name = st, want })
			if got := r.ended(s); got.Status.GetCode().String()+" "+got.Status.GetMessage() != want {
				t.Errorf("got %v, wanted %s", got.Status, want)
			}
		}
	}},
	{41, "dropped-counts", func(t *testing.T) {
		r := newRig(t, withEnv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "10"))
		s := changed(func(s *bindings.SpanData) {
			s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = 1, 2, math.MaxUint32
		})
		if got := r.ended(s); got.DroppedAttributesCount != 1 || got.DroppedEventsCount != 2 || got.DroppedLinksCount != math.MaxUint32 {
			t.Errorf("got %d, %d, %d", got.DroppedAttributesCount, got.DroppedEventsCount, got.DroppedLinksCount)
		}
		s.Name, s.DroppedAttributes = "many", 5
		for i := range 20 {
			s.Attributes = append(s.Attributes, bindings.KeyValue{Key: fmt.Sprint("k", i), Value: "1"})
		}
		got := r.ended(s)
		if kept := len(got.Attributes); kept != 10 || int(got.DroppedAttributesCount) != 5+20-(kept-2) { // two are the host's
			t.Errorf("%d kept, %d dropped", kept, got.DroppedAttributesCount)
		}
	}},
	{42, "events", func(t *testing.T) {
		r := newRig(t)
		at := func(ns uint32) (d bindings.Event) {
			d.Name, d.Time.Seconds, d.Time.Nanoseconds = fmt.Sprint("e", ns), 1_700_000_000, ns
			d.Attributes = []bindings.KeyValue{{Key: "n", Value: fmt.Sprint(ns)}}
			return d
		}
		got := r.ended(changed(func(s *bindings.SpanData) { s.Events = []bindings.Event{at(5), at(3), at(9)} }))
		var all []string
		for _, e := range got.Events {
			all = append(all, fmt.Sprint(e.Name, " ", e.TimeUnixNano, " ", attrOf(e.Attributes, "n")))
		}
		if want := "[e5 1700000000000000005 int 5 e3 1700000000000000003 int 3 e9 1700000000000000009 int 9]"; fmt.Sprint(all) != want {
			t.Errorf("got %v", all)
		}
		if got := r.ended(changed(func(s *bindings.SpanData) { s.Name = "none" })); len(got.Events) != 0 {
			t.Errorf("%d events", len(got.Events))
		}
		got = r.ended(changed(func(s *bindings.SpanData) {
			s.Name = "many"
			for i := range 1000 {
				s.Events = append(s.Events, at(uint32(i)))
			}
		}))
		if n := len(got.Events); n != 128 || int(got.DroppedEventsCount) != 1000-n || got.Events[n-1].Name != "e999" { // OTEL_SPAN_EVENT_COUNT_LIMIT
			t.Errorf("%d events, %d dropped", n, got.DroppedEventsCount)
		}
	}},
	{43, "links", func(t *testing.T) {
		other := contextOf(ownTrace, 7)
		other.IsRemote, other.TraceState = true, []cm.Tuple2[string, string]{{F0: "a", F1: "1"}, {F0: "b", F1: "2"}}
		kvs := []bindings.KeyValue{{Key: "why", Value: `"retry"`}}
		got := newRig(t).ended(changed(func(s *bindings.SpanData) {
			s.Links = []bindings.Link{{SpanContext: other, Attributes: kvs}, {SpanContext: other}, {SpanContext: bindings.SpanContext{TraceID: "no", SpanID: ""}, Attributes: kvs}, {SpanContext: contextOf(hostTrace, 2)}}
		}))
		var all []string
		for _, l := range got.Links {
			trace, span := hex.EncodeToString(l.TraceId), hex.EncodeToString(l.SpanId)
			if strings.Trim(trace+span, "0") == "" {
				trace, span = "no", "span" // zeros, which a Collector sends on as no identifier
			}
			all = append(all, fmt.Sprintf("%s %s %s %x %s", trace, span, l.TraceState, l.Flags, attrOf(l.Attributes, "why")))
		}
		want := []string{
			ownTrace + " " + spanID(7) + " a=1,b=2 301 \"retry\"", ownTrace + " " + spanID(7) + " a=1,b=2 301 -",
			"no span  100 \"retry\"", hostTrace + " " + spanID(2) + "  101 -", // a link to no span that has attributes is kept, as by SDKs
		}
		if fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("got\n%s\nwanted\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
		}
	}},
	{44, "scopes", func(t *testing.T) {
		r := newRig(t)
		version, schema := "1.2", "https://example.com/schema"
		a := changed(func(s *bindings.SpanData) {
			s.InstrumentationScope = bindings.InstrumentationScope{Name: "lib", Version: &version, SchemaURL: &schema, Attributes: []bindings.KeyValue{{Key: "k", Value: "[1,2]"}}}
		})
		b := spanOf(hostTrace, 2, 0)
		b.InstrumentationScope = bindings.InstrumentationScope{}
		c := spanOf(hostTrace, 3, 0)
		c.InstrumentationScope = a.InstrumentationScope
		got := r.ended(a, b, c)
		if got.scope.Name != "lib" || got.scope.Version != version || got.schema != schema || attrOf(got.scope.Attributes, "k") != "[int 1, int 2]" {
			t.Errorf("%v, schema %s", got.scope, got.schema)
		}
		if other := r.span("s2"); other.scope.GetName() != "" || r.span("s3").scope.Name != "lib" {
			t.Errorf("%v", other.scope)
		}
	}},
	{45, "resource", func(t *testing.T) {
		r := newRig(t, withGuest("rust-otel-p2"))
		r.get("/trace")
		r.get("/logs")
		r.get("/metrics")
		span, log, metric := r.span("work"), r.logs()[0], r.metric("guest.u64.sum")
		if span.resource["service.name"] != `"guest"` || span.resource["service.namespace"] != `"n"` || fmt.Sprint(span.resource) != fmt.Sprint(log.resource) || fmt.Sprint(span.resource) != fmt.Sprint(metric.resource) {
			t.Errorf("span %v\nlog %v\nmetric %v", span.resource, log.resource, metric.resource)
		}
		if host := named(r.spans(), "guest wasi:http/incoming-handler@0.2.12#handle")[0]; fmt.Sprint(host.resource) != fmt.Sprint(span.resource) {
			t.Errorf("the host's span: %v", host.resource)
		}
	}},
	{46, "times", func(t *testing.T) {
		r := newRig(t)
		for i, c := range []struct {
			start, end         [2]uint64
			wantStart, wantEnd uint64
			bad                int
		}{
			{[2]uint64{5, 1}, [2]uint64{5, 1}, 5_000_000_001, 5_000_000_001, 0},
			{[2]uint64{9, 0}, [2]uint64{5, 0}, 9_000_000_000, 9_000_000_000, 0},
			{[2]uint64{5, 1e9}, [2]uint64{6, math.MaxUint32}, 5_999_999_999, 6_999_999_999, 2},
			{[2]uint64{0, 0}, [2]uint64{1, 0}, 0, 1_000_000_000, 0},
			{[2]uint64{math.MaxUint64, 0}, [2]uint64{18446744011573954816, 0}, 0, 0, 2},
			{[2]uint64{1 << 40, 0}, [2]uint64{1 << 62, 0}, math.MaxInt64, math.MaxInt64, 2},
		} {
			s := changed(func(s *bindings.SpanData) {
				s.Name = fmt.Sprint("t", i)
				s.StartTime.Seconds, s.StartTime.Nanoseconds = c.start[0], uint32(c.start[1])
				s.EndTime.Seconds, s.EndTime.Nanoseconds = c.end[0], uint32(c.end[1])
			})
			before := r.irregular()["time"]
			if got := r.ended(s); got.StartTimeUnixNano != c.wantStart || got.EndTimeUnixNano != c.wantEnd {
				t.Errorf("%d: from %d to %d", i, got.StartTimeUnixNano, got.EndTimeUnixNano)
			}
			if n := r.irregular()["time"] - before; n != int64(c.bad) {
				t.Errorf("%d: %d are counted", i, n)
			}
		}
	}},
	{47, "names", func(t *testing.T) {
		r := newRig(t)
		for _, name := range []string{"", "naïve ☃ 世界", "nul \x00 and\ttab"} {
			r.ended(changed(func(s *bindings.SpanData) { s.Name = name }))
		}
		long := strings.Repeat("ü", 1<<19)
		r.play(newImage().end(changed(func(s *bindings.SpanData) { s.Name = long })))
		found := false
		for _, s := range r.spans() {
			found = found || strings.HasPrefix(s.Name, "üüü") && strings.HasPrefix(long, strings.TrimRight(s.Name, "…"))
		}
		if !found {
			t.Error("the long name is gone")
		}
	}},
}

var identifierChecks = []check{
	{48, "upper-case", func(t *testing.T) {
		s := changed(func(s *bindings.SpanData) {
			s.SpanContext.TraceID, s.SpanContext.SpanID = strings.ToUpper(hostTrace), strings.ToUpper(spanID(1))
		})
		if got := newRig(t).ended(s); got.trace() != hostTrace || got.id() != spanID(1) {
			t.Errorf("%s %s", got.trace(), got.id())
		}
	}},
	{49, "invalid", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		bad := [][2]string{
			{strings.Repeat("0", 32), spanID(1)}, {hostTrace, strings.Repeat("0", 16)}, {"xyz", spanID(1)}, {hostTrace, "xyz"}, {hostTrace + "0", spanID(1)},
			{hostTrace, spanID(1) + "0"}, {"", ""}, {"0", "0"}, {strings.Repeat("é", 16), spanID(1)},
		}
		for _, ids := range bad {
			s := changed(func(s *bindings.SpanData) {
				s.SpanContext.TraceID, s.SpanContext.SpanID, s.Name = ids[0], ids[1], "bad"
			})
			im.start(s.SpanContext).end(s)
		}
		im.start(contextOf(hostTrace, 5)).end(changed(func(s *bindings.SpanData) { s.SpanContext.SpanID, s.Name = spanID(5), "good" }))
		r.play(im)
		r.wantTree("good play(play)")
		r.wantIrregular(map[string]int64{"invalid": 2 * int64(len(bad))})
		if n := r.warnings.with("reason=invalid"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	}},
	{50, "same-id-in-two-components", func(t *testing.T) {
		r := newRig(t)
		r.start("other")
		for name, trace := range map[string]string{"w": hostTrace, "other": "1" + hostTrace[1:]} {
			if _, err := r.tryPlay(inTrace(t.Context(), trace, true), name, newImage().end(spanOf(trace, 1, 0))); err != nil {
				t.Fatal(err)
			}
		}
		if got := named(r.spans(), "s1"); len(got) != 2 || got[0].trace() == got[1].trace() {
			t.Errorf("%d spans", len(got))
		}
	}},
	{51, "trace-state", func(t *testing.T) {
		r := newRig(t)
		type pair = cm.Tuple2[string, string]
		many := make([]pair, 33)
		for i := range many {
			many[i] = pair{F0: fmt.Sprint("k", i), F1: "v"}
		}
		for i, c := range []struct {
			in   []pair
			want string
		}{
			{[]pair{{F0: "a", F1: "1"}, {F0: "b", F1: "2"}}, "a=1,b=2"},
			{[]pair{{F0: "a", F1: "1"}, {F0: "UPPER", F1: "2"}}, ""}, {[]pair{{F0: "a", F1: "1"}, {F0: "b", F1: "with,comma"}}, ""}, {[]pair{{F0: "a", F1: "1"}, {F0: "a", F1: "2"}}, ""},
			{[]pair{{}, {}, {F0: "a", F1: "1"}, {F0: "b", F1: "2"}}, "a=1,b=2"}, // as an SDK for Go sends it
			{many, ""},
		} {
			s := changed(func(s *bindings.SpanData) { s.Name, s.SpanContext.TraceState = fmt.Sprint("t", i), c.in })
			if got := r.ended(s); got.TraceState != c.want {
				t.Errorf("%v: %q, wanted %q", c.in, got.TraceState, c.want)
			}
		}
		if n := r.irregular()["tracestate"]; n != 8 { // when they start and when they end
			t.Errorf("%d are counted", n)
		}
	}},
	{52, "flags", func(t *testing.T) {
		r := newRig(t)
		im := newImage()
		im.start(contextOf(hostTrace, 1)).setArg(4, 0xff)
		at := im.current()
		im.end(spanOf(hostTrace, 1, 0))
		m := r.play(im)
		if got := m.context(at); got.TraceFlags != bindings.TraceFlagsSampled {
			t.Errorf("flags %b", got.TraceFlags)
		}
		if got := r.span("s1"); got.Flags != 0x101 {
			t.Errorf("flags %x", got.Flags)
		}
	}},
}

// valueOf hands over one attribute's value and gives what the collector has.
func (r *rig) valueOf(i int, json string) string {
	r.Helper()
	return r.ended(changed(func(s *bindings.SpanData) {
		s.Name, s.Attributes = fmt.Sprint("v", i), []bindings.KeyValue{{Key: "k", Value: json}}
	})).attr("k")
}

func values(want map[string]string, bad int64) func(t *testing.T) {
	return func(t *testing.T) {
		r := newRig(t)
		i := 0
		for json, w := range want {
			if got := r.valueOf(i, json); got != w {
				t.Errorf("%.60s became %.60s, wanted %.60s", json, got, w)
			}
			i++
		}
		if got := r.irregular()["json"]; got != bad {
			t.Errorf("%d are counted, wanted %d", got, bad)
		}
	}
}

var valueChecks = []check{
	{53, "kinds", values(map[string]string{
		`true`: "true", `false`: "false", `0`: "int 0", `-9223372036854775808`: "int -9223372036854775808", `9223372036854775807`: "int 9223372036854775807", `1.5`: "double 1.5",
		`"t\"ä\u4e16\ud83d\ude00\u0000"`: `"t\"ä世😀\x00"`, `["a","b"]`: `["a", "b"]`, `[true,false]`: "[true, false]", `[1,2]`: "[int 1, int 2]", `[1.5,2.5]`: "[double 1.5, double 2.5]",
		`[]`: "[]", `[[1],{"a":[null]}]`: "[[int 1], {a: [nil]}]", `{"a":{"b":1.5}}`: "{a: {b: double 1.5}}", `null`: "nil", `{}`: "{}",
		`"data:application/octet-stream;base64,AAEC/w=="`: "bytes 000102ff",
	}, 0)},
	{54, "numbers", values(map[string]string{
		`1`: "int 1", `1.0`: "double 1", `1e2`: "double 100", `9223372036854775808`: `"9223372036854775808"`, `18446744073709551615`: `"18446744073709551615"`,
		`9007199254740993`: "int 9007199254740993", `[1,2.5]`: "[double 1, double 2.5]", `[1,2.5,"x"]`: `[int 1, double 2.5, "x"]`,
	}, 0)},
	{55, "no-json", values(map[string]string{
		``: `""`, `""`: `""`, `null`: "nil", `NaN`: `"NaN"`, `{`: `"{"`, `1 2`: `"1 2"`, `plain text`: `"plain text"`, `"half`: `"\"half"`,
	}, 6)},
	{56, "typed-array", values(map[string]string{`{"0":1.5,"1":2}`: "{0: double 1.5, 1: int 2}"}, 0)},
	{57, "bytes-prefix", values(map[string]string{
		`"data:application/octet-stream;base64,!!"`: `"data:application/octet-stream;base64,!!"`, `"data:application/octet-stream;base64,AAE"`: `"data:application/octet-stream;base64,AAE"`,
		`"data:application/octet-stream;base64,"`: "bytes ", `"data:text/plain;base64,AAEC"`: `"data:text/plain;base64,AAEC"`,
	}, 0)},
	{58, "keys", func(t *testing.T) {
		got := newRig(t).ended(changed(func(s *bindings.SpanData) {
			s.Attributes = []bindings.KeyValue{{Key: "twice", Value: "1"}, {Key: "", Value: "1"}, {Key: "twice", Value: "2"}}
		}))
		if got.attr("twice") != "int 2" || got.attr("") != "-" || got.DroppedAttributesCount != 1 {
			t.Errorf("%v, %d dropped", got.Attributes, got.DroppedAttributesCount)
		}
	}},
	{59, "deep", func(t *testing.T) {
		r := newRig(t)
		for i, deep := range []string{strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)} {
			if got := r.valueOf(i, deep); !strings.HasPrefix(got, `"`+deep[:3]) && !strings.HasPrefix(got, `"{\"`) {
				t.Errorf("got %.60s", got)
			}
		}
	}},
}
