package tree

import (
	"cmp"
	"fmt"
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

// render formats one trace: a line for the trace, then those of its spans. It is empty if the filter leaves the trace out.
func (p *Printer) render(t *traceState) string {
	children := map[trace.SpanID][]*node{}
	roots := t.forest(children)
	from, to := t.extent()
	var b strings.Builder
	if p.filter.matches(t, to.Sub(from)) {
		columns := 0
		if p.look.Width != nil {
			columns = p.look.Width()
		}
		if columns <= 0 { // the console has the lines as well, and programs may read the trees
			t.lines, t.linesDropped = nil, 0
		}
		d := &drawing{Printer: p, Builder: &b, axis: newAxis(from, to, columns), path: critical(roots, children)}
		d.row("", d.colorCode(dim), "trace "+t.id.String(), "", d.scale())
		for _, it := range t.items(roots, children) {
			d.item(it, "", "")
		}
		if t.dropped > 0 {
			fmt.Fprintf(&b, "… %d more spans\n", t.dropped)
		}
		if t.linesDropped > 0 {
			fmt.Fprintf(&b, "… %d more lines\n", t.linesDropped)
		}
		if t.open > 0 {
			fmt.Fprintf(&b, "… %d spans still open\n", t.open)
		}
	}
	if omitted := p.omitted.Swap(0); omitted > 0 {
		fmt.Fprintf(&b, "… %d traces were not shown: too many at once\n", omitted)
	}
	return b.String()
}

// forest fills children, and returns the spans whose parents are not here.
func (t *traceState) forest(children map[trace.SpanID][]*node) (roots []*node) {
	have := map[trace.SpanID]bool{}
	for i := range t.spans {
		have[t.spans[i].id] = true
	}
	for i := range t.spans {
		if n := &t.spans[i]; have[n.parent] {
			children[n.parent] = append(children[n.parent], n)
		} else {
			roots = append(roots, n)
		}
	}
	return roots
}

// extent is from the first start to the last end.
func (t *traceState) extent() (from, to time.Time) {
	for i := range t.spans {
		n := &t.spans[i]
		if i == 0 || n.start.Before(from) {
			from = n.start
		}
		if i == 0 || n.end.After(to) {
			to = n.end
		}
	}
	return from, to
}

// maxDepth bounds the recursion; calls between guests nest far less deeply.
const maxDepth = 200

// drawing is a tree that is being written.
type drawing struct {
	*Printer
	*strings.Builder
	axis
	path map[*node]interval
}

// item writes an item's line and all below it. first is what its line begins with, rest what those below do.
func (d *drawing) item(it *item, first, rest string) {
	head, more := d.texts(it)
	code := ""
	if it.nodes[0].failed {
		code = d.colorCode(red)
	}
	below := rest
	if len(it.kids)+len(it.lines) > 0 {
		below += "│  "
	} else {
		below += "   "
	}
	offset, bar := "", ""
	if d.cells > 0 {
		offset, bar = "+"+Duration(it.nodes[0].start.Sub(d.from)), d.bar(it, d.path)
	}
	d.spanRow(code, first, below, head, more, offset, bar)
	d.below(it, rest)
}

// below writes the lines and items below an item, by time.
func (d *drawing) below(it *item, rest string) {
	lines, left := it.lines, 0
	if len(it.nodes) > 1 && len(lines) > maxFoldedLines {
		lines, left = lines[:maxFoldedLines], len(lines)-maxFoldedLines
	}
	write := func(l line) {
		d.lineRow(rest+"│ ", printable(l.text))
	}
	for i, k := range it.kids {
		for len(lines) > 0 && lines[0].at.Before(k.nodes[0].start) {
			write(lines[0])
			lines = lines[1:]
		}
		if i == len(it.kids)-1 && len(lines)+left == 0 {
			d.item(k, rest+"└─ ", rest+"   ")
		} else {
			d.item(k, rest+"├─ ", rest+"│  ")
		}
	}
	for _, l := range lines {
		write(l)
	}
	if left > 0 {
		write(line{text: fmt.Sprintf("… %d more lines", left)})
	}
}

// texts are what an item's line says: "name url → status duration", and, each with spaces before it, "(guest, host, wait)" and "✗ error".
func (d *drawing) texts(it *item) (head string, more []string) {
	n := it.nodes[0]
	var b strings.Builder
	b.WriteString(printable(n.name))
	if target := it.target(); target != "" {
		b.WriteString(" " + printable(target))
	}
	b.WriteString(printable(it.facts()))
	if n.status != 0 {
		b.WriteString(" →" + glue + strconv.FormatInt(n.status, 10))
	}
	if calls, took, longest := it.calls(); calls > 0 {
		fmt.Fprintf(&b, "  ×%d ·"+glue+"%s", calls, seconds(took))
		if calls > 1 {
			b.WriteString(" ·" + glue + "longest" + glue + seconds(longest))
		}
	} else if len(it.nodes) > 1 {
		ds := it.durations()
		fmt.Fprintf(&b, "  ×%d ·"+glue+"%s"+glue+"–"+glue+"%s ·"+glue+"p50"+glue+"%s", len(ds), Duration(ds[0]), Duration(ds[len(ds)-1]), Duration(ds[len(ds)/2]))
	} else {
		b.WriteString("  " + Duration(n.end.Sub(n.start)))
	}
	for _, s := range append([]string{it.split(), it.functions()}, n.endings()...) {
		if s != "" {
			more = append(more, s)
		}
	}
	return b.String(), more
}

// split is the time of the item's spans by who used it.
func (it *item) split() string {
	var guest, host, wait, total float64
	for _, n := range it.nodes {
		guest, host, wait, total = guest+n.guest, host+n.host, wait+n.wait, total+cmp.Or(n.guestTotal, n.guest)
	}
	switch {
	case guest+host+total > 0:
		of := ""
		if total > guest {
			of = glue + "of" + glue + seconds(total)
		}
		return fmt.Sprintf(" (guest"+glue+"%s%s, host"+glue+"%s, wait"+glue+"%s)", seconds(guest), of, seconds(host), seconds(wait))
	case wait > 0:
		return fmt.Sprintf(" (wait"+glue+"%s)", seconds(wait))
	}
	return ""
}

// endings say how the span ended, if there is anything to say.
func (n *node) endings() (parts []string) {
	if n.resultError != "" {
		parts = append(parts, "  error:"+glue+printable(n.resultError))
	}
	if n.failed {
		s := "  ✗" + glue + printable(cmp.Or(n.errorType, "error"))
		if n.blame != "" {
			s += glue + "(" + printable(n.blame) + ")"
		}
		parts = append(parts, s)
	} else if n.outcome != "" {
		parts = append(parts, "  "+printable(n.outcome))
	}
	return parts
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
	if p.look.Color {
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
