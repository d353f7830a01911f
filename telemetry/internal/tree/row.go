package tree

import (
	"strings"
	"unicode/utf8"
)

// spanRow writes a span's line: its texts at the left, offset and bar at the right. Where a terminal is too narrow for all, what is more
// than the head has a line of its own, and so has what of the head does not fit. first is what the line begins with, below what others of
// the same span do; code colours the texts.
func (d *drawing) spanRow(code, first, below, head, more, offset, bar string) {
	all := head
	if more != "" {
		all += " " + more
	}
	if !d.wraps || columns(first)+columns(all) <= d.text {
		d.row(first, code, all, offset, bar)
		return
	}
	room := max(d.text-columns(first), minBar)
	start, rest := cutAt(head, room)
	d.row(first, code, start, offset, bar)
	for _, s := range []string{rest, more} {
		for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
			start, s = cutAt(s, max(d.width-columns(below), minBar))
			d.row(below, code, start, "", "")
		}
	}
}

// lineRow writes a line of a guest.
func (d *drawing) lineRow(first, s string) {
	if !d.wraps {
		d.row(first, d.colorCode(dim), s, "", "")
		return
	}
	for more := true; more; more = s != "" {
		var start string
		start, s = cutAt(s, max(d.width-columns(first), minBar))
		d.row(first, d.colorCode(dim), start, "", "")
	}
}

// row writes one line. Without a bar it ends behind the text.
func (d *drawing) row(first, code, text, offset, bar string) {
	d.WriteString(first)
	d.WriteString(code)
	d.WriteString(text)
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

// columns is how wide a text is; wide characters count as one.
func columns(s string) int { return utf8.RuneCountInString(s) }

// cutAt cuts a text behind at most n characters, at a space if there is one in the second half.
func cutAt(s string, n int) (start, rest string) {
	if columns(s) <= n {
		return s, ""
	}
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	if space := strings.LastIndexByte(s[:at], ' '); space > at/2 {
		at = space
	}
	return s[:at], s[at:]
}
