package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// metricsServer is a server of a store with what is imported.
func metricsServer(t *testing.T, texts ...string) (get func(path string, into any) int, s *store.Store) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := ingest.NewReceiver(s, nil)
	for _, text := range texts {
		if err := r.Import([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	h := New(Config{Store: s})
	return func(path string, into any) int {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, nil))
		if into != nil {
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
				t.Fatalf("%s: %v in %s", path, err, w.Body)
			}
		}
		return w.Code
	}, s
}

// otlpMetric is OTLP JSON of one metric of a service.
func otlpMetric(service, name, unit, data string) string {
	return fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeMetrics":[{"scope":{"name":"meter"},"metrics":[{"name":%q,"unit":%q,%s}]}]}]}`, service, name, unit, data)
}

type chartJSON struct {
	Kind   string
	Step   int64 `json:",string"`
	Series []struct {
		Service       string
		Attributes    map[string]string
		Values        []*float64
		Total         float64
		P50, P90, P99 *float64
	}
	Labels []struct {
		Key    string
		Values []string
	}
	Bounds        []*float64
	Heat          [][3]float64
	P50, P90, P99 []*float64
	Exemplars     []struct{ TraceID, SpanID string }
}

// second is in nanoseconds.
const second = int64(time.Second)

func chartOf(t *testing.T, get func(string, any) int, name string, from, to int64, more string) (c chartJSON) {
	t.Helper()
	if code := get(fmt.Sprintf("/api/v1/metrics/%s?from=%d&to=%d&steps=10%s", name, from, to, more), &c); code != 200 {
		t.Fatalf("%d", code)
	}
	return c
}

func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// TestCounterChart: sums are rates, also over a restart, and what was before is none.
func TestCounterChart(t *testing.T) {
	from := time.Now().Add(-time.Minute).UnixNano()
	point := func(at int64, value int, start int64) string {
		return fmt.Sprintf(`{"startTimeUnixNano":"%d","timeUnixNano":"%d","asInt":"%d","attributes":[{"key":"route","value":{"stringValue":"/a"}}]}`, start, at, value)
	}
	sum := func(points ...string) string {
		return otlpMetric("shop", "requests", "{request}", `"sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[`+strings.Join(points, ",")+`]}`)
	}
	long := from - 100*second
	get, _ := metricsServer(t,
		sum(point(from-second, 1000, long)),
		sum(point(from+second, 1020, long)),         // 20 in 2 s, of which the chart has one
		sum(point(from+2*second, 1020, long)),       // none
		sum(point(from+4*second, 6, from+3*second)), // restarted: 6 in 1 s
	)
	c := chartOf(t, get, "requests", from, from+10*second, "")
	if c.Kind != "counter" || len(c.Series) != 1 || c.Series[0].Service != "shop" || c.Series[0].Attributes["route"] != "/a" {
		t.Fatalf("%+v", c)
	}
	for i, want := range []float64{10, 0, math.NaN(), 6, math.NaN()} {
		if got := number(c.Series[0].Values[i]); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("second %d: %v a second, want %v", i, got, want)
		}
	}
	if c.Series[0].Total != 16 {
		t.Errorf("in all %v, want 16", c.Series[0].Total)
	}
}

