package tree

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

const (
	red   = "\x1b[31m"
	dim   = "\x1b[2m"
	plain = "\x1b[0m"
)

// render is the text of one trace: a line for the trace, then one line a span.
func (p *Printer) render(t *pending, omitted int64) string {
	have := map[trace.SpanID]bool{}
	for i := range t.spans {
		have[t.spans[i].id] = true
	}
	children := map[trace.SpanID][]*node{}
	var roots []*node
	for i := range t.spans {
		n := &t.spans[i]
		if have[n.parent] {
			children[n.parent] = append(children[n.parent], n)
		} else {
			roots = append(roots, n)
		}
	}
	byStart := func(a, b *node) int {
		return cmp.Or(a.start.Compare(b.start), b.end.Compare(a.end), slices.Compare(a.id[:], b.id[:]))
	}
	slices.SortFunc(roots, byStart)
	for _, c := range children {
		slices.SortFunc(c, byStart)
	}

	var b strings.Builder
	fmt.Fprintf(&b, "%strace %s%s\n", p.paint(dim), t.id, p.paint(plain))
	for _, r := range roots {
		p.span(&b, r, "", "", children, 0)
	}
	if t.cut > 0 {
		fmt.Fprintf(&b, "… %d more spans\n", t.cut)
	}
	if t.open > 0 {
		fmt.Fprintf(&b, "… %d spans still open\n", t.open)
	}
	if omitted > 0 {
		fmt.Fprintf(&b, "… %d traces were not shown: too many at once\n", omitted)
	}
	return b.String()
}

// maxDepth bounds the recursion; guests call each other far less deeply.
const maxDepth = 200

func (p *Printer) span(b *strings.Builder, n *node, first, rest string, children map[trace.SpanID][]*node, depth int) {
	b.WriteString(first)
	p.line(b, n)
	kids := children[n.id]
	if depth >= maxDepth {
		return
	}
	for i, c := range kids {
		if i == len(kids)-1 {
			p.span(b, c, rest+"└─ ", rest+"   ", children, depth+1)
		} else {
			p.span(b, c, rest+"├─ ", rest+"│  ", children, depth+1)
		}
	}
}

// line is "name url status duration (guest, host, wait) ✗ error".
func (p *Printer) line(b *strings.Builder, n *node) {
	if n.failed {
		b.WriteString(p.paint(red))
	}
	b.WriteString(clean(n.name))
	if target := n.target(); target != "" {
		b.WriteString(" " + clean(target))
	}
	b.WriteString(clean(n.facts))
	if n.status != 0 {
		b.WriteString(" → " + strconv.FormatInt(n.status, 10))
	}
	b.WriteString("  " + Duration(n.end.Sub(n.start)))
	if n.guest+n.host+n.guestTotal > 0 {
		b.WriteString(" (guest " + seconds(n.guest))
		if n.guestTotal > n.guest {
			b.WriteString(" of " + seconds(n.guestTotal))
		}
		fmt.Fprintf(b, ", host %s, wait %s)", seconds(n.host), seconds(n.wait))
	} else if n.wait > 0 {
		fmt.Fprintf(b, " (wait %s)", seconds(n.wait))
	}
	if n.resultError != "" {
		b.WriteString("  error: " + clean(n.resultError))
	}
	if n.failed {
		what := cmp.Or(n.errorType, "error")
		b.WriteString("  ✗ " + clean(what))
		if n.blame != "" {
			b.WriteString(" (" + clean(n.blame) + ")")
		}
		b.WriteString(p.paint(plain))
	} else if n.outcome != "" {
		b.WriteString("  " + clean(n.outcome))
	}
	b.WriteByte('\n')
}

// target is what a request was for, where the name does not say it.
func (n *node) target() string {
	if n.url != "" {
		return n.url
	}
	target := n.path
	if n.query != "" {
		target += "?" + n.query
	}
	if strings.HasSuffix(n.name, " "+target) {
		return ""
	}
	return target
}

func (p *Printer) paint(code string) string {
	if p.color {
		return code
	}
	return ""
}

// maxPart bounds a text in a line, in bytes: a path may be as long as headers may.
const maxPart = 1 << 10

// clean keeps a text on its line and the terminal's control sequences out of it: paths and error cases come from outside.
func clean(s string) string { return text.Printable(text.Cut(s, maxPart)) }

func seconds(s float64) string { return Duration(time.Duration(s * float64(time.Second))) }

// Duration is d with three digits: "1.23ms", "45.6µs", "2.50s".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0"
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + "ns"
	case d < time.Millisecond:
		return digits(float64(d)/1e3) + "µs"
	case d < time.Second:
		return digits(float64(d)/1e6) + "ms"
	}
	return digits(float64(d)/1e9) + "s"
}

func digits(f float64) string {
	switch {
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}
