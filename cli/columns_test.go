package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A tree is a record with its lines and the trace's identifier; what is no tree has no identifier.
func TestTreeRecords(t *testing.T) {
	for text, want := range map[string]string{
		"trace 0af7\nroot  2ms\n└─ child  1ms\n":        `"msg":"trace","tree":["trace 0af7","root  2ms","└─ child  1ms"],"trace_id":"0af7"}`,
		"… 3 traces were not shown: too many at once\n": `"msg":"trace","tree":["… 3 traces were not shown: too many at once"]}`,
	} {
		var out bytes.Buffer
		if n, err := (treeRecords{slog.New(slog.NewJSONHandler(&out, nil))}).Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, want) {
			t.Errorf("%s, want …%s", got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"100": 100, "": 0, "-5": 0, "wide": 0, "0": 0} {
		p := &process{stderr: &bytes.Buffer{}, getenv: func(name string) string { return map[string]string{"COLUMNS": text}[name] }}
		if got := p.columns(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
