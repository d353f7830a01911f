package tree

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// spanRow writes a span's line: its texts at the left, offset and bar at the right. Where a terminal is too narrow for all, what of the head
// does not fit has lines of its own, and so have the parts of more, of which as many share a line as fit. first is what the line begins with,
// below what others of the same span do; code colours the texts.
func (d *drawing) spanRow(code, first, below, head string, more []string, offset, bar string) {
	all := head + strings.Join(more, "")
	if !d.wraps || columns(first)+columns(all) <= d.text {
		d.row(first, code, all, offset, bar)
		return
	}
	start, rest := cutAt(head, max(d.text-columns(first), minBar))
	d.row(first, code, start, offset, bar)
	room := max(d.width-columns(below), minBar)
	write := func(s string) {
		for s = strings.TrimSpace(s); s != ""; {
			start, s = cutAt(s, room)
			d.row(below, code, start, "", "")
		}
	}
	write(rest)
	for i := 0; i < len(more); {
		s := more[i]
		for i++; i < len(more) && columns(strings.TrimSpace(s+more[i])) <= room; i++ {
			s += more[i]
		}
		write(s)
	}
}

// hanging is what the second and later rows of a guest's line begin with, before what the first one begins with.
const hanging = "  "

// lineRow writes a line of a guest.
func (d *drawing) lineRow(first, s string) {
	if !d.wraps {
		d.row(first, d.colorCode(dim), s, "", "")
		return
	}
	s = strings.ReplaceAll(s, "\t", "    ")
	room := max(d.width-columns(first), minBar)
	start, rest := cutAt(s, room)
	d.row(first, d.colorCode(dim), start, "", "")
	indent := hanging + s[:min(len(s)-len(strings.TrimLeft(s, " ")), room/2)]
	for rest != "" {
		start, rest = cutAt(rest, room-len(indent))
		d.row(first+indent, d.colorCode(dim), start, "", "")
	}
}

// row writes one line. Without a bar it ends behind the text.
func (d *drawing) row(first, code, text, offset, bar string) {
	if text == "" && bar == "" {
		first = strings.TrimRight(first, " ")
	}
	d.WriteString(first)
	d.WriteString(code)
	d.WriteString(oneColumn.Replace(text))
	if code != "" {
		d.WriteString(plain)
	}
	if bar != "" {
		pad := d.axis.text - columns(first) - columns(text) + offsetColumn - columns(offset)
		d.WriteString(strings.Repeat(" ", max(pad, 2)))
		d.WriteString(offset)
		if offset == "" { // the scale, above the bars
			d.WriteString(" " + d.colorCode(dim) + bar + d.colorCode(plain))
		} else {
			d.WriteString("▕" + bar + "▏")
		}
	}
	d.WriteByte('\n')
}

// glue is a space at which no line is broken.
const glue = "\u00a0"

// oneColumn makes characters that columns counts as one be one.
var oneColumn = strings.NewReplacer(glue, " ", "\t", " ")

// columns is how wide a text is on a terminal, where a tab is as wide as a space.
func columns(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is 2 for a wide character of East Asian scripts or an emoji, 0 for one that is drawn over the one before, and 1 for others.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Characters of names, URLs and paths, behind and before which a text may be cut that has no space.
const (
	cutBehind = "/-_]=,;"
	cutBefore = "@#?&["
)

// cutAt cuts a text behind at most n columns: at a space, unless the last one is in the first third; else between the parts of a name or URL,
// unless the last place is in the first half; else anywhere. Spaces at the cut are left out.
func cutAt(s string, n int) (start, rest string) {
	if columns(s) <= n {
		return s, ""
	}
	at, space, part := 0, 0, 0
	var before rune
	for used := 0; ; {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == ' ':
			space = at
		case at > 0 && before != ' ' && (strings.ContainsRune(cutBefore, r) || strings.ContainsRune(cutBehind, before) && !strings.ContainsRune(cutBehind, r)):
			part = at
		}
		if used += runeColumns(r); used > n && at > 0 {
			break
		}
		at, before = at+size, r
	}
	switch {
	case space > at/3:
		at = space
	case part > at/2:
		at = part
	}
	return strings.TrimRight(s[:at], " "), strings.TrimLeft(s[at:], " ")
}