// TestHistogramChart: percentiles, the heat map and exemplars; grouped, filtered.
func TestHistogramChart(t *testing.T) {
	from := time.Now().Add(-time.Minute).UnixNano()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	point := func(route string, at int64, counts string, n int) string {
		return fmt.Sprintf(`{"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"%d","sum":1,"bucketCounts":[%s],"explicitBounds":[0.1,1],"attributes":[{"key":"route","value":{"stringValue":%q}}],`+
			`"exemplars":[{"timeUnixNano":"%d","asDouble":0.5,"traceId":%q,"spanId":%q}]}`, from, at, n, counts, route, at, trace, span)
	}
	get, _ := metricsServer(t, otlpMetric("shop", "duration", "s", `"histogram":{"aggregationTemporality":2,"dataPoints":[`+
		point("/a", from+second, `"10","0","0"`, 10)+","+point("/b", from+second, `"0","90","0"`, 90)+`]}`))
	c := chartOf(t, get, "duration", from, from+10*second, "")
	if c.Kind != "histogram" || len(c.Series) != 2 || c.Series[0].Attributes["route"] != "/b" || c.Series[0].Total != 90 {
		t.Fatalf("%+v", c)
	}
	if p := number(c.P50[0]); p < 0.1 || p > 1 {
		t.Errorf("the median is %v", p)
	}
	if a := number(c.Series[1].P99); a > 0.1 {
		t.Errorf("/a's p99 is %v", a)
	}
	if len(c.Heat) != 2 || len(c.Bounds) != 2 || c.Heat[0] != [3]float64{0, 0, 10} || c.Heat[1] != [3]float64{0, 1, 90} {
		t.Errorf("the heat map is %v of %v", c.Heat, c.Bounds)
	}
	if len(c.Exemplars) != 1 || c.Exemplars[0].TraceID != trace || c.Exemplars[0].SpanID != span {
		t.Errorf("the exemplars are %+v", c.Exemplars)
	}
	if c := chartOf(t, get, "duration", from, from+10*second, "&by="); len(c.Series) != 1 || c.Series[0].Total != 100 || c.Series[0].Service != "" {
		t.Errorf("grouped by nothing: %+v", c.Series)
	}
	if c := chartOf(t, get, "duration", from, from+10*second, "&q="+url.QueryEscape("@route:/a")); len(c.Series) != 1 || c.Series[0].Total != 10 {
		t.Errorf("filtered: %+v", c.Series)
	}
}

// TestExponentialChart: exponential histograms have percentiles, too.
func TestExponentialChart(t *testing.T) {
	from := time.Now().Add(-time.Minute).UnixNano()
	get, _ := metricsServer(t, otlpMetric("shop", "size", "By", fmt.Sprintf(`"exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"4","sum":40,"scale":0,"zeroCount":"1","positive":{"offset":3,"bucketCounts":["3"]}}]}`, from, from+second)))
	c := chartOf(t, get, "size", from, from+10*second, "")
	if len(c.Series) != 1 || c.Series[0].Total != 4 {
		t.Fatalf("%+v", c)
	}
	if p := number(c.Series[0].P90); p < 8 || p > 16 {
		t.Errorf("p90 is %v, want one of (8, 16]", p)
	}
}

// TestGaugeChart: values hold until the next one, and not for ever.
func TestGaugeChart(t *testing.T) {
	from := time.Now().Add(-time.Hour).UnixNano()
	point := func(at int64, v float64) string { return fmt.Sprintf(`{"timeUnixNano":"%d","asDouble":%v}`, at, v) }
	get, _ := metricsServer(t, otlpMetric("shop", "level", "1", `"gauge":{"dataPoints":[`+point(from+second, 5)+`]}`))
	c := chartOf(t, get, "level", from, from+1000*second, "")
	values := c.Series[0].Values
	if c.Kind != "gauge" || number(values[0]) != 5 || values[3] != nil {
		t.Errorf("%s: %v, %v", c.Kind, number(values[0]), values[3])
	}
}

