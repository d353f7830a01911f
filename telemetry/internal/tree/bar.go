package tree

import (
	"strings"
	"time"
)

// Widths, in columns.
const (
	minWidth     = 60 // of a terminal; a narrower one has its lines broken by itself
	minBar       = 12
	maxBar       = 40
	offsetColumn = 9 // "+12.3ms", and a space on each side
)

// axis is the time axis that all bars of a trace have in common.
type axis struct {
	from  time.Time
	whole time.Duration // at least 1 ns
	cells int           // columns of a bar; 0: there are none
	text  int           // columns before offset and bar
	width int           // columns of a line
	wraps bool          // lines are broken at the terminal's width
}

// newAxis lays a trace out in so many columns; 0: the output is no terminal, and there are no bars, and lines of any length.
func newAxis(from, to time.Time, columns int) axis {
	a := axis{from: from, whole: max(to.Sub(from), 1), wraps: columns > 0}
	if columns <= 0 {
		return a
	}
	if columns < minWidth {
		a.width = max(columns, 2*minBar)
		a.text = a.width
		return a
	}
	a.width = columns
	a.cells = min(max(columns/4, minBar), maxBar)
	a.text = columns - a.cells - offsetColumn - 3
	return a
}

// cell is the column of a time, which may be outside.
func (a axis) cell(at time.Time) int {
	return int(float64(at.Sub(a.from)) / float64(a.whole) * float64(a.cells))
}

// Marks of a bar.
const (
	onPath  = '█' // on the critical path
	offPath = '░'
)

// bar draws when the item's spans were under way.
func (a axis) bar(it *item, path map[*node]interval) string {
	cells := make([]rune, a.cells)
	fill := func(from, to time.Time, mark rune) {
		first, last := a.cell(from), a.cell(to.Add(-1))
		first = min(max(first, 0), a.cells-1)
		for i := first; i <= min(max(last, first), a.cells-1); i++ {
			cells[i] = mark
		}
	}
	for _, n := range it.nodes {
		fill(n.start, n.end, offPath)
	}
	for _, n := range it.nodes {
		if on, ok := path[n]; ok {
			fill(on.from, on.to, onPath)
		}
	}
	var b strings.Builder
	for _, c := range cells {
		if c == 0 {
			c = ' '
		}
		b.WriteRune(c)
	}
	return b.String()
}

// scale is the line above the bars: zero at the left, the whole at the right.
func (a axis) scale() string {
	if a.cells == 0 {
		return ""
	}
	whole := Duration(a.whole)
	return "0" + strings.Repeat(" ", max(a.cells-1-len([]rune(whole)), 1)) + whole
}
