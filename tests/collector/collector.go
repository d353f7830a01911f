package collector

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const config = `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "%s"}
      http: {endpoint: "%s"}
exporters:
  file/traces: {path: "%s", flush_interval: 50ms}
  file/metrics: {path: "%s", flush_interval: 50ms}
  file/logs: {path: "%s", flush_interval: 50ms}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file/traces]}
    metrics: {receivers: [otlp], exporters: [file/metrics]}
    logs: {receivers: [otlp], exporters: [file/logs]}
`

// Collector is a running collector.
type Collector struct {
	GRPC, HTTP string // endpoints, for OTEL_EXPORTER_OTLP_ENDPOINT

	dir  string
	cmd  *exec.Cmd
	out  output
	done chan struct{}
}

// output collects the output of a process. Safe for concurrent use.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String returns the output so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startTime bounds how long a process may take until it is ready.
const startTime = time.Minute

// Start runs a collector until the test ends. It returns when the collector is ready.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{dir: t.TempDir()}
	c.start(t, func() (string, []string) {
		grpc, http := freeAddress(t), freeAddress(t)
		c.GRPC, c.HTTP = "http://"+grpc, "http://"+http
		return fmt.Sprintf(config, grpc, http, c.path("traces"), c.path("metrics"), c.path("logs")), []string{grpc, http}
	})
	return c
}

// start runs a collector with a configuration, which says where it listens, too. An address may be taken by another process before the
// collector has it: then it asks for another configuration.
func (c *Collector) start(t testing.TB, configure func() (text string, listens []string)) {
	t.Helper()
	binary := Binary(t)
	t.Cleanup(func() {
		c.Stop(t)
		if t.Failed() {
			t.Logf("collector said:\n%s", c.out.String())
		}
	})
	const tries = 5
	for try := 1; ; try++ {
		text, listens := configure()
		c.run(t, binary, text)
		if c.ready(t, listens) {
			return
		}
		if try == tries || !strings.Contains(c.out.String(), "address already in use") {
			t.Fatal("the collector has ended")
		}
	}
}

func (c *Collector) run(t testing.TB, binary, text string) {
	t.Helper()
	file := filepath.Join(c.dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c.cmd, c.done = exec.Command(binary, "--config", "file:"+file), make(chan struct{})
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func(cmd *exec.Cmd, done chan struct{}) {
		defer close(done)
		_ = cmd.Wait()
	}(c.cmd, c.done)
}

// ready waits until the collector listens everywhere, and is false if it ends before.
func (c *Collector) ready(t testing.TB, listens []string) bool {
	t.Helper()
	for _, addr := range listens {
		if !wait(t, "the collector on "+addr, c.done, func() bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err == nil
		}) {
			return false
		}
	}
	return true
}

// Stop ends the collector and waits. Everything that it has received can be read afterwards. Further calls do nothing.
func (c *Collector) Stop(t testing.TB) {
	t.Helper()
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(startTime):
		_ = c.cmd.Process.Kill()
		<-c.done
		t.Error("the collector does not end")
	}
}

