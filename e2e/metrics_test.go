package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// maxSeries is how many series a component with a few requests may be in a metrics store, the host's own included.
const maxSeries = 150

// oneComponent writes the manifest of a workload of one component, and returns its path.
func oneComponent(t *testing.T, name, wasm, metadata, component string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: %[1]s%[2]s}\nspec:\n  components:\n    - name: %[1]s\n      source: {file: %[3]s}\n%[4]s"+
		"  triggers:\n    - http: {path: /, component: %[1]s}\n", name, metadata, wasm, component)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// series are the lines of a page of metrics in Prometheus' text format that have a value.
func series(page string) (out []string) {
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// TestSeries: a component with 8 requests is few series, by any guest; those of its calls of the host are what --detail says; its
// namespace and version are there, no attribute says the component twice, and the host measures itself.
func TestSeries(t *testing.T) {
	for guest, path := range map[string]string{"rust-http-full-p2": "/hello", "go126-http-p2": "/", "rust-http-p3": "/", "js-qjs-http-p2": "/"} {
		t.Run(guest, func(t *testing.T) {
			s := up(t, nil, "--admin", "0", oneComponent(t, "shop", testref.File(t, guest), ", namespace: demo, version: 1.2.0", ""))
			o := operate(t, s)
			for range 8 {
				if _, _, err := s.get(path, ""); err != nil {
					t.Fatal(err)
				}
			}
			code, page := o.ask("GET", "/metrics", "")
			all := series(page)
			if code != 200 || len(all) > maxSeries {
				t.Errorf("%d: %d series:\n%s", code, len(all), page)
			}
			t.Logf("%d series", len(all))
			for _, want := range []string{"go_memory_used_bytes{", "go_goroutine_count{", "process_cpu_time_seconds_total{", "process_uptime_seconds{", "vitrine_startup_duration_seconds_count{"} {
				if !strings.Contains(page, "\n"+want) {
					t.Errorf("no %s in %s", want, page)
				}
			}
			for _, line := range all {
				if !strings.HasPrefix(line, "vitrine_invocations_total{") {
					continue
				}
				for _, want := range []string{`otel_scope_service_name="shop"`, `otel_scope_service_namespace="demo"`, `otel_scope_service_version="1.2.0"`} {
					if !strings.Contains(line, want) {
						t.Errorf("no %s in %s", want, line)
					}
				}
				if strings.Contains(line, `,vitrine_component="shop"`) {
					t.Errorf("the component is said again: %s", line)
				}
			}
		})
	}
}

// TestSeriesOfCalls: calls that are no spans are measured at level all only.
func TestSeriesOfCalls(t *testing.T) {
	const call = `\nvitrine_host_call_duration_seconds_count{[^\n]*vitrine_function="\[constructor\]fields"`
	for detail, want := range map[string]bool{"boundary": false, "all": true} {
		s := up(t, nil, "--admin", "0", "--detail", detail, testref.File(t, "rust-http-full-p2"))
		o := operate(t, s)
		s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
		if _, page := o.ask("GET", "/metrics", ""); regexp.MustCompile(call).MatchString(page) != want {
			t.Errorf("%s: %t: %s", detail, !want, page)
		}
	}
}

// TestNativeHistograms: on request histograms are exponential, which Prometheus' binary format has as native histograms.
func TestNativeHistograms(t *testing.T) {
	s := up(t, []string{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram"}, "--admin", "0", testref.File(t, "rust-http-full-p2"))
	o := operate(t, s)
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	page := o.await("/metrics", "\nhttp_server_request_duration_seconds_count{")
	if n := strings.Count(page, "\nhttp_server_request_duration_seconds_bucket{"); n > 1 {
		t.Errorf("%d buckets: %s", n, page)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.base+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/vnd.google.protobuf") || !strings.Contains(string(body), "http_server_request_duration_seconds") {
		t.Errorf("binary: %v %s", err, resp.Header.Get("Content-Type"))
	}
}
