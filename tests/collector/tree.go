package collector

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Tree draws spans as text, parents before children, siblings in order of start: name, kind, service, status, and those of
// attrs that a span has. Spans whose parent is not among them are roots. Siblings that look alike are drawn once, with
// their number.
func Tree(spans []Span, attrs ...string) string {
	known := map[string]bool{}
	for _, s := range spans {
		known[s.ID] = true
	}
	var draw func(parent, indent string) string
	draw = func(parent, indent string) string {
		var kids []Span
		for _, s := range spans {
			if s.Parent == parent || parent == "" && !known[s.Parent] {
				kids = append(kids, s)
			}
		}
		slices.SortStableFunc(kids, func(a, b Span) int { return a.Start.Compare(b.Start) })
		type block struct {
			text, below string
			n           int
		}
		var blocks []block
		for _, s := range kids {
			line := fmt.Sprintf("%s%s [%s %s]", indent, s.Name, strings.ToLower(s.Kind), s.Service)
			if s.Status != "Unset" {
				line += " " + s.Status
			}
			for _, a := range attrs {
				if v, ok := s.Attributes[a]; ok {
					line += " " + a + "=" + v
				}
			}
			below := draw(s.ID, indent+"  ")
			if n := len(blocks); n > 0 && blocks[n-1].text == line && blocks[n-1].below == below {
				blocks[n-1].n++
				continue
			}
			blocks = append(blocks, block{line, below, 1})
		}
		var b strings.Builder
		for _, k := range blocks {
			b.WriteString(k.text)
			if k.n > 1 {
				fmt.Fprintf(&b, " ×%d", k.n)
			}
			b.WriteString("\n" + k.below)
		}
		return b.String()
	}
	return draw("", "")
}

var waits = regexp.MustCompile(`^wasi:(io/|clocks/)\S*#(poll|\[method\](pollable\.block|(in|out)put-stream\.blocking-[a-z-]+)|wait-for|wait-until)$`)

// WithoutWaits leaves out waits of guests, which are spans only if they take a millisecond.
func WithoutWaits(spans []Span) []Span {
	return slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return waits.MatchString(s.Name) })
}
