package tree

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// span of time, in which something is on the critical path.
type interval struct{ from, to time.Time }

// critical finds the critical path below each root: what would have to be faster for the root to end earlier. It goes backwards from the
// end of a span: the child that ended last, of those that began before, is on the path until it began; there the search goes on. A child
// that outlives its parent counts until the parent's end.
func critical(roots []*node, children map[trace.SpanID][]*node) map[*node]interval {
	path := map[*node]interval{}
	var mark func(n *node, to time.Time, depth int)
	mark = func(n *node, to time.Time, depth int) {
		path[n] = interval{n.start, to}
		if depth >= maxDepth {
			return
		}
		kids := slices.Clone(children[n.id])
		slices.SortFunc(kids, func(a, b *node) int { return cmp.Or(b.end.Compare(a.end), b.start.Compare(a.start)) })
		at := to
		for _, k := range kids {
			if path[k] != (interval{}) || !k.start.Before(at) || k.start.Before(n.start) {
				continue
			}
			end := k.end
			if end.After(at) {
				end = at
			}
			mark(k, end, depth+1)
			at = k.start
		}
	}
	for _, r := range roots {
		mark(r, r.end, 0)
	}
	return path
}
