package tree

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// minFold is from how many like siblings on they are one line.
const minFold = 4

// item is a line of a tree: one span, or a number of siblings that are alike.
type item struct {
	nodes []*node // by start; never empty
	kids  []*item
	lines []line // of its spans
}

// likeness is what spans that are folded have in common.
type likeness struct {
	name, errorType, blame, outcome, resultError string
	kind                                         trace.SpanKind
	status                                       int64
	failed                                       bool
}

func (n *node) likeness() likeness {
	return likeness{n.name, n.errorType, n.blame, n.outcome, n.resultError, n.kind, n.status, n.failed}
}

// items makes items of all spans of the trace. Each span is in one of them, whatever guests say of identifiers and parents: where parents go
// in a circle, the first of them is a root.
func (t *traceState) items(roots []*node, children map[trace.SpanID][]*node) []*item {
	placed := map[*node]bool{}
	items := t.grouped(roots, children, placed, 0)
	for i := range t.spans {
		if n := &t.spans[i]; !placed[n] {
			items = append(items, t.grouped([]*node{n}, children, placed, 0)...)
		}
	}
	return items
}

// grouped makes items of siblings, and of all below them. Siblings that are alike need not be neighbours: a loop of two calls is two lines.
func (t *traceState) grouped(siblings []*node, children map[trace.SpanID][]*node, placed map[*node]bool, depth int) []*item {
	for _, n := range siblings {
		placed[n] = true
	}
	slices.SortFunc(siblings, func(a, b *node) int {
		return cmp.Or(a.start.Compare(b.start), b.end.Compare(a.end), slices.Compare(a.id[:], b.id[:]))
	})
	count := map[likeness]int{}
	for _, n := range siblings {
		count[n.likeness()]++
	}
	folded := map[likeness]*item{}
	var items []*item
	for _, n := range siblings {
		like := n.likeness()
		it := folded[like]
		if it == nil {
			it = &item{}
			items = append(items, it)
			if count[like] >= minFold {
				folded[like] = it
			}
		}
		it.nodes = append(it.nodes, n)
	}
	for _, it := range items {
		var below []*node
		for _, n := range it.nodes {
			it.lines = append(it.lines, t.lines[n.id]...)
			delete(t.lines, n.id)
			if depth >= maxDepth {
				continue
			}
			for _, k := range children[n.id] {
				if !placed[k] {
					placed[k] = true
					below = append(below, k)
				}
			}
		}
		it.kids = t.grouped(below, children, placed, depth+1)
	}
	return items
}

// target is that of all the item's spans, or "" if they have several.
func (it *item) target() string {
	target := it.nodes[0].target()
	for _, n := range it.nodes[1:] {
		if n.target() != target {
			return ""
		}
	}
	return target
}

// facts are those of all the item's spans, or "" if they differ.
func (it *item) facts() string {
	facts := it.nodes[0].facts
	for _, n := range it.nodes[1:] {
		if n.facts != facts {
			return ""
		}
	}
	return facts
}

// durations are those of its spans, the shortest first.
func (it *item) durations() []time.Duration {
	out := make([]time.Duration, len(it.nodes))
	for i, n := range it.nodes {
		out[i] = n.end.Sub(n.start)
	}
	slices.Sort(out)
	return out
}

// calls is how many calls the item's spans are of, how long these took, and the longest of them; zero where each span is one call.
func (it *item) calls() (n int64, took, longest float64) {
	if !slices.ContainsFunc(it.nodes, func(s *node) bool { return s.calls > 0 }) {
		return 0, 0, 0
	}
	for _, s := range it.nodes {
		if s.calls > 0 {
			n, took, longest = n+s.calls, took+s.took, max(longest, s.longest)
			continue
		}
		one := s.end.Sub(s.start).Seconds()
		n, took, longest = n+1, took+one, max(longest, one)
	}
	return n, took, longest
}

// functions says what the item's spans called, unless that differs.
func (it *item) functions() string {
	all := it.nodes[0].functions
	for _, n := range it.nodes[1:] {
		if n.functions != all {
			return ""
		}
	}
	if all == "" {
		return ""
	}
	return " " + printable(all)
}
