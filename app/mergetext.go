package app

import (
	"bytes"
	"math"
	"slices"
	"strings"
)

// maxAlign bounds the work of align, in pairs of lines.
const maxAlign = 16 << 20

// mergeText applies the changes from before to after to data. data and before are one tree, in the file's layout and in the
// library's. Lines that do not change stay byte for byte.
func mergeText(data, before, after []byte) []byte {
	ours, base, theirs := linesOf(data), linesOf(before), linesOf(after)
	ending := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		ending = "\r\n"
	}
	place := align(base, ours, func(a, b string) bool { return collapseSpaces(a) == collapseSpaces(b) }) // line of base → line of ours
	kept := align(base, theirs, func(a, b string) bool { return a == b })                                // line of base → line of theirs

	all := indentsOf(base, place, ours)

	var out strings.Builder
	put := func(lines []string) {
		for _, l := range lines {
			out.WriteString(l)
		}
	}
	b, o, t := 0, 0, 0 // the next line of base, ours and theirs
	for i := range len(base) + 1 {
		nextOurs, nextTheirs := len(ours), len(theirs)
		if i < len(base) {
			if place[i] < 0 || kept[i] < 0 {
				continue
			}
			nextOurs, nextTheirs = place[i], kept[i]
		}
		// Between two lines that all three texts have.
		from, to := o, nextOurs
		fresh := theirs[t:nextTheirs]
		if slices.Equal(base[b:i], fresh) {
			from, to, fresh = nextOurs, nextOurs, nil
		} else if lines := place[b:i]; len(lines) == 0 {
			to = from
		} else if !slices.Contains(lines, -1) {
			from, to = lines[0], lines[len(lines)-1]+1
		}
		put(ours[o:from])
		if s := out.String(); len(fresh) > 0 && s != "" && !strings.HasSuffix(s, "\n") {
			out.WriteString(ending)
		}
		var new []indented
		for _, line := range fresh {
			shift := shiftOf(column(line), all[:b], new, all[i:])
			new = append(new, indented{column(line), shift})
			put([]string{shiftLine(strings.TrimRight(line, "\r\n"), shift), ending})
		}
		put(ours[to:nextOurs])
		if i < len(base) {
			put(ours[nextOurs : nextOurs+1])
		}
		b, o, t = i+1, nextOurs+1, nextTheirs+1
	}
	return []byte(out.String())
}

// linesOf returns a text's lines with their endings.
func linesOf(text []byte) []string {
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// collapseSpaces is a line with single spaces, and without a byte order mark.
func collapseSpaces(line string) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(line, "\ufeff")), " ")
}

// column is where a line's text begins, after the dashes of a sequence.
func column(line string) int { return len(line) - len(strings.TrimLeft(line, " -")) }

// indented is a line of the library's text; shift is by how much more the file indents it.
type indented struct{ column, shift int }

// indentsOf returns the lines of base. Comments, and lines that the file does not have, get a column deeper than any.
func indentsOf(base []string, place []int, ours []string) []indented {
	lines := make([]indented, len(base))
	for i, l := range base {
		if lines[i].column = math.MaxInt; place[i] >= 0 && !strings.HasPrefix(strings.TrimLeft(l, " "), "#") {
			lines[i] = indented{column(l), column(ours[place[i]]) - column(l)}
		}
	}
	return lines
}

// shiftOf returns how much deeper than the library the file indents a new line, which has the given depth and comes after above and new,
// and before below: as much deeper as its nearest sibling, or else its parent.
func shiftOf(depth int, above, new, below []indented) int {
	within := func(l indented) bool { return l.column <= depth }
	var parent indented
	for _, lines := range [][]indented{above, new} {
		for _, l := range slices.Backward(lines) {
			if within(l) {
				parent = l
				break
			}
		}
	}
	if i := slices.IndexFunc(below, within); i >= 0 && parent.column < depth && below[i].column == depth {
		return below[i].shift
	}
	return parent.shift
}

func shiftLine(line string, by int) string {
	if by >= 0 && line != "" {
		return strings.Repeat(" ", by) + line
	}
	return line[min(len(line)-len(strings.TrimLeft(line, " ")), max(-by, 0)):]
}

// align returns for each line of a the index of its line in b, -1 for none: a longest common subsequence, unless the texts
// exceed maxAlign.
func align(a, b []string, same func(a, b string) bool) []int {
	out := make([]int, len(a))
	for i := range out {
		out[i] = -1
	}
	head := 0
	for head < len(a) && head < len(b) && same(a[head], b[head]) {
		out[head] = head
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && same(a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
		out[len(a)-tail] = len(b) - tail
	}
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a)*len(b) == 0 || len(a)*len(b) > maxAlign {
		return out
	}
	width := len(b) + 1
	most := make([]int32, (len(a)+1)*width) // of the rest from i and j on
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same(a[i], b[j]) {
				most[i*width+j] = most[(i+1)*width+j+1] + 1
			} else {
				most[i*width+j] = max(most[(i+1)*width+j], most[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case same(a[i], b[j]):
			out[head+i] = head + j
			i, j = i+1, j+1
		case most[(i+1)*width+j] >= most[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}
