package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// tenant is one workload among others of the same name, with the same components.
type tenant struct {
	namespace, version string
	times              int // that each of its components is called; another number for each tenant
}

func (t tenant) String() string { return t.namespace + "/" + t.version }

func (t tenant) spec() *workload.Spec {
	file := func(n string) workload.Source { return workload.Source{File: "../host/testdata/" + n + ".wasm"} }
	instances := workload.Instances{Max: t.times}
	return &workload.Spec{Name: "shop", Namespace: t.namespace, Version: t.version, Components: []workload.Component{
		{Name: "guest", Source: file("guest"), Instances: instances, Limits: workload.Limits{OutputLines: 1}},
		{Name: "front", Source: file("front"), Instances: instances, Links: map[string]string{"test:link/numbers": "back"}},
		{Name: "back", Source: file("back")},
	}}
}

// tenantPlugin is the plugin that the guests import: it logs lines with the tenant's name.
type tenantPlugin struct{}

func (tenantPlugin) Name() string              { return "marks" }
func (tenantPlugin) Serves() []wit.InterfaceID { return nil }
func (tenantPlugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (func(), error) {
	write := b.Lines.Stream("stdout")
	whose := tenant{namespace: b.Workload.Namespace, version: b.Workload.Version}.String()
	h := l.Instance(wit.MustParseID("test:host/sys"))
	h.GoFunc("write", func(ctx context.Context, s string) error { return write(ctx, []byte(whose+" "+s)) })
	h.GoFunc("wait", func() {})
	l.Instance(wit.MustParseID("wasi:config/store@0.2.0")).GoFunc("size", func() uint32 { return 0 })
	return nil, nil
}

// invokeTrigger is a trigger by which the test invokes any number of workloads.
type invokeTrigger struct{ invokers map[string]host.Invoker }

func (*invokeTrigger) Type() string                  { return "hand" }
func (*invokeTrigger) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (h *invokeTrigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	h.invokers[tenant{namespace: w.Namespace, version: w.Version}.String()] = inv
	return func(context.Context) error { return nil }, nil
}

// TestTwoTenants: with workloads of one name in two namespaces, and two versions of one of them at once, each record of every signal is
// exported once, with its own tenant's identity.
func TestTwoTenants(t *testing.T) {
	for _, e := range os.Environ() {
		if k, _, _ := strings.Cut(e, "="); strings.HasPrefix(k, "OTEL_") {
			t.Setenv(k, "")
		}
	}
	collector := otlptest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	ctx := t.Context()
	quiet := slog.New(slog.DiscardHandler)
	to, err := autoconf.Read(ctx, autoconf.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	tel, err := telemetry.New(ctx, telemetry.Config{Version: "v0", Logger: quiet, Consumers: to.Consumers})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	trigger := &invokeTrigger{map[string]host.Invoker{}}
	var console consoleLines
	hosts := make([]*host.Local, 2) // one host has one version of a workload at a time
	for i := range hosts {
		hosts[i], err = host.New(host.Config{Engine: engine, Observer: tel, Logger: quiet, Console: &console, Triggers: []host.Trigger{trigger}, Plugins: []host.Plugin{tenantPlugin{}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	tenants := []tenant{{"a", "1", 3}, {"b", "2", 4}, {"a", "3", 5}}
	for i, who := range tenants {
		if _, err := hosts[i/2].Start(ctx, who.spec()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 { // in turns
		for _, who := range tenants {
			if n < who.times {
				call(t, trigger.invokers[who.String()], who, n == 0)
			}
		}
		if n == 2 {
			if err := tel.Flush(ctx); err != nil { // some is exported while all run
				t.Error(err)
			}
		}
	}
	for _, h := range hosts {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := tel.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := engine.Close(ctx); err != nil {
		t.Error(err)
	}

	want := map[string]int{}
	for _, who := range tenants {
		of := func(c string) string { return who.String() + " shop " + c + ": " }
		for what, n := range map[string]int{
			"span hand say": who.times, "span hand trap": 1, "span guest say": who.times, "span guest trap": 1,
			"line whole": who.times, "line limit": 1, "exception": 1,
			"vitrine.invocations": who.times + 1, "vitrine.traps": 1, "vitrine.output.dropped": who.times,
			"vitrine.startup.duration artifact read": 1,
			"vitrine.instances.limit":                who.times,
		} {
			want[of("guest")+what] = n
		}
		for what, n := range map[string]int{
			"span hand sum": who.times, "span front sum": who.times, "vitrine.invocations": who.times, "vitrine.instances.limit": who.times,
			"vitrine.startup.duration artifact read": 1,
		} {
			want[of("front")+what] = n
		}
		for what, n := range map[string]int{
			"span back test:link/numbers@1.0.0#next": who.times, "vitrine.guest_call.duration": who.times,
			"vitrine.startup.duration artifact read": 1,
		} {
			want[of("back")+what] = n
		}
	}
	got := exported(t, collector, want)
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			t.Errorf("%s: %d, want %d", k, got[k], want[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if want[k] == 0 {
			t.Errorf("%s: %d", k, got[k])
		}
	}
	for _, l := range console {
		if whose, _, ok := strings.Cut(l.Text, " "); l.Stream == "stdout" && (!ok || whose != l.Namespace+"/"+l.Version) || l.Workload != "shop" {
			t.Errorf("line %+v", l)
		}
	}
}

// call calls each of a tenant's components once.
func call(t *testing.T, inv host.Invoker, who tenant, trap bool) {
	t.Helper()
	invoke := func(c, name string) error {
		return inv.Invoke(t.Context(), &host.Invocation{Component: c, Trigger: "hand", Name: name,
			Run: func(ctx context.Context, inst *component.Instance) error {
				_, err := inst.Call(ctx, name)
				return err
			}})
	}
	for _, err := range []error{invoke("guest", "say"), invoke("front", "sum")} {
		if err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	if trap && invoke("guest", "trap") == nil {
		t.Errorf("%s: no trap", who)
	}
}

// consoleLines collects a console's lines; calls are sequential.
type consoleLines []host.LogLine

func (c *consoleLines) Log(_ context.Context, l host.LogLine) { *c = append(*c, l) }

func stringAttributes(kvs []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range kvs {
		out[kv.Key] = kv.Value.GetStringValue()
	}
	return out
}

// tenantOf returns a resource's tenant and component.
func tenantOf(r *resourcepb.Resource) string {
	a := stringAttributes(r.Attributes)
	if a["service.namespace"] != a["vitrine.workload.namespace"] || a["service.name"] == "vitrine" {
		return ""
	}
	return fmt.Sprintf("%s/%s %s %s: ", a["service.namespace"], a["service.version"], a["vitrine.workload.name"], a["service.name"])
}

// exported counts what a collector has received: spans of calls by name, log records, and the last of what was measured. Of
// metrics those are counted whose names want has for anybody.
func exported(t *testing.T, c *otlptest.Collector, want map[string]int) map[string]int {
	t.Helper()
	wanted := map[string]bool{}
	for k := range want {
		_, what, _ := strings.Cut(k, ": ")
		wanted[what] = true
	}
	got := map[string]int{}
	for _, rs := range c.Traces() {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				if _, step := stringAttributes(s.Attributes)["vitrine.operation"]; !step && tenantOf(rs.Resource) != "" && !strings.Contains(s.Name, "test:host") && !strings.Contains(s.Name, "wasi:config") {
					got[tenantOf(rs.Resource)+"span "+s.Name]++
				}
			}
		}
	}
	for _, rl := range c.Logs() {
		for _, sl := range rl.ScopeLogs {
			for _, r := range sl.LogRecords {
				who, text := tenantOf(rl.Resource), r.Body.GetStringValue()
				switch tenant, line, _ := strings.Cut(text, " "); {
				case r.EventName == "exception":
					got[who+"exception"]++
				case strings.HasPrefix(who, tenant+" "):
					got[who+"line "+line]++
				case stringAttributes(r.Attributes)["vitrine.limit"] != "":
					got[who+"line limit"] = 1 // one notice a second
				default:
					t.Errorf("of %q: line %q", who, text)
				}
			}
		}
	}
	last := map[string]*metricspb.ResourceMetrics{} // by service.instance.id; the very last have no gauges
	for _, rm := range c.Metrics() {
		id := stringAttributes(rm.Resource.Attributes)["service.instance.id"]
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				if m.Name == "vitrine.instances.limit" {
					got[tenantOf(rm.Resource)+m.Name] = int(m.GetSum().DataPoints[0].GetAsInt())
				}
			}
		}
		last[id] = rm
	}
	for _, rm := range last {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				for _, p := range m.GetSum().GetDataPoints() {
					if wanted[m.Name] && m.Name != "vitrine.instances.limit" {
						got[tenantOf(rm.Resource)+m.Name] += int(p.GetAsInt())
					}
				}
				for _, p := range m.GetHistogram().GetDataPoints() {
					name := m.Name
					if op := stringAttributes(p.Attributes)["vitrine.operation"]; op != "" {
						name += " " + op
					}
					if wanted[name] {
						got[tenantOf(rm.Resource)+name] += int(p.Count)
					}
				}
			}
		}
	}
	return got
}
