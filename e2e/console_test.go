package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// jsonLines are the lines of standard error so far without the first, which is the same in every format.
func (s *server) jsonLines() []string {
	all := strings.Split(s.stderr(), "\n")
	return all[1 : len(all)-1] // the last is empty, or half a line
}

// hostileLogger is the guest that logs through wasi:logging, with terminal control sequences as its context.
func hostileLogger(t *testing.T) string {
	t.Helper()
	wasm, err := os.ReadFile(testref.File(t, "rust-kv-p2"))
	if err != nil {
		t.Fatal(err)
	}
	const own, hostile = "kv-guest", "\x1b[2J\n\u009bm"
	if len(own) != len(hostile) || bytes.Count(wasm, []byte(own)) != 1 {
		t.Fatal("the guest does not hold its context once")
	}
	file := filepath.Join(t.TempDir(), "logger.wasm")
	if err := os.WriteFile(file, bytes.Replace(wasm, []byte(own), []byte(hostile), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestConsoleIsEscaped: each log record of a guest is one escaped line with the id of its trace.
func TestConsoleIsEscaped(t *testing.T) {
	guest := hostileLogger(t)
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			s := up(t, nil, "--log-format", format, "--log-level", "debug", "--trace", guest)
			for range 3 {
				if status, _, err := s.get("/log", "", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"); status != 200 || err != nil {
					t.Fatal(status, err)
				}
			}
			s.waitForConsole("a critical line")
			s.waitForConsole("4bf92f35")
			found := 0
			for _, line := range s.jsonLines() {
				if text.Printable(line) != line {
					t.Errorf("%q", line)
				}
				if !strings.Contains(line, "a error line") {
					continue
				}
				found++
				if format == "text" && (!strings.HasPrefix(line, "4bf92f35/") || !strings.Contains(line, ` [logger log] :: ERROR \x1b[2J\n\u009bm: a error line`)) {
					t.Errorf("%q", line)
				}
				var m map[string]any
				if format == "json" && (json.Unmarshal([]byte(line), &m) != nil || m["trace_id"] != "4bf92f3577b34da6a3ce929d0e0e4736" || m["level"] != "ERROR" || m["context"] != "\x1b[2J\n\u009bm") {
					t.Errorf("%q", line)
				}
			}
			if found == 0 {
				t.Errorf("the console has no such line: %s", s.stderr())
			}
		})
	}
}

