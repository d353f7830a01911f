package api

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestAllRequests: where traces are a sample, the overview's groups are those of all requests.
func TestAllRequests(t *testing.T) {
	c := serve(t, Config{Store: openStore(t)})
	start := time.Now().Add(-time.Minute).UnixNano()
	point := func(route, errorType string, count int, bucket int) string {
		var counts [4]int
		counts[bucket] = count
		extra := ""
		if errorType != "" {
			extra = fmt.Sprintf(`,{"key":"error.type","value":{"stringValue":%q}}`, errorType)
		}
		return fmt.Sprintf(`{"attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.route","value":{"stringValue":%q}}%s],"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"%d","sum":1,"explicitBounds":[0.001,0.01,0.1],"bucketCounts":["%d","%d","%d","%d"]}`,
			route, extra, start, time.Now().UnixNano(), count, counts[0], counts[1], counts[2], counts[3])
	}
	metric := `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"metrics":[{"name":"http.server.request.duration","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[` +
		point("/cart", "", 900, 1) + "," + point("/cart", "500", 100, 2) + "," + point("/never/recorded", "", 7, 1) + `]}}]}]}]}`
	if code, text := c.post("/api/v1/import", spans(traceA, "shop", "GET /cart", 0, 2*time.Millisecond)+"\n"+spans(traceB, "other", "work", 0, time.Millisecond)+"\n"+metric); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	groups := func(q string) (out string) {
		code, text := c.get("/api/v1/traces?limit=0&q=" + urlQuery(q))
		var list struct {
			Matched int
			Groups  []struct {
				Service, Name string
				Count, Errors int
				P50           int64
			}
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 {
			t.Fatalf("%d %s", code, text)
		}
		for _, g := range list.Groups {
			out += fmt.Sprintf("%s %s %d %d; ", g.Service, g.Name, g.Count, g.Errors)
			if g.Count == 1000 && (g.P50 < 1e6 || g.P50 > 1e7) {
				t.Errorf("p50 is %s", time.Duration(g.P50))
			}
		}
		return out
	}
	const all, sample = "shop GET /cart 1000 100; shop GET /never/recorded 7 0; other work 1 0; ", "other work 1 0; shop GET /cart 1 0; "
	for q, want := range map[string]string{"": sample, "since:5m": all, "since:5m since:1h": all, "since:5m service:shop": "shop GET /cart 1 0; ", "-since:0s": sample, "before:1": ""} {
		if got := groups(q); got != want {
			t.Errorf("%q: %s, want %s", q, got, want)
		}
	}
}
