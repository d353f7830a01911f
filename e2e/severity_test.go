package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// severities are lines of loggers that guests use, with the severity that console and records are to say: that of the stream where a line says none.
// text is what a line of text has, body the message alone.
var severities = []struct {
	line, text, body, level string
	number                  int32
}{
	{`{"level":"warn","msg":"slog"}`, "slog", "slog", "WARN", 13},
	{`{"time":"2026-01-01T00:00:00Z","level":"ERROR+2","msg":"slog above error"}`, "slog above error", "slog above error", "ERROR", 17},
	{`{"severity":"CRITICAL","message":"google"}`, "google", "google", "FATAL", 21},
	{`{"level":20,"msg":"pino debug","pid":7}`, "pino debug pid=7", "pino debug", "DEBUG", 5},
	{`{"level":50,"msg":"pino error"}`, "pino error", "pino error", "ERROR", 17},
	{`{"severity_number":13,"body":"otel"}`, "otel", "otel", "WARN", 13},
	{`{"log":{"level":"trace","logger":"x y"},"message":"elastic"}`, `elastic log.logger="x y"`, "elastic", "TRACE", 1},
	{`{"lvl":"eror","msg":"log15"}`, "log15", "log15", "ERROR", 17},
	{`{"level":"purple","msg":"unknown"}`, "unknown level=purple", "unknown", "INFO", 9},
	{`{"level":3,"msg":"of syslog or slog"}`, "of syslog or slog level=3", "of syslog or slog", "INFO", 9},
	{`{"level":"warn","msg":"half`, `{"level":"warn","msg":"half`, `{"level":"warn","msg":"half`, "INFO", 9},
	{`level=error msg="no JSON"`, `level=error msg="no JSON"`, `level=error msg="no JSON"`, "INFO", 9},
}

// TestSeverityOfGuests: what a guest's line of JSON says of its severity is what the console and the log record say, and --log-level goes by it.
func TestSeverityOfGuests(t *testing.T) {
	var args []string
	for i, s := range severities {
		args = append(args, "--env", fmt.Sprintf("L%02d=%s", i, s.line))
	}
	args = append(args, "../testdata/hostile/says.wasm")
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			c := otlptest.New(t)
			s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, append([]string{"--log-format", format, "--log-level", "debug"}, args...)...)
			s.expect("/", "", 500, "the component failed\n")
			s.waitForConsole("no JSON")
			s.stop()
			number := map[string]int32{}
			for _, r := range c.Records() {
				if number[r.Body.GetStringValue()] = int32(r.SeverityNumber); len(r.TraceId) != 16 && strings.Contains(r.Body.GetStringValue(), "slog") {
					t.Errorf("%v is of no trace", r)
				}
			}
			for _, want := range severities {
				if n := number[want.body]; n != want.number {
					t.Errorf("the record of %s says %d, want %d", want.line, n, want.number)
				}
				level, shown := consoleLevel(s, format, map[string]string{"text": want.text, "json": want.body}[format])
				if !shown || level != want.level {
					t.Errorf("%s is shown (%v) as %q", want.line, shown, level)
				}
			}
		})
	}
	t.Run("least", func(t *testing.T) {
		s := up(t, nil, append([]string{"--log-level", "error"}, args...)...)
		s.expect("/", "", 500, "the component failed\n")
		s.waitForConsole("log15")
		s.waitForConsole("google")
		if strings.Contains(s.stderr(), ":: slog\n") || strings.Contains(s.stderr(), "no JSON") {
			t.Errorf("less severe lines are shown: %s", s.stderr())
		}
	})
}

// consoleLevel finds a guest's line on the console, and its severity there.
func consoleLevel(s *server, format, line string) (level string, shown bool) {
	for _, l := range s.jsonLines() {
		var m struct{ Level, Msg, Body, Text string }
		switch {
		case format == "text" && strings.HasSuffix(l, " [says stdout] :: "+line):
			if first, _, _ := strings.Cut(l, " "); !strings.Contains(first, "/") {
				return first, true
			}
			return "", true
		case format == "json" && json.Unmarshal([]byte(l), &m) == nil && (m.Msg == line || m.Body == line || m.Text == line):
			return m.Level, true
		}
	}
	return "", false
}

// TestLinesOfNetHTTP: what net/http has to say, as a server and as a client, comes out as our own lines do.
func TestLinesOfNetHTTP(t *testing.T) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	go func() { // one that goes on talking when it has answered
		for {
			c, err := upstream.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			time.Sleep(100 * time.Millisecond) // until the client takes the connection for idle; where it is not, there is nothing to see
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nunasked \x1b[2J\n")
			_ = c.Close()
		}
	}()
	s := up(t, []string{"GODEBUG=http2debug=1"}, "--log-format", "json", "--log-level", "debug", "--allow-http", "*", testref.File(t, "rust-http-full-p2"))
	s.expect("/fetch?url=http://"+upstream.Addr().String()+"/", "", 200, "ok")

	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	s.waitForConsole("http2: ")
	s.waitForConsole("Unsolicited response received on idle HTTP channel")
	s.stop()
	for _, line := range s.jsonLines() {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %q", line)
		}
	}
}

// TestSeveralExporters: a list of exporters is a consumer each, for every signal; a name that nobody knows is told of and takes nothing from the others.
func TestSeveralExporters(t *testing.T) {
	c := otlptest.New(t)
	cmd := "../cli/testdata/hello.wasm"
	code, stdout, stderr := runEnv(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_TRACES_EXPORTER=otlp, console", "OTEL_METRICS_EXPORTER=console,otlp,abacus",
		"OTEL_LOGS_EXPORTER=otlp,otlp,console"}, "", "run", "--log-format", "json", cmd)
	if code != 0 || strings.Count(stderr, `"value":"abacus"`) != 1 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	lines := 0
	for _, r := range c.Records() {
		if r.Body.GetStringValue() == "hello" {
			lines++
		}
	}
	if len(c.Spans()) == 0 || len(c.Metrics()) == 0 || lines != 1 {
		t.Errorf("the collector has %d spans, %d metrics, the line %d times", len(c.Spans()), len(c.Metrics()), lines)
	}
	for _, want := range []string{`"SpanContext"`, `"ScopeMetrics"`, `"SeverityText"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the console has no %s: %s", want, stdout)
		}
	}
}