// TestHostileMetrics: no data makes the server fail.
func TestHostileMetrics(t *testing.T) {
	from := time.Now().Add(-time.Minute).UnixNano()
	many := strings.Repeat(`"1",`, 5000) + `"1"`
	var series []string // a list of a message is cut to 1000
	for from := 0; from < maxStreams+100; from += 500 {
		var points []string
		for i := range 500 {
			points = append(points, fmt.Sprintf(`{"timeUnixNano":"%d","asInt":"%d","attributes":[{"key":"id","value":{"stringValue":"%d"}}]}`, time.Now().UnixNano(), i, from+i))
		}
		series = append(series, otlpMetric("s", "series", "", `"gauge":{"dataPoints":[`+strings.Join(points, ",")+`]}`))
	}
	texts := map[string]string{
		"nan":     otlpMetric("s", "nan", "", fmt.Sprintf(`"gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":"NaN"},{"timeUnixNano":"%d","asDouble":"Infinity"},{"timeUnixNano":"%d","asDouble":3}]}`, from, from, from)),
		"future":  otlpMetric("s", "future", "", `"sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"18446744073709551615","timeUnixNano":"18446744073709551615","asInt":"5"},{"timeUnixNano":"0","asInt":"-5"}]}`),
		"buckets": otlpMetric("s", "buckets", "", fmt.Sprintf(`"histogram":{"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"18446744073709551615","sum":"NaN","bucketCounts":[%s],"explicitBounds":[5,1,"NaN"]}]}`, from, from+1, many)),
		"scale":   otlpMetric("s", "scale", "", fmt.Sprintf(`"exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"startTimeUnixNano":"%d","timeUnixNano":"%d","count":"2","scale":-2147483648,"positive":{"offset":2147483647,"bucketCounts":["1"]},"negative":{"offset":-2147483648,"bucketCounts":["1"]}}]}`, from, from+1)),
		"series":  series[0],
		"a/b?<c>": otlpMetric("<b>", "a/b?<c>", "<u>", fmt.Sprintf(`"gauge":{"dataPoints":[{"timeUnixNano":"%d","asInt":"1","attributes":[{"key":"<k>","value":{"stringValue":"</script>"}}]}]}`, from)),
	}
	all := series[1:]
	for _, text := range texts {
		all = append(all, text)
	}
	get, _ := metricsServer(t, all...)
	for name := range texts {
		var c map[string]any
		code := get("/api/v1/metrics/"+url.PathEscape(name)+fmt.Sprintf("?from=%d&steps=600", from-second), &c)
		if code != 200 && !(name == "future" && code == 404) {
			t.Errorf("%s: %d, %v", name, code, c["error"])
		}
		if series, ok := c["series"].([]any); name == "series" && (!ok || len(series) != maxCurves || c["partial"] != true) {
			t.Errorf("of very many series there are %d, partial %v", len(series), c["partial"])
		}
	}
	var list struct{ Instruments []struct{ Name, Kind string } }
	if get("/api/v1/instruments", &list) != 200 || len(list.Instruments) < 4 {
		t.Errorf("%+v", list)
	}
	if code := get("/api/v1/metrics?limit=10", nil); code != 200 {
		t.Errorf("latest: %d", code)
	}
	for path, want := range map[string]int{"/api/v1/metrics/none": 404, "/api/v1/metrics/nan?from=5&to=4": 400, "/api/v1/metrics/nan?steps=x": 400, "/api/v1/metrics?q=colour:red": 400, "/api/v1/metrics?q=since:x": 400} {
		if code := get(path, nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}

// TestHostileBuckets: points that have each their own buckets, over the whole chart, do not fill the memory; bounds that do not increase are none.
func TestHostileBuckets(t *testing.T) {
	from := time.Now().Add(-time.Minute).UnixNano()
	histogram := func(at int64, counts, bounds string) string {
		return otlpMetric("s", "bounds", "", fmt.Sprintf(`"histogram":{"aggregationTemporality":1,"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"%d","count":"1","bucketCounts":[%s],"explicitBounds":[%s]}]}`, at, counts, bounds))
	}
	counts := strings.Repeat(`"1",`, 1000) + `"1"`
	var texts []string
	for i := range 3 {
		var bounds []string
		for k := range 1000 {
			bounds = append(bounds, fmt.Sprint(i*1000+k))
		}
		texts = append(texts, histogram(from+10*second+int64(i), counts, strings.Join(bounds, ",")))
	}
	get, _ := metricsServer(t, texts...)
	var all map[string]any
	if code := get(fmt.Sprintf("/api/v1/metrics/bounds?from=%d&to=%d&steps=600", from, from+11*second), &all); code != 200 || all["partial"] != true {
		t.Errorf("%d, partial %v", code, all["partial"])
	}
	for _, bounds := range []string{`"NaN","NaN"`, `2,1`, `1,1`} {
		get, _ := metricsServer(t, histogram(from+second, `"1","1","1"`, bounds))
		if c := chartOf(t, get, "bounds", from, from+10*second, ""); len(c.Bounds) != 0 || len(c.Series) != 1 {
			t.Errorf("%s: %+v", bounds, c.Bounds)
		}
	}
}

// TestHostileTraffic: a counter by the name of a histogram, of values beyond all numbers, is no reason to show no map.
func TestHostileTraffic(t *testing.T) {
	now := time.Now().UnixNano()
	point := fmt.Sprintf(`{"startTimeUnixNano":"%d","timeUnixNano":"%d","asDouble":1.7e308}`, now-2*second, now-second)
	get, _ := metricsServer(t, otlpMetric("s", "vitrine.host_call.duration", "s", `"sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[`+point+","+point+`]}`))
	if code := get("/api/v1/components", nil); code != 200 {
		t.Errorf("%d", code)
	}
}