// closedPort is an address without a listener.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestStderrIsJSON: with --log-format json, each line of standard error but the first is JSON of bounded length, whatever
// causes it: guests, exporters without a collector, gRPC, libraries' servers, clients that send malformed requests.
func TestStderrIsJSON(t *testing.T) {
	good, err := filepath.Abs("../testdata/guests/prebuilt/rust-http-full-p2.component.wasm")
	if err != nil {
		t.Fatal(err)
	}
	down := "http://" + closedPort(t)
	prometheus := closedPort(t)
	_, port, _ := net.SplitHostPort(prometheus)
	for name, env := range map[string][]string{
		"http":     {"OTEL_EXPORTER_OTLP_ENDPOINT=" + down},
		"grpc":     {"OTEL_EXPORTER_OTLP_ENDPOINT=" + down, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "GRPC_GO_LOG_SEVERITY_LEVEL=info", "GRPC_GO_LOG_VERBOSITY_LEVEL=99"},
		"disabled": {"OTEL_SDK_DISABLED=true"},
		"prometheus": {"OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT=" + port,
			"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=many", "OTEL_LOG_LEVEL=debug"},
	} {
		t.Run(name, func(t *testing.T) {
			env = append(env, "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_BLRP_SCHEDULE_DELAY=10", "OTEL_METRIC_EXPORT_INTERVAL=50", "OTEL_EXPORTER_OTLP_TIMEOUT=300")
			s := up(t, env, "--log-format", "json", "--log-level", "debug", good)
			for _, header := range [][]string{
				{"Baggage", strings.Repeat("\u009b=;,", 10_000)}, {"Baggage", "a=b,\"c\x80"}, {"Traceparent", strings.Repeat("0", 40_000)},
				{"Tracestate", strings.Repeat("a=b,", 10_000)}, {"Tracestate", "\xff=\xff"}, {strings.Repeat("X", 20_000), "v"}, {"Baggage", strings.Repeat("a=b,", 2_000)},
			} {
				sendMalformed(t, s.base, header[0]+": "+header[1])
			}
			if name == "prometheus" {
				sendMalformed(t, "http://"+prometheus, "a: b\x00")
				scrape(t, prometheus)
			}
			for range 20 {
				_, _, _ = s.get("/", "")
			}
			time.Sleep(time.Second) // for further lines; no assertion depends on it
			s.stop()
			if name == "http" || name == "grpc" {
				if !strings.Contains(s.stderr(), "telemetry is being dropped") || !strings.Contains(s.stderr(), "OTEL_EXPORTER_OTLP_ENDPOINT") {
					t.Errorf("the console does not report the outage: %s", s.stderr())
				}
			}
			for _, line := range s.jsonLines() {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Errorf("%q: %v", line, err)
				}
				if len(line) > 10_000 || text.Printable(line) != line {
					t.Errorf("%d bytes: %.300q", len(line), line)
				}
				if m["level"] == "ERROR" {
					t.Errorf("a client's request is logged as an error: %.300q", line)
				}
			}
		})
	}
}

// sendMalformed sends a request with an unchecked header line, and reads the response.
func sendMalformed(t *testing.T, base, line string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+line+"\r\n\r\n")
	_, _ = io.Copy(io.Discard, c)
}

