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

// Gap is one command, or ("*") a whole script, that is known not to pass, and why.
type Gap struct {
	Script string // the end of its path
	Line   int    // 0: any number of commands of the script, at least one
	Why    string
}

// GapList is what is known not to pass.
type GapList []Gap

// Gaps reads gaps.txt: a line a gap, "path:line reason" or "path:* reason", comments after #.
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
		var err error
		if at != "*" {
			g.Line, err = strconv.Atoi(at)
		}
		if !ok || err != nil || g.Why == "" || at != "*" && g.Line <= 0 {
			return nil, fmt.Errorf("gaps.txt:%d: want path:line or path:*, and a reason", n+1)
		}
		out = append(out, g)
	}
	return out, nil
}

// Apply holds the results of a file against the list. A listed command that fails or is skipped is skipped for the
// list's reason; one that passes fails, for its entry is stale. Other results stay as they are.
func (l GapList) Apply(f *File) {
	path := "/" + filepath.ToSlash(f.Path)
	for _, g := range l {
		if !strings.HasSuffix(path, "/"+g.Script) {
			continue
		}
		open, seen := false, false
		for i := range f.Results {
			r := &f.Results[i]
			if g.Line != 0 && r.Line != g.Line {
				continue
			}
			seen = true
			if r.Outcome != Passed {
				open = true
				if r.listed = true; r.Outcome == Failed {
					r.Outcome = Skipped
				}
				r.Why = g.Why
			}
		}
		switch {
		case !seen:
			f.Results = append(f.Results, Result{Line: g.Line, Form: "gap", Outcome: Failed, Why: "there is no such command: " + g.Why})
		case !open:
			f.Results = append(f.Results, Result{Line: g.Line, Form: "gap", Outcome: Failed, Why: "is a gap no more: " + g.Why})
		}
	}
}