// wait polls until ok, and is false if the process ends before. A test fails if it takes too long.
func wait(t testing.TB, what string, done <-chan struct{}, ok func() bool) bool {
	t.Helper()
	late := time.After(startTime)
	for !ok() {
		select {
		case <-done:
			return false
		case <-late:
			t.Fatalf("%s is not ready", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return true
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (c *Collector) path(signal string) string { return filepath.Join(c.dir, signal+".json") }

// lines are the complete lines of a signal's file so far.
func (c *Collector) lines(t testing.TB, signal string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(c.path(signal))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	i := bytes.LastIndexByte(b, '\n')
	if i < 0 {
		return nil
	}
	return bytes.Split(b[:i], []byte("\n"))
}

// Raw is everything that was received so far as text, to be searched for secrets.
func (c *Collector) Raw(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, signal := range []string{"traces", "metrics", "logs"} {
		b.Write(bytes.Join(c.lines(t, signal), []byte("\n")))
	}
	return b.String()
}

// Span is a span that the collector has received, with values as text.
type Span struct {
	TraceID, ID, Parent   string
	Service, Name, Kind   string
	Status, StatusMessage string
	Start, End            time.Time
	Attributes            map[string]string
	Kinds                 map[string]string // of the attributes
	Events                []Event
}

// Event is an event of a span.
type Event struct {
	Name       string
	Attributes map[string]string
}

// Spans are the spans of all traces, or of one, that the collector has written so far; after Stop, all.
func (c *Collector) Spans(t testing.TB, traceID string) []Span {
	t.Helper()
	var out []Span
	for _, line := range c.lines(t, "traces") {
		data, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range data.ResourceSpans().All() {
			service := attribute(r.Resource().Attributes(), "service.name")
			for _, scope := range r.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					if traceID != "" && s.TraceID().String() != traceID {
						continue
					}
					out = append(out, Span{
						TraceID: s.TraceID().String(), ID: s.SpanID().String(), Parent: s.ParentSpanID().String(),
						Service: service, Name: s.Name(), Kind: s.Kind().String(),
						Status: s.Status().Code().String(), StatusMessage: s.Status().Message(),
						Start: s.StartTimestamp().AsTime(), End: s.EndTimestamp().AsTime(),
						Attributes: attributes(s.Attributes()), Kinds: kinds(s.Attributes()), Events: events(s.Events()),
					})
				}
			}
		}
	}
	return out
}

// Record is one log record.
type Record struct {
	TraceID, SpanID, Service  string
	Severity, EventName, Body string
	Number                    string // the severity's, as Info2
	Attributes                map[string]string
}

// Records are the log records that the collector has written so far.
func (c *Collector) Records(t testing.TB) []Record {
	t.Helper()
	var out []Record
	for _, line := range c.lines(t, "logs") {
		data, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range data.ResourceLogs().All() {
			service := attribute(r.Resource().Attributes(), "service.name")
			for _, scope := range r.ScopeLogs().All() {
				for _, l := range scope.LogRecords().All() {
					out = append(out, Record{
						TraceID: l.TraceID().String(), SpanID: l.SpanID().String(), Service: service,
						Severity: l.SeverityText(), Number: l.SeverityNumber().String(), EventName: l.EventName(), Body: l.Body().AsString(),
						Attributes: attributes(l.Attributes()),
					})
				}
			}
		}
	}
	return out
}

// Metrics are the units of the metrics that were received, by service and name: "shop http.server.request.duration" → "s".
func (c *Collector) Metrics(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, line := range c.lines(t, "metrics") {
		data, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range data.ResourceMetrics().All() {
			service := attribute(r.Resource().Attributes(), "service.name")
			for _, scope := range r.ScopeMetrics().All() {
				for _, m := range scope.Metrics().All() {
					out[service+" "+m.Name()] = m.Unit()
				}
			}
		}
	}
	return out
}

// Values are the values of the sums and histograms of a service, by name and attributes: "orders map[item:apple]" → "1". What
// deltas add up to, the last one of what is cumulative. Attributes of Vitrine's own are left out.
func (c *Collector) Values(t testing.TB, service string) map[string]string {
	t.Helper()
	type value struct {
		count uint64
		sum   float64
	}
	values := map[string]value{}
	add := func(name string, of pcommon.Map, temporality pmetric.AggregationTemporality, v value) {
		named := attributes(of)
		maps.DeleteFunc(named, func(k, _ string) bool { return strings.HasPrefix(k, "vitrine.") })
		key := fmt.Sprint(name, " ", named)
		if temporality == pmetric.AggregationTemporalityDelta {
			v.count, v.sum = v.count+values[key].count, v.sum+values[key].sum
		}
		values[key] = v
	}
	for _, line := range c.lines(t, "metrics") {
		data, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range data.ResourceMetrics().All() {
			if attribute(r.Resource().Attributes(), "service.name") != service {
				continue
			}
			for _, scope := range r.ScopeMetrics().All() {
				for _, m := range scope.Metrics().All() {
					switch m.Type() {
					case pmetric.MetricTypeSum:
						for _, p := range m.Sum().DataPoints().All() {
							add(m.Name(), p.Attributes(), m.Sum().AggregationTemporality(), value{0, float64(p.IntValue()) + p.DoubleValue()})
						}
					case pmetric.MetricTypeHistogram:
						for _, p := range m.Histogram().DataPoints().All() {
							add(m.Name(), p.Attributes(), m.Histogram().AggregationTemporality(), value{p.Count(), p.Sum()})
						}
					}
				}
			}
		}
	}
	out := map[string]string{}
	for key, v := range values {
		out[key] = fmt.Sprint(v.sum)
		if v.count > 0 {
			out[key] = fmt.Sprintf("%v in %d", v.sum, v.count)
		}
	}
	return out
}

func kinds(m pcommon.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m.All() {
		out[k] = v.Type().String()
		if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 0 {
			out[k] += " of " + v.Slice().At(0).Type().String()
		}
	}
	return out
}

func events(all ptrace.SpanEventSlice) []Event {
	var out []Event
	for _, e := range all.All() {
		out = append(out, Event{e.Name(), attributes(e.Attributes())})
	}
	return out
}

func attribute(m pcommon.Map, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return ""
	}
	return v.AsString()
}

func attributes(m pcommon.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m.All() {
		out[k] = v.AsString()
	}
	return out
}
