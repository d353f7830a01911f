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
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(lines[0], "trace "), " ")
	t.log.Info("trace", "trace_id", first, "tree", lines)
	return len(p), nil
}
