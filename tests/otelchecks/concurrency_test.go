package otelchecks

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/otel/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// withGateway has two components: the gateway calls the guest of testdata, which is linked to it.
func withGateway(c *rigConfig) {
	gateway := "testdata/gateway.wasm"
	if strings.HasPrefix(guestName(), "p3-") {
		gateway = "testdata/p3-gateway.wasm"
	}
	c.components = []workload.Component{
		{Name: "guest", Source: workload.Source{File: gateway}, Links: map[string]string{"test:otel/player@0.1.0": "service"}},
		{Name: "service", Source: workload.Source{File: guestFile()}},
	}
}

// behind has the component behind do what another image says, and gives where its memory will be.
func (im *image) behind(other *image) (at uint32) {
	b := other.bytes()
	at = im.alloc(8)
	im.op(opBehind, im.text(string(b)), uint32(len(b)), at)
	return at
}

// of is the memory of the component behind.
func (m *memory) of(at uint32) *memory { return &memory{[]byte(m.str(at))} }

// nested plays a span in the gateway with one in the service.
func nested(im *image) (service, current uint32) {
	in := newImage()
	current = in.current()
	in.start(contextOf(hostTrace, 2)).work().end(spanOf(hostTrace, 2, 0))
	im.start(contextOf(hostTrace, 1))
	service = im.behind(in)
	im.end(spanOf(hostTrace, 1, 0))
	return service, current
}

// interleaved requests a path many times, several at once, and gives the answers.
func (r *rig) interleaved(n, atOnce int, path string) []string {
	r.Helper()
	answers := make([]string, n)
	todo := make(chan int)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range todo {
				answers[i] = r.fetch(path)
			}
		})
	}
	for i := range n {
		todo <- i
	}
	close(todo)
	wg.Wait()
	r.gets += n
	return answers
}

// wrongParents counts requests to /trace?url= whose spans are not all where they belong: the request's, the invocation's, and the
// guest's own around its waiting and around its request.
func (r *rig) wrongParents(requests int) (wrong int) {
	r.Helper()
	byTrace := map[string][]*record{}
	for _, s := range r.spans() {
		byTrace[s.trace()] = append(byTrace[s.trace()], s)
	}
	for _, spans := range byTrace {
		if got := outline(spans); got != "GET(handle(work(call(GET) pause)))" {
			if wrong++; wrong < 5 {
				r.Errorf("a request: %s", got)
			}
		}
	}
	if len(byTrace) != requests {
		r.Errorf("%d traces of %d requests", len(byTrace), requests)
	}
	return wrong
}

// manyRequests is how many requests interleave: 2 000, and 10 000 or what VITRINE_OTEL_REQUESTS says where that is set.
func manyRequests() int {
	n, err := strconv.Atoi(os.Getenv("VITRINE_OTEL_REQUESTS"))
	if err != nil {
		return 2000
	}
	return n
}

