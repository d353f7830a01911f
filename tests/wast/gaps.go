package wast

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed gaps.txt
var gapText string

// Gap is a range of commands that are known not to pass, and the reason.
type Gap struct {
	Script      string // the end of its path
	First, Last int    // lines
	Why         string
}

// GapList is the list of known gaps.
type GapList []Gap

// Gaps reads gaps.txt: a line a gap, "path:line reason" or "path:line-line reason", comments after #.
func Gaps() (GapList, error) { return parseGaps(gapText) }

func parseGaps(text string) (GapList, error) {
	var out GapList
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		where, why, _ := strings.Cut(line, " ")
		script, at, ok := strings.Cut(where, ":")
		g := Gap{Script: script, Why: strings.TrimSpace(why)}
		first, last, isRun := strings.Cut(at, "-")
		var err, errLast error
		g.First, err = strconv.Atoi(first)
		if g.Last = g.First; isRun {
			g.Last, errLast = strconv.Atoi(last)
		}
		if !ok || err != nil || errLast != nil || g.Why == "" || g.First <= 0 || g.Last < g.First {
			return nil, fmt.Errorf("gaps.txt:%d: want path:line or path:line-line, and a reason", n+1)
		}
		out = append(out, g)
	}
	return out, nil
}

// of says whether the gap is one of the script at path, which may be relative to the working folder.
func (g Gap) of(path string) bool {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return strings.HasSuffix(filepath.ToSlash(path), "/"+g.Script)
}

// Apply applies the list to the results of a file. A listed command that fails or is skipped is skipped with the list's reason;
// one that passes fails, as its entry is stale. Other results do not change.
func (l GapList) Apply(f *File) {
	for _, g := range l {
		if !g.of(f.Path) {
			continue
		}
		seen := false
		for i := range f.Results {
			r := &f.Results[i]
			if r.Line < g.First || r.Line > g.Last {
				continue
			}
			seen = true
			if r.Outcome == Passed {
				r.Outcome, r.Why = Failed, "is a gap no more: "+g.Why
				continue
			}
			r.Outcome, r.Why, r.Listed = Skipped, g.Why, true
		}
		if !seen {
			f.Results = append(f.Results, Result{Line: g.First, Form: "gap", Outcome: Failed, Why: "there is no such command: " + g.Why})
		}
	}
}
