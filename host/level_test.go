package host

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestLevelOfJSON: a line that is a JSON object is as severe as it says, whoever wrote it; nothing else says anything.
func TestLevelOfJSON(t *testing.T) {
	for line, want := range map[string]Severity{
		`{"level":"error","msg":"x"}`:              SeverityError,
		`{"time":"t","level":"ERROR+4","msg":"x"}`: SeverityError,
		`  {"severity":"CRITICAL"} `:               SeverityFatal,
		`{"lvl":"warn"}`:                           SeverityWarn,
		`{"Level":"Debug"}`:                        SeverityDebug,
		`{"LEVEL":"TRACE"}`:                        SeverityTrace,
		`{"level":50,"pid":1}`:                     SeverityError,
		`{"level":30}`:                             SeverityInfo,
		`{"levelname":"WARNING"}`:                  SeverityWarn,
		`{"log.level":"error"}`:                    SeverityError,
		`{"log":{"level":"fatal"}}`:                SeverityFatal,
		`{"log":"a text","level":"error"}`:         SeverityError,
		`{"severity_number":17}`:                   SeverityError,
		`{"SeverityText":"Info"}`:                  SeverityInfo,
		`{"level":"error","level":"debug"}`:        SeverityDebug,
		`{"msg":"\"level\":\"error\""}`:            0,
		`{"nested":{"level":"error"}}`:             0,
		`{"level":"purple"}`:                       0,
		`{"level":3}`:                              0,
		`{"level":null}`:                           0,
		`{"level":["error"]}`:                      0,
		`{"level":"error"`:                         0,
		`{"level":"error"} trailing`:               0,
		`level=error`:                              0,
		`[{"level":"error"}]`:                      0,
		``:                                         0,
		`{}`:                                       0,
		strings.Repeat(`{"level":`, 5000) + strings.Repeat("}", 5000): 0,
	} {
		rec := &recorder{}
		if err := NewLines(&workload.Spec{}, &workload.Component{}, rec).Stream("stdout")(t.Context(), []byte(line+"\n")); err != nil {
			t.Fatal(err)
		}
		if want == 0 {
			want = SeverityInfo
		}
		if got := rec.lines[0].Severity; got != want {
			t.Errorf("%.60q: %v, want %v", line, got, want)
		}
	}
}

// TestConsoleSaysWhich: severity where it is not the stream's own, trace and span where there are any, in both formats.
func TestConsoleSaysWhich(t *testing.T) {
	type key struct{}
	in := context.WithValue(t.Context(), key{}, true)
	which := func(ctx context.Context) (string, string) {
		if ctx.Value(key{}) == nil {
			return "", ""
		}
		return "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	}
	say := func(asJSON bool) string {
		var b bytes.Buffer
		c := NewConsole(&b, asJSON, SeverityTrace)
		c.Trace = which
		c.Log(t.Context(), LogLine{Component: "c", Stream: "stdout", Severity: SeverityInfo, Text: "plain"})
		c.Log(in, LogLine{Component: "c", Stream: "stderr", Severity: SeverityWarn, Text: "in a request"})
		c.Log(in, LogLine{Component: "c", Stream: "stdout", Severity: SeverityError, Text: `{"level":"error"}`})
		c.Log(t.Context(), LogLine{Component: "c", Stream: "log", Severity: SeverityDebug, Context: "db", Text: "x"})
		c.Log(t.Context(), LogLine{Component: "c", Stream: "failed", Severity: SeverityWarn, Text: "y"})
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := `INFO [c stdout] :: plain
WARN 4bf92f35/00f067aa [c stderr] :: in a request
ERROR 4bf92f35/00f067aa [c stdout] :: {"level":"error"}
[c log] :: DEBUG db: x
WARN [c failed] :: y
`
	if got := say(false); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	lines := strings.Split(strings.TrimSpace(say(true)), "\n")
	var got []map[string]any
	for _, l := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		got = append(got, m)
	}
	if _, ok := got[0]["trace_id"]; ok || got[0]["level"] != "INFO" {
		t.Errorf("%v", got[0])
	}
	if got[2]["trace_id"] != "4bf92f3577b34da6a3ce929d0e0e4736" || got[2]["span_id"] != "00f067aa0ba902b7" || got[2]["level"] != "ERROR" {
		t.Errorf("%v", got[2])
	}
	if got[3]["context"] != "db" {
		t.Errorf("%v", got[3])
	}
}

// TestConsoleObeysNothing: whatever part of a line is hostile, the console shows one line of printable characters.
func TestConsoleObeysNothing(t *testing.T) {
	const hostile = "a\n[other stdout] :: forged\r\x1b[2J\x1b]0;title\x07\u009b2J\u0085\u2028\u2029\u202eevil\u2066\x00\x7f\xff\xe2\x80"
	for _, asJSON := range []bool{false, true} {
		for _, l := range []LogLine{
			{Component: "c", Stream: "stdout", Text: hostile},
			{Component: hostile, Stream: "stdout", Text: "x"},
			{Component: "c", Stream: hostile, Text: "x"},
			{Component: "c", Stream: "log", Context: hostile, Text: "x"},
			{Component: "c", Stream: "log", Context: hostile, Text: hostile, Limit: hostile, Truncated: true},
		} {
			l.Severity = SeverityError
			var b bytes.Buffer
			c := NewConsole(&b, asJSON, SeverityTrace)
			c.Log(t.Context(), l)
			if err := c.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			line, ok := strings.CutSuffix(b.String(), "\n")
			if !ok || line == "" || text.Printable(line) != line {
				t.Errorf("json %t: %q", asJSON, b.String())
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); asJSON && err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}

// TestSeverityOfText: a line of standard error says its severity by its first word, or is information.
func TestSeverityOfText(t *testing.T) {
	for line, want := range map[string]Severity{
		"": SeverityInfo, "listening": SeverityInfo, "errors are few": SeverityInfo, "error handling is on": SeverityInfo, "Default values": SeverityInfo,
		"ERROR no cart": SeverityError, "error: no cart": SeverityError, "[ERROR] no cart": SeverityError, "<3>kernel": SeverityInfo, "ERROR": SeverityError,
		"WARN low": SeverityWarn, "[warn] low": SeverityWarn, "warning: low": SeverityWarn, "  WARNING: low": SeverityWarn,
		"INFO ready": SeverityInfo, "DEBUG x=1": SeverityDebug, "FATAL: gone": SeverityFatal,
		"thread 'main' panicked at src/lib.rs:1:1:": SeverityError, "panic: boom": SeverityError, "don't panic: it is fine": SeverityInfo,
		"Traceback (most recent call last):": SeverityError, "Assertion failed: n > 0 (a.c: f: 1)": SeverityError,
	} {
		if got := severityOfText(line); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}
