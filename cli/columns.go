package cli

import (
	"log/slog"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// columns is the width of the terminal on stderr: COLUMNS, else what the system says; 0 if there is no terminal.
func (p *process) columns() int {
	if n, err := strconv.Atoi(p.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := p.stderr.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// treeRecords makes a log record of each tree of a trace, for a console that has JSON alone.
type treeRecords struct{ log *slog.Logger }

func (t treeRecords) Write(p []byte) (int, error) {
	lines := strings.Split(strings.TrimRight(string(p), "\n"), "\n")
	attrs := []any{"tree", lines}
	if id, ok := strings.CutPrefix(lines[0], "trace "); ok { // else it says only how many were not shown
		attrs = append(attrs, "trace_id", id)
	}
	t.log.Info("trace", attrs...)
	return len(p), nil
}
