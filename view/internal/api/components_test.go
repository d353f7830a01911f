package api

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

type trafficJSON struct {
	Traffic []struct {
		Kind, From, To, Interface string
		Count, Errors             float64
		P50                       *float64
	}
}

// TestTraffic: calls between services are in spans: those of a client below which there is a server, and those below which there is none.
func TestTraffic(t *testing.T) {
	now := time.Now().UnixNano()
	span := func(service, id, parent string, kind, status int, attributes string) string {
		return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":%q,"parentSpanId":%q,"name":"x","kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","status":{"code":%d},"attributes":[%s]}]}]}`,
			service, id, parent, kind, now, now+1e6, status, attributes)
	}
	get, _ := metricsServer(t, `{"resourceSpans":[`+strings.Join([]string{
		span("front", "00000000000000a1", "", 2, 0, ""),
		span("front", "00000000000000a2", "00000000000000a1", 3, 0, `{"key":"server.address","value":{"stringValue":"back"}}`),
		span("back", "00000000000000a3", "00000000000000a2", 2, 2, ""),
		span("back", "00000000000000a4", "00000000000000a3", 3, 0, `{"key":"server.address","value":{"stringValue":"10.0.0.1"}},{"key":"db.system.name","value":{"stringValue":"redis"}}`),
		span("part", "00000000000000a5", "00000000000000a1", 1, 0, ""), // no call: what its parent does itself
		span("loop", "00000000000000a6", "00000000000000a6", 3, 0, ""),
	}, ",")+`]}`)
	var got trafficJSON
	if code := get("/api/v1/components", &got); code != 200 {
		t.Fatalf("%d", code)
	}
	var calls []string
	for _, c := range got.Traffic {
		calls = append(calls, fmt.Sprintf("%s %s→%s %v/%v", c.Kind, c.From, c.To, c.Errors, c.Count))
		if c.P50 == nil || math.Abs(*c.P50-0.001) > 0.0003 {
			t.Errorf("the median of %+v", c)
		}
	}
	if got, want := strings.Join(calls, "; "), "service back→redis 0/1; service front→back 1/1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestMeasuredTraffic: calls of interfaces are in the metrics of boundaries.
func TestMeasuredTraffic(t *testing.T) {
	now := time.Now().UnixNano()
	point := func(outcome string, n int) string {
		return fmt.Sprintf(`{"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"%d","bucketCounts":["%d"],"explicitBounds":[1],"attributes":[{"key":"vitrine.component","value":{"stringValue":"shop/cart"}},`+
			`{"key":"vitrine.interface","value":{"stringValue":"wasi:keyvalue/store"}},{"key":"vitrine.function","value":{"stringValue":"open"}},{"key":"vitrine.outcome","value":{"stringValue":%q}}]}`, now-2*second, now-second, n, n, outcome)
	}
	get, _ := metricsServer(t, otlpMetric("shop", "vitrine.host_call.duration", "s", `"histogram":{"aggregationTemporality":2,"dataPoints":[`+point("ok", 6)+","+point("trap", 2)+`]}`))
	var got trafficJSON
	if code := get("/api/v1/components", &got); code != 200 {
		t.Fatalf("%d", code)
	}
	if len(got.Traffic) != 1 {
		t.Fatalf("%+v", got)
	}
	if c := got.Traffic[0]; c.Kind != "host" || c.From != "shop/cart" || c.Interface != "wasi:keyvalue/store" || math.Round(c.Count) != 8 || math.Round(c.Errors) != 2 {
		t.Errorf("%+v", c)
	}
}
