package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestEverythingIsJSON: with --log-format json each line on standard error is a JSON object with a time, a level and a message: the address, a guest's
// lines, trees, a trap, the end. A guest's line has its component and the identifiers of trace and span.
func TestEverythingIsJSON(t *testing.T) {
	s := up(t, nil, "--log-format", "json", "--trace", "--admin", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", "off", testref.File(t, "rust-http-p3"))
	if status, _, err := s.get("/panic", ""); status != 500 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	s.waitForConsole("told to panic; in")
	s.stop()
	var messages []string
	for line := range strings.Lines(s.stderr()) {
		var m struct {
			Time, Level, Msg, Component, Stream string
			TraceID                             string `json:"trace_id"`
			SpanID                              string `json:"span_id"`
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Time == "" || m.Level == "" {
			t.Errorf("%q: %v", line, err)
		}
		if m.Stream == "stderr" && (m.Component == "" || len(m.TraceID) != 32 || len(m.SpanID) != 16) {
			t.Errorf("a guest's line without its request: %s", line)
		}
		messages = append(messages, m.Msg)
	}
	if all := strings.Join(messages, "\n"); !strings.HasPrefix(all, "serving ") || !strings.Contains(all, "\nadmin on ") || !strings.Contains(all, "\nviewer on ") || !strings.Contains(all, "draining") {
		t.Errorf("messages: %s", all)
	}
}
