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

// render formats one trace: a line for the trace, then a line for each span.
func (p *Printer) render(t *traceState, omitted int64) string {
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
	fmt.Fprintf(&b, "%strace %s%s\n", p.colorCode(dim), t.id, p.colorCode(plain))
	for _, r := range roots {
		p.writeSpan(&b, r, "", "", children, 0)
	}
	if t.dropped > 0 {
		fmt.Fprintf(&b, "… %d more spans\n", t.dropped)
	}
	if t.open > 0 {
		fmt.Fprintf(&b, "… %d spans still open\n", t.open)
	}
	if omitted > 0 {
		fmt.Fprintf(&b, "… %d traces were not shown: too many at once\n", omitted)
	}
	return b.String()
}

// maxDepth bounds the recursion; calls between guests nest far less deeply.
const maxDepth = 200

func (p *Printer) writeSpan(b *strings.Builder, n *node, first, rest string, children map[trace.SpanID][]*node, depth int) {
	b.WriteString(first)
	p.writeLine(b, n)
	kids := children[n.id]
	if depth >= maxDepth {
		return
	}
	for i, c := range kids {
		if i == len(kids)-1 {
			p.writeSpan(b, c, rest+"└─ ", rest+"   ", children, depth+1)
		} else {
			p.writeSpan(b, c, rest+"├─ ", rest+"│  ", children, depth+1)
		}
	}
}

// writeLine writes "name url → status duration (guest, host, wait) ✗ error".
func (p *Printer) writeLine(b *strings.Builder, n *node) {
	if n.failed {
		b.WriteString(p.colorCode(red))
	}
	b.WriteString(printable(n.name))
	if target := n.target(); target != "" {
		b.WriteString(" " + printable(target))
	}
	b.WriteString(printable(n.facts))
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
		b.WriteString("  error: " + printable(n.resultError))
	}
	if n.failed {
		what := cmp.Or(n.errorType, "error")
		b.WriteString("  ✗ " + printable(what))
		if n.blame != "" {
			b.WriteString(" (" + printable(n.blame) + ")")
		}
		b.WriteString(p.colorCode(plain))
	} else if n.outcome != "" {
		b.WriteString("  " + printable(n.outcome))
	}
	b.WriteByte('\n')
}

// target is a request's URL or path, unless the span's name has it.
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

func (p *Printer) colorCode(code string) string {
	if p.color {
		return code
	}
	return ""
}

// maxPart bounds a text in a line, in bytes.
const maxPart = 1 << 10

// printable escapes line ends and control sequences: paths and error cases come from outside.
func printable(s string) string { return text.Printable(text.Cut(s, maxPart)) }

func seconds(s float64) string { return Duration(time.Duration(s * float64(time.Second))) }

// Duration formats d with three digits: "1.23ms", "45.6µs", "2.50s".
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