var concurrencyChecks = []check{
	{93, "parallel-instances", func(t *testing.T) {
		r := newRig(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for k := range 25 {
					trace := fmt.Sprintf("%032x", 1000*i+k+1)
					im := newImage()
					im.start(contextOf(trace, 1)).work().start(contextOf(trace, 2)).work().end(spanOf(trace, 2, 1)).end(spanOf(trace, 1, 0)).work()
					if _, err := r.tryPlay(inTrace(t.Context(), trace, true), "w", im); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		byTrace := map[string][]*record{}
		for _, s := range r.spans() {
			byTrace[s.trace()] = append(byTrace[s.trace()], s)
		}
		for trace, spans := range byTrace {
			if got := outline(spans); got != "play(play(work)) s1(s2(work) work)" { // s1 says that it has no parent
				t.Errorf("%s: %s", trace, got)
			}
		}
		if len(byTrace) != 200 {
			t.Errorf("%d traces", len(byTrace))
		}
	}},
	{94, "interleaved-tasks", func(t *testing.T) {
		up := newUpstream(t)
		for _, guest := range []string{"rust-otel-p3", "rust-otel-main-p3", "go-otel-p3"} {
			r := newRig(t, withGuest(guest), withEnv("OTEL_BSP_MAX_QUEUE_SIZE", "200000"), withComponent(func(c *workload.Component) {
				allowLoopback(c)
				c.Instances = workload.Instances{Isolation: "reuse", Max: 1, Concurrency: 16, Uses: 1 << 30}
				c.Limits.OutputLinesPerSecond = 1 << 30
			}))
			n := manyRequests()
			r.interleaved(n, 16, "/trace?url="+up.url+"/x")
			wrong := r.wrongParents(n)
			if wrong != 0 {
				t.Errorf("%s: %d of %d requests have wrong parents", guest, wrong, n)
			}
			t.Logf("%s: %d requests, 16 at once in one instance: %d with a wrong parent", guest, n, wrong)
			before := len(r.spans())
			for _, answer := range r.interleaved(64, 16, "/context-across") {
				if !strings.Contains(answer, "same=true") {
					t.Errorf("%s: %s", guest, answer)
				}
			}
			instances := map[string]bool{}
			for _, s := range r.spans()[before:] {
				if strings.HasPrefix(s.Name, "guest ") {
					instances[s.attr("vitrine.instance.id")] = true
				}
			}
			if len(instances) != 1 {
				t.Errorf("%s: %d instances", guest, len(instances))
			}
		}
	}},
	{95, "wrong-task", func(t *testing.T) { // a guest that mixes up its tasks: what it says of its spans counts, and no call is in the other request
		started, resume := make(chan struct{}), make(chan struct{})
		r := newRig(t, withWork(func(_ context.Context, n uint32) {
			if n == 1 {
				close(started)
				<-resume
			}
		}))
		const other = "1" + hostTrace
		trace := other[:32]
		done := make(chan error)
		go func() {
			_, err := r.tryPlay(inTrace(t.Context(), trace, true), "w", newImage().op(opWork, 1))
			done <- err
		}()
		<-started
		r.play(newImage().start(contextOf(trace, 1)).work().end(spanOf(trace, 1, 0))) // a span of the other request
		close(resume)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if s := r.span("s1"); s.trace() != trace || s.id() != spanID(1) {
			t.Errorf("the span is in %s", s.trace())
		}
		works := 0
		for _, s := range r.spans() {
			if strings.HasSuffix(s.Name, "#work") && s.trace() == hostTrace && s.parent() != spanID(1) {
				works++
			}
		}
		if works != 1 {
			t.Errorf("got %s", r.tree())
		}
		r.wantIrregular(map[string]int64{"another_task": 1, "never_started": 1})
	}},
	{96, "after-the-response", func(t *testing.T) {
		for _, guest := range []string{"rust-otel-p3", "go-otel-p3"} {
			r := newRig(t, withGuest(guest))
			answer := r.get("/after")
			late := r.eventually("late")
			if !strings.Contains(answer, late.id()) || late.Name == "unfinished" {
				t.Errorf("%s: %s: %s", guest, answer, late.id())
			}
			r.wantTree("GET(handle(late))")
			r.wantIrregular(nil)
		}
	}},
	{97, "composed", func(t *testing.T) {
		r := newRig(t, withGateway)
		im := newImage()
		service, at := nested(im)
		m := r.play(im)
		r.wantTree("play(play) s1(play) s2(work)") // the roots say that they have no parent
		in := r.span("service test:otel/player@0.1.0#play")
		if in.parent() != spanID(1) {
			t.Errorf("the service is below %s", in.parent())
		}
		if got := m.of(service).context(at); got.SpanID != in.id() || got.TraceID != hostTrace { // the innermost: the host's span around the service
			t.Errorf("the service's parent is %s, wanted %s", got.SpanID, in.id())
		}
	}},
	{98, "linked-and-trapping", func(t *testing.T) {
		r := newRig(t, withGateway)
		im := newImage()
		in := newImage()
		in.start(contextOf(hostTrace, 2)).work().op(opTrap)
		im.start(contextOf(hostTrace, 1))
		im.behind(in)
		_, err := r.tryPlay(inTrace(t.Context(), hostTrace, true), "w", im)
		wantTrap(t, err, cm.TrapUnreachable)
		r.wantTree("play(play(unfinished(play(unfinished(work)))))")
		for _, s := range named(r.spans(), "unfinished") {
			if want := map[string]string{spanID(1): `"guest"`, spanID(2): `"service"`}[s.id()]; s.resource["service.name"] != want {
				t.Errorf("%s is of %s", s.id(), s.resource["service.name"])
			}
		}
	}},
	{99, "called-again", func(t *testing.T) {
		r := newRig(t, withGateway)
		im := newImage()
		im.start(contextOf(hostTrace, 1))
		one, two := newImage(), newImage()
		one.start(contextOf(hostTrace, 2)).work() // left open
		at := two.current()
		two.start(contextOf(hostTrace, 3)).work().end(spanOf(hostTrace, 3, 0)).work()
		im.behind(one)
		second := im.behind(two)
		after := im.current()
		im.work().end(spanOf(hostTrace, 1, 0))
		m := r.play(im)
		calls := named(r.spans(), "service test:otel/player@0.1.0#play")
		slices.SortFunc(calls, func(a, b *record) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
		if len(calls) != 2 || m.of(second).context(at).SpanID != calls[1].id() {
			t.Errorf("the second call begins in %s", m.of(second).context(at).SpanID)
		}
		if got := m.context(after).SpanID; got != spanID(1) && got != spanID(2) { // the callee has left its span to its caller
			t.Errorf("afterwards %s is current", got)
		}
	}},
	{100, "reused-instances", func(t *testing.T) {
		r := newRig(t, withComponent(func(c *workload.Component) { c.Instances = workload.Instances{Isolation: "reuse", Max: 1} }))
		r.play(newImage().start(contextOf(hostTrace, 1)))
		r.next()
	}},
	{101, "fresh-identifiers", func(t *testing.T) {
		for _, isolation := range []string{"fresh", "reuse"} {
			r := newRig(t, withGuest("rust-otel-p2"), withComponent(func(c *workload.Component) { c.Instances.Isolation = isolation }))
			for range 50 {
				r.get("/trace")
			}
			ids := map[string]bool{}
			for _, s := range r.spans() {
				ids[s.id()] = true
			}
			if n := len(r.spans()); len(ids) != n || n != 200 {
				t.Errorf("%s: %d identifiers of %d spans", isolation, len(ids), n)
			}
		}
	}},
}

// eventually waits for a span.
func (r *rig) eventually(name string) *record {
	r.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if found := named(r.spans(), name); len(found) > 0 {
			return found[0]
		}
	}
	r.Fatalf("no span called %s", name)
	return nil
}

var exportChecks = []check{
	{102, "one-tree", func(t *testing.T) {
		up := newUpstream(t)
		for _, guest := range []string{"rust-otel-p2", "rust-otel-p3", "rust-otel-main-p2", "rust-otel-main-p3", "go-otel-p3"} {
			r := newRig(t, withGuest(guest), withComponent(allowLoopback))
			r.get("/trace?url="+up.url+"/x", "traceparent", "00-"+hostTrace+"-"+remoteParent+"-01")
			r.wantTree("GET(handle(work(call(GET) pause)))")
			for _, s := range r.spans() {
				if s.trace() != hostTrace {
					t.Errorf("%s: %s is in %s", guest, s.Name, s.trace())
				}
			}
		}
	}},
	{103, "shutdown", func(t *testing.T) {
		for _, protocol := range []string{"http/protobuf", "grpc"} {
			r := newRig(t, func(c *rigConfig) {
				c.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
				if protocol == "grpc" {
					c.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = c.grpc
				}
			})
			im := newImage()
			im.end(spanOf(hostTrace, 1, 0)).emit(bindings.LogRecord{Body: p(`"last"`)})
			im.export(counterOf("c", 1))
			r.play(im)
			r.end()
			if len(named(r.spans(), "s1")) != 1 || len(r.logs()) != 1 || len(r.metrics("c")) != 1 {
				t.Errorf("%s: %d spans, %d records, %d metrics", protocol, len(named(r.spans(), "s1")), len(r.logs()), len(r.metrics("c")))
			}
		}
		r := newRig(t, withEnv("OTEL_SDK_DISABLED", "true"))
		r.play(newImage().end(spanOf(hostTrace, 1, 0)))
		r.end()
		if r.collector.Requests() != 0 {
			t.Errorf("%d requests", r.collector.Requests())
		}
	}},
	{104, "collector-down", func(t *testing.T) {
		r := newRig(t, withEnv("OTEL_BSP_MAX_QUEUE_SIZE", "64"), withEnv("OTEL_BLRP_MAX_QUEUE_SIZE", "64"), withEnv("OTEL_BSP_SCHEDULE_DELAY", "10"))
		r.collector.Silence()
		for range 300 {
			im := newImage()
			im.end(spanOf(hostTrace, 1, 0)).emit(bindings.LogRecord{Body: p(`"x"`)})
			im.export(counterOf("c", 1))
			if _, err := r.tryPlay(inTrace(t.Context(), hostTrace, true), "w", im); err != nil {
				t.Fatal(err)
			}
		}
		r.collector.Answer()
		r.flush()
		dropped := map[string]int64{}
		for _, d := range r.Dropped() {
			dropped[d.Signal] += d.Count
		}
		if got := int64(len(r.logs())) + dropped["logs"]; got != 300 || dropped["traces"] == 0 {
			t.Errorf("%d records and those dropped; %v", got, dropped)
		}
		if got := numberOf(r.metric("c").GetSum().DataPoints[0]); got != "int 300" { // sums lose nothing
			t.Error(got)
		}
		r.play(newImage().end(spanOf(ownTrace, 2, 0)))
		r.span("s2")
	}},
	{105, "same-program-same-telemetry", func(t *testing.T) {
		up := newUpstream(t)
		var first string
		for _, guest := range []string{"rust-otel-p2", "rust-otel-main-p2", "rust-otel-p3", "rust-otel-main-p3"} {
			r := newRig(t, withGuest(guest), withComponent(allowLoopback))
			r.get("/trace?url=" + up.url + "/x")
			r.get("/logs")
			r.get("/metrics")
			if got := r.normalised(); first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s tells\n%s\nwanted\n%s", guest, got, first)
			}
		}
		t.Log(first)
	}},
}

// normalised is all that the guest has told, without identifiers and times.
func (r *rig) normalised() string {
	r.Helper()
	var out []string
	names := map[string]string{}
	for _, s := range r.spans() {
		names[s.id()] = s.Name
	}
	kvs := func(m map[string]string) string {
		for k := range m {
			if strings.HasPrefix(k, "vitrine.") {
				delete(m, k)
			}
		}
		return fmt.Sprint(m)
	}
	for _, s := range r.spans() {
		if s.scope.GetName() == "otel-guest" {
			parent, _, _ := strings.Cut(names[s.parent()], " ")
			out = append(out, fmt.Sprintln("span", s.Name, "below", parent, s.Kind, kvs(mapOf(s.Attributes)), len(s.Events), len(s.Links), s.Status.GetCode(), s.scope))
		}
	}
	for _, l := range r.logs() {
		in, _, _ := strings.Cut(names[hex.EncodeToString(l.SpanId)], " ")
		out = append(out, fmt.Sprintln("log", show(l.Body), l.SeverityNumber, l.SeverityText, kvs(mapOf(l.Attributes)), l.EventName, "in", in, l.scope))
	}
	for _, kind := range []string{"f64", "u64", "s64"} {
		for _, name := range []string{"gauge", "sum", "histogram", "exponential"} {
			m := r.metric("guest." + kind + "." + name)
			out = append(out, fmt.Sprintf("metric %s %s %s %T\n", m.Name, m.Unit, m.Description, m.Data))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "")
}
