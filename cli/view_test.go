package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/view"
)

const viewedTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// viewed is a viewer with one trace, of three spans, and one log line.
func viewed(t *testing.T) *view.Viewer {
	t.Helper()
	v, err := view.Open(t.Context(), view.Config{Address: "127.0.0.1:0", Receive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now().UnixNano()
	span := func(id, parent, name string, from, to int64, status int) string {
		return fmt.Sprintf(`{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":"%s","startTimeUnixNano":"%d","endTimeUnixNano":"%d","status":{"code":%d}}`, viewedTrace, id, parent, name, now+from, now+to, status)
	}
	head := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[`
	file := filepath.Join(t.TempDir(), "traces.json")
	text := head + strings.Replace(span("00000000000000b1", "00000000000000a1", `cart \u202e\u001b[31m`, 1e6, 2e6, 2), `"code":2`, `"code":2,"message":"trap: unreachable\u202e"`, 1) + "," + strings.Replace(span("00000000000000a1", "", "GET /cart", 0, 12345678, 0), `"status"`, `"attributes":[{"key":"url.path","value":{"stringValue":"/cart/7"}},{"key":"http.response.status_code","value":{"intValue":"500"}}],"status"`, 1) + "," +
		span("00000000000000c1", "00000000000000b1", "price", 12e5, 15e5, 0) + "]}]}]}\n" +
		fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","severityNumber":13,"body":{"stringValue":"low on pears"},"traceId":%q}]}]}]}`+"\n", now, viewedTrace) +
		fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"metrics":[`+
			`{"name":"sold","unit":"{pear}","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"%d","asInt":"7","attributes":[{"key":"kind","value":{"stringValue":"\u001b[31mred"}}]}]}},`+
			`{"name":"took","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"%d","count":"4","sum":0.4,"bucketCounts":["0","4","0"],"explicitBounds":[0.1,0.2]}]}}]}]}]}`, now, now)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := v.Import(file); n != 3 || err != nil {
		t.Fatalf("%d messages, %v", n, err)
	}
	return v
}

func (p *process) output(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	p.stdout, p.stderr, p.getenv, p.ships = &out, &errs, func(string) string { return "" }, Standard()
	status = p.main(args)
	return out.String(), errs.String(), status
}

// TestViewClients: commands print what a running viewer has.
func TestViewClients(t *testing.T) {
	v := viewed(t)
	for _, c := range []struct {
		args []string
		want []string
		not  string
	}{
		{[]string{"trace"}, []string{viewedTrace + " shop GET /cart → 500  12.35ms  3 spans, 1 failed\n"}, ""},
		{[]string{"trace", "status:error", "cart"}, []string{viewedTrace}, ""},
		{[]string{"trace", "--", "-status:error"}, nil, viewedTrace},
		{[]string{"trace", "--json"}, []string{`{"traceId":"` + viewedTrace + `"`}, ""},
		{[]string{"trace", viewedTrace}, []string{"shop GET /cart /cart/7 → 500  12.35ms\n  shop cart \\u202e\\x1b[31m  1ms  failed: trap: unreachable\\u202e\n    shop price  300µs\n"}, "\u202e"},
		{[]string{"trace", viewedTrace, "--json"}, []string{`{"resourceSpans":[`, `"spanId":"00000000000000c1"`, `\u202e`}, "\u202e"},
		{[]string{"logs", "level:warn"}, []string{" WARN " + viewedTrace + " [shop] low on pears\n"}, ""},
		{[]string{"logs", "level:error"}, nil, "pears"},
		{[]string{"logs", "--json", "--last", "1"}, []string{`"body":"low on pears"`}, ""},
		{[]string{"logs", "--last", "0"}, nil, "pears"},
		{[]string{"metrics"}, []string{`[shop] sold{kind="\x1b[31mred"}  7` + "\n", "[shop] took  4 measured, p50 150ms, p90 190ms, p99 199ms\n"}, "\x1b"},
		{[]string{"metrics", "service:shop", "took"}, []string{"took"}, "sold"},
		{[]string{"metrics", "@kind:*", "--json"}, []string{`"name":"sold"`, `"value":7`}, "took"},
		{[]string{"metrics", "--last", "1"}, []string{"sold"}, "took"},
	} {
		stdout, stderr, status := (&process{}).output(t, append([]string{c.args[0], "--viewer", v.URL}, c.args[1:]...)...)
		if status != 0 {
			t.Errorf("%q: %d, %s", c.args, status, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q says %q, want %q", c.args, stdout, want)
			}
		}
		if c.not != "" && strings.Contains(stdout, c.not) {
			t.Errorf("%q says %q", c.args, stdout)
		}
	}
	if stdout, stderr, status := (&process{}).output(t, "trace", "--viewer", strings.TrimPrefix(v.URL, "http://")); status != 0 || !strings.Contains(stdout, viewedTrace) {
		t.Errorf("HOST:PORT: %d, %q, %q", status, stdout, stderr)
	}
	for _, c := range []struct {
		args   []string
		want   string
		status int
	}{
		{[]string{"trace", "servce:shop", "--viewer", v.URL}, "did you mean service:?", ExitUsage},
		{[]string{"trace", strings.Repeat("f", 32), "--viewer", v.URL}, "there is no trace", ExitUsage},
		{[]string{"logs", "--viewer", "nowhere"}, "want a URL such as", ExitUsage},
		{[]string{"logs", "--viewer", "http://127.0.0.1:1/?token=planted"}, "no viewer answers at 127.0.0.1:1", ExitFailed},
		{[]string{"view", "/nowhere/traces.json", "--listen", "127.0.0.1:0"}, "cannot show /nowhere/traces.json", ExitUsage},
		{[]string{"view", "--listen", "nowhere"}, "the viewer cannot start", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--forward", "ftp://planted"}, "the viewer cannot send on what it receives", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--forward", "http://user:planted@host"}, "credentials belong in headers", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--forward", "http://localhost:4318"}, "what it sent there would come back", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--forward", "http://host", "--forward-headers", "a=planted%zz"}, "header 1: want NAME=VALUE", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--view-dir", "/dev/null/telemetry"}, "the viewer cannot keep what it shows in /dev/null/telemetry", ExitUsage},
		{[]string{"view", "--listen", "127.0.0.1:0", "--otlp-http", "0.0.0.0:0"}, "only loopback addresses take it without the token", ExitUsage},
	} {
		_, stderr, status := (&process{}).output(t, c.args...)
		if status != c.status || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "planted") && !strings.Contains(stderr, "ftp") {
			t.Errorf("%q: %d, %s; want %d, %q", c.args, status, stderr, c.status, c.want)
		}
	}
}

// TestViewToken: at an address that others can reach, nothing is answered without the token in the link.
func TestViewToken(t *testing.T) {
	v, err := view.Open(t.Context(), view.Config{Address: "0.0.0.0:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, rest, _ := strings.Cut(strings.TrimPrefix(v.URL, "http://"), ":")
	local := "http://127.0.0.1:" + rest
	if _, stderr, status := (&process{}).output(t, "trace", "--viewer", local); status != 0 {
		t.Errorf("with the token: %d, %s", status, stderr)
	}
	without, _, _ := strings.Cut(local, "?")
	if _, stderr, status := (&process{}).output(t, "trace", "--viewer", without); status == 0 || !strings.Contains(stderr, "open the link") {
		t.Errorf("without: %d, %s", status, stderr)
	}
	for _, path := range []string{"", "assets/x.js", "api/v1/status", "api/v1/events", "v1/traces"} {
		r, err := http.Get(without + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusUnauthorized {
			t.Errorf("/%s: %s", path, r.Status)
		}
	}
}

// TestViewTimes: a trace has spans of any time, also before 1970.
func TestViewTimes(t *testing.T) {
	v := viewed(t)
	const id = "4bf92f3577b34da6a3ce929d0e0e4799"
	file := filepath.Join(t.TempDir(), "times.json")
	if err := os.WriteFile(file, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"`+id+`","spanId":"00000000000000d1","name":"old","startTimeUnixNano":"18131000000000000000","endTimeUnixNano":"18131000000001000000"}]}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Import(file); err != nil {
		t.Fatal(err)
	}
	out, stderr, status := new(process).output(t, "trace", id, "--viewer", v.URL)
	if status != 0 || !strings.Contains(out, "old  1ms\n") {
		t.Errorf("%d: %s%s", status, out, stderr)
	}
}
