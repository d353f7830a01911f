package tree

import (
	"errors"
	"path"
	"strings"
	"time"
)

// Filter says which traces are printed. The zero value is all.
type Filter struct {
	errors   bool
	slow     time.Duration // 0: not asked for
	patterns []string
	some     bool
}

// ParseFilter reads a filter: parts with | between them, of which a trace has to meet one. "errors" is a trace with a span that failed,
// "slow>100ms" one that took longer, and what has a * or a / in it is a pattern of a span's name, or its URL or path: * is any text, and a
// pattern without * is a part of them. Other words are mistakes. "" is all traces.
func ParseFilter(s string) (f Filter, err error) {
	if s == "" {
		return f, nil
	}
	f.some = true
	for part := range strings.SplitSeq(s, "|") {
		part = strings.TrimSpace(part)
		switch least, slow := strings.CutPrefix(part, "slow>"); {
		case part == "":
			return f, errors.New("a part is empty")
		case slow:
			if f.slow, err = time.ParseDuration(strings.TrimSpace(least)); err != nil || f.slow <= 0 {
				return f, errors.New("want a duration after slow>, as in slow>100ms")
			}
		case part == "errors":
			f.errors = true
		case strings.ContainsAny(part, "*/"):
			f.patterns = append(f.patterns, part)
		default:
			return f, errors.New("want true, false, or parts with | between them: errors, slow>DURATION, or a pattern of a span's name, URL or path with a * or a / in it, as in slow>100ms|errors|/cart")
		}
	}
	return f, nil
}

// matches says whether a trace is printed.
func (f *Filter) matches(t *traceState, whole time.Duration) bool {
	if !f.some || f.slow > 0 && whole > f.slow {
		return true
	}
	for i := range t.spans {
		n := &t.spans[i]
		if f.errors && n.failed {
			return true
		}
		for _, p := range f.patterns {
			if like(p, n.name) || like(p, n.url) || like(p, n.path) {
				return true
			}
		}
	}
	return false
}

// like says whether a text is as a pattern says.
func like(pattern, s string) bool {
	if s == "" {
		return false
	}
	if !strings.Contains(pattern, "*") {
		return strings.Contains(s, pattern)
	}
	// In path.Match, * does not match a slash; all other characters that are special there are meant as they are.
	quoted := strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`, "/", "\x00").Replace(pattern)
	ok, err := path.Match(quoted, strings.ReplaceAll(s, "/", "\x00"))
	return ok && err == nil
}