func scrape(t *testing.T, at string) {
	t.Helper()
	resp, err := http.Get("http://" + at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if page, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(page, []byte("http_server_request_duration_seconds_count")) {
		t.Errorf("%v: %.300s", err, page)
	}
}

// TestVariables: an invalid variable of OpenTelemetry is reported once at the start, by its name and without secrets. If
// nothing could be exported with it, the start fails.
func TestVariables(t *testing.T) {
	guest, err := filepath.Abs("../cli/testdata/ok.wasm")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // the cases are parallel
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	dir := t.TempDir()
	malformed := filepath.Join(dir, "malformed.yaml")
	if err := os.WriteFile(malformed, []byte("file_format: \"1.0-rc.2\"\ntracer_provider: [s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(dir, "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("file_format: \"1.0-rc.2\"\ntracer_provider: {processors: [{batch: {exporter: {otlp_http: {timeout: s3cr3t}}}}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const down = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for name, tc := range map[string]struct {
		env  []string
		exit int
		says string
	}{
		"no scheme":             {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no scheme, grpc":       {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no scheme, an address": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no scheme, one signal": {[]string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=collector"}, 2, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"},
		"another scheme":        {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://bob:s3cr3t@h"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no host":               {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no URL":                {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://bob:s3cr3t@[::1"}, 2, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no certificate":        {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://h", "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere.pem"}, 2, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"port in use":           {[]string{"OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT=" + port}, 2, "OTEL_EXPORTER_PROMETHEUS_PORT"},
		"no such address":       {[]string{"OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST=203.0.113.1", "OTEL_EXPORTER_PROMETHEUS_PORT=0"}, 2, "OTEL_EXPORTER_PROMETHEUS_HOST"},
		"no file":               {[]string{"OTEL_CONFIG_FILE=/nowhere.yaml"}, 2, "OTEL_CONFIG_FILE"},
		"a folder":              {[]string{"OTEL_CONFIG_FILE=/"}, 2, "OTEL_CONFIG_FILE"},
		"malformed file":        {[]string{"OTEL_CONFIG_FILE=" + malformed}, 2, "OTEL_CONFIG_FILE"},
		"file of other types":   {[]string{"OTEL_CONFIG_FILE=" + wrong}, 2, "OTEL_CONFIG_FILE"},
		"otlp alone":            {[]string{"OTEL_TRACES_EXPORTER=otlp"}, 0, `Post \"http://localhost:4318/v1/traces\"`},
		"otlp alone, metrics":   {[]string{"OTEL_METRICS_EXPORTER=otlp"}, 0, `Post \"http://localhost:4318/v1/metrics\"`},
		"unknown exporter":      {[]string{"OTEL_TRACES_EXPORTER=otlpp"}, 0, "OTEL_TRACES_EXPORTER"},
		"unknown of metrics":    {[]string{"OTEL_METRICS_EXPORTER=prometeus"}, 0, "OTEL_METRICS_EXPORTER"},
		"unknown of logs":       {[]string{"OTEL_LOGS_EXPORTER=stdout"}, 0, "OTEL_LOGS_EXPORTER"},
		"unknown of several":    {[]string{"OTEL_TRACES_EXPORTER=none,stdout"}, 0, `"value":"stdout"`},
		"none of several":       {[]string{"OTEL_TRACES_EXPORTER=otlpp,stdout"}, 0, `"value":"stdout"`},
		"mistyped":              {[]string{"OTEL_EXPORTER_OLTP_ENDPOINT=http://s3cr3t"}, 0, "OTEL_EXPORTER_OLTP_ENDPOINT\",\"reason\":\"did you mean OTEL_EXPORTER_OTLP_ENDPOINT?"},
		"unknown protocol":      {[]string{down, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=smtp"}, 0, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		"JSON of metrics":       {[]string{down, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json"}, 0, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"},
		"sampler":               {[]string{down, "OTEL_TRACES_SAMPLER=dice"}, 0, "OTEL_TRACES_SAMPLER"},
		"sampler's argument":    {[]string{down, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=half"}, 0, "OTEL_TRACES_SAMPLER_ARG"},
		"spans' numbers":        {[]string{down, "OTEL_BSP_MAX_QUEUE_SIZE=abc"}, 0, "OTEL_BSP_MAX_QUEUE_SIZE"},
		"spans' times":          {[]string{down, "OTEL_BSP_SCHEDULE_DELAY=5s"}, 0, "OTEL_BSP_SCHEDULE_DELAY"},
		"records' times":        {[]string{down, "OTEL_BLRP_SCHEDULE_DELAY=abc"}, 0, "OTEL_BLRP_SCHEDULE_DELAY"},
		"records' numbers":      {[]string{down, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE=0"}, 0, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"},
		"metrics' interval":     {[]string{down, "OTEL_METRIC_EXPORT_INTERVAL=abc"}, 0, "OTEL_METRIC_EXPORT_INTERVAL"},
		"spans' limits":         {[]string{down, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=abc"}, 0, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"},
		"limits":                {[]string{down, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=abc"}, 0, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"},
		"timeout":               {[]string{down, "OTEL_EXPORTER_OTLP_TIMEOUT=abc"}, 0, "OTEL_EXPORTER_OTLP_TIMEOUT"},
		"compression":           {[]string{down, "OTEL_EXPORTER_OTLP_COMPRESSION=brotli"}, 0, "OTEL_EXPORTER_OTLP_COMPRESSION"},
		"headers":               {[]string{down, "OTEL_EXPORTER_OTLP_HEADERS=s3cr3t"}, 0, "OTEL_EXPORTER_OTLP_HEADERS"},
		"a header's name":       {[]string{down, "OTEL_EXPORTER_OTLP_TRACES_HEADERS=a b=s3cr3t"}, 0, "OTEL_EXPORTER_OTLP_TRACES_HEADERS"},
		"a header's value":      {[]string{down, "OTEL_EXPORTER_OTLP_LOGS_HEADERS=a=s3cr3t%zz"}, 0, "OTEL_EXPORTER_OTLP_LOGS_HEADERS"},
		"temporality":           {[]string{down, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=all"}, 0, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"},
		"resource":              {[]string{down, "OTEL_RESOURCE_ATTRIBUTES=a=b,s3cr3t,c=%zz"}, 0, "OTEL_RESOURCE_ATTRIBUTES"},
		"propagators":           {[]string{"OTEL_PROPAGATORS=tracecontext,smoke"}, 0, "OTEL_PROPAGATORS"},
		"level":                 {[]string{"OTEL_LOG_LEVEL=loud"}, 0, "OTEL_LOG_LEVEL"},
		"switch":                {[]string{"OTEL_SDK_DISABLED=1"}, 0, "OTEL_SDK_DISABLED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runEnv(t, tc.env, "", "run", "--log-format", "json", guest)
			if code != tc.exit || stdout != "" {
				t.Errorf("exit status %d, want %d; %q", code, tc.exit, stdout)
			}
			said := 0
			for _, line := range strings.Split(stderr, "\n") {
				if strings.Contains(line, tc.says) && !strings.Contains(line, `"endpoint":"`+tc.says) {
					said++
				}
				if line != "" && !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %q", line)
				}
			}
			if said != 1 || strings.Contains(stderr, "s3cr3t") {
				t.Errorf("%q is reported %d times: %s", tc.says, said, stderr)
			}
		})
	}
}

// TestOutage: the begin and the end of a collector's outage are reported once each, and requests go on.
func TestOutage(t *testing.T) {
	var broken atomic.Bool
	var refused, taken atomic.Int64
	broken.Store(true)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if broken.Load() {
			refused.Add(1)
			http.Error(w, "no "+strings.Repeat("x", 100_000), http.StatusBadRequest)
			return
		}
		taken.Add(1)
	}))
	defer collector.Close()
	good, err := filepath.Abs("../testdata/guests/prebuilt/rust-http-full-p2.component.wasm")
	if err != nil {
		t.Fatal(err)
	}
	s := up(t, []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + collector.URL, "OTEL_BSP_SCHEDULE_DELAY=10"}, good)
	until := func(n *atomic.Int64, least int64) {
		t.Helper()
		for range 1000 {
			if n.Load() >= least {
				return
			}
			if status, _, err := s.get("/", ""); status >= 500 || err != nil {
				t.Fatal(status, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d of %d", n.Load(), least)
	}
	until(&refused, 20)
	broken.Store(false)
	until(&taken, 5)
	s.waitForConsole("telemetry arrives again")
	if begun, ended := strings.Count(s.stderr(), "telemetry is being dropped"), strings.Count(s.stderr(), "telemetry arrives again"); begun != 1 || ended != 1 {
		t.Errorf("the begin is reported %d times, the end %d times: %s", begun, ended, s.stderr())
	}
	for _, line := range s.jsonLines() {
		if len(line) > 10_000 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}

// TestSilentCollector: a collector that accepts connections and never responds delays no request, and the end no longer than
// its bound.
func TestSilentCollector(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good, err := filepath.Abs("../testdata/guests/prebuilt/rust-http-full-p2.component.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + l.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_BSP_MAX_QUEUE_SIZE=10"}, good)
		for range 50 {
			if status, _, err := s.get("/", ""); status >= 500 || err != nil {
				t.Fatal(status, err)
			}
		}
		start := time.Now()
		s.stop()
		if took := time.Since(start); took > 20*time.Second { // 5 of the bound, and room for a slow machine
			t.Errorf("%s: the end takes %v", protocol, took)
		}
		if !strings.Contains(s.stderr(), "reason=queue_full") || !strings.Contains(s.stderr(), "reason=shutdown") {
			t.Errorf("%s: the lost telemetry is not reported: %s", protocol, s.stderr())
		}
	}
}
