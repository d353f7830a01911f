package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestReleaseOfHeldCalls: an outgoing request that ends a moment after its component's release has its span and its metrics; one that
// does not end does not block the release.
func TestReleaseOfHeldCalls(t *testing.T) {
	for name, ends := range map[string]bool{"ends": true, "does not end": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exp := &memoryMetrics{}
				b := newHarness(t, func(c *Config, _ *workload.Spec) { c.Consumers[0].MetricReader, c.Consumers[0].Metrics = nil, exp })
				var finish func(any, error)
				req := &outRequest{"GET", &url.URL{Scheme: "http", Host: "a.example", Path: "/"}, http.Header{}}
				_, _ = b.bind(outEdge).cross(t.Context(), resourceArg(req), func(ctx context.Context) (cm.Val, error) {
					finish = cm.CallFrom(ctx).Hold()
					return cm.OKVal(cm.U32Val(0)), nil
				})
				b.interceptor.Release()
				if ends {
					time.Sleep(pendingCallsTimeout / 2)
					finish(&http.Response{StatusCode: 204, ProtoMajor: 1, ProtoMinor: 1}, nil)
				}
				if err := b.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				if len(b.sets) != 1 || len(b.ending) != 0 {
					t.Errorf("there are %d sets, and %d are ending", len(b.sets), len(b.ending))
				}
				measured := slices.ContainsFunc(exp.last["shop"], func(l string) bool {
					return strings.HasPrefix(l, "http.client.request.duration") && strings.Contains(l, "204")
				})
				if spans := len(b.spans.GetSpans()); measured != ends || (spans == 1) != ends {
					t.Errorf("measured %v, %d spans; %q", measured, spans, exp.last["shop"])
				}
				if !ends {
					finish(nil, context.Canceled) // late, and no harm
				}
			})
		})
	}
}

// unresponsiveMetrics is a collector that never answers.
type unresponsiveMetrics struct{ memoryMetrics }

func (*unresponsiveMetrics) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	<-ctx.Done()
	return fmt.Errorf("export: %w", ctx.Err())
}

// TestReleaseWithUnresponsiveCollector: releasing does not wait for the last export, which ends by its timeout.
func TestReleaseWithUnresponsiveCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, func(c *Config, _ *workload.Spec) {
			c.Consumers[0].MetricReader, c.Consumers[0].Metrics = nil, &unresponsiveMetrics{}
		})
		began := time.Now()
		for i := range 10 {
			w := *b.spec
			w.Version = fmt.Sprint(i)
			o := b.Component(&w, &w.Components[0])
			boundHooks{handleEdge, o.Bind(handleEdge)}.cross(t.Context(), resourceArg(nil), nothing)
			o.Release()
		}
		b.interceptor.Release()
		if took := time.Since(began); took != 0 {
			t.Errorf("the releases took %v", took)
		}
		time.Sleep(2 * lastExportTimeout)
		synctest.Wait()
		if len(b.sets) != 1 || len(b.ending) != 0 {
			t.Errorf("there are %d sets, and %d are ending", len(b.sets), len(b.ending))
		}
	})
}
