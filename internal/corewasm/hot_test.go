package corewasm

import (
	"slices"
	"strings"
	"testing"
)

// TestHotLoops says which loops count in a local, and what becomes of their branches.
func TestHotLoops(t *testing.T) {
	const (
		work  = "\x23\x00\x41\x01\x6a\x24\x00\x01\x01\x01\x01\x01" // more than minHotSize
		again = "\x23\x00\x0d\x00"                                 // br_if 0
	)
	cool := []editKind{editFuel}
	for name, c := range map[string]struct {
		body string
		want []editKind
	}{
		"short":                 {"\x03\x40" + again + "\x0b", cool},
		"long":                  {"\x03\x40" + strings.Repeat(work, 50) + "\x0b", cool},
		"back if":               {"\x03\x40" + work + again + "\x0b", []editKind{editHead, editBackIf, editEnd}},
		"back":                  {"\x03\x40" + work + "\x0c\x00\x0b", []editKind{editHead, editBack, editEnd}},
		"back from a block":     {"\x03\x40" + work + "\x02\x40\x0c\x01\x0b\x0b", []editKind{editHead, editBack, editEnd}},
		"a branch inside":       {"\x03\x40" + work + "\x02\x40\x0c\x00\x0b\x0b", []editKind{editHead, editEnd}},
		"out if":                {"\x02\x40\x03\x40" + work + "\x23\x00\x0d\x01\x0c\x00\x0b\x0b", []editKind{editHead, editLeaveIf, editBack, editEnd}},
		"out with a value":      {"\x02\x7f\x03\x40" + work + "\x23\x00\x0c\x01\x0b\x00\x0b\x1a", []editKind{editHead, editLeave, editEnd}},
		"out if with a value":   {"\x02\x7f\x03\x40" + work + "\x23\x00\x23\x00\x0d\x01\x1a\x0b\x00\x0b\x1a", cool},
		"return":                {"\x03\x40" + work + "\x0f\x0b", []editKind{editHead, editWrite, editEnd}},
		"unreachable":           {"\x03\x40" + work + "\x00\x0b", []editKind{editHead, editWrite, editEnd}},
		"a result":              {"\x03\x7f" + work + "\x23\x00\x0b\x1a", []editKind{editHead, editEnd}},
		"a parameter":           {"\x23\x00\x03\x01" + work + "\x0b", cool},
		"a call":                {"\x03\x40" + work + "\x10\x00" + again + "\x0b", []editKind{editFuel, editFunc}},
		"a tail call":           {"\x03\x40" + work + "\x12\x00\x0b", []editKind{editFuel, editFunc}},
		"an indirect call":      {"\x03\x40" + work + "\x23\x00\x11\x00\x00\x0b", cool},
		"memory.grow":           {"\x03\x40" + work + "\x23\x00\x40\x00\x1a" + again + "\x0b", cool},
		"memory.fill":           {"\x03\x40" + work + "\x23\x00\x23\x00\x23\x00\xfc\x0b\x00\x0b", []editKind{editFuel, editBulk}},
		"a table of branches":   {"\x03\x40" + work + again + "\x23\x00\x0e\x00\x00\x0b", cool},
		"the outer loop":        {"\x03\x40" + work + again + "\x03\x40" + work + again + "\x0b" + again + "\x0b", []editKind{editFuel, editHead, editBackIf, editEnd}},
		"one after another":     {"\x03\x40" + work + "\x0b\x03\x40" + work + "\x0b", []editKind{editHead, editEnd, editHead, editEnd}},
		"a call after the loop": {"\x03\x40" + work + "\x0b\x10\x00", []editKind{editHead, editEnd, editFunc}},
	} {
		m, err := parse(moduleOf([]byte("\x60\x01\x7f\x00"), 1, []byte(c.body)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var s scan
		if err := m.scanBody(m.bodies[0], 0, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var kinds []editKind
		at := s.code
		for _, e := range s.edits {
			kinds = append(kinds, e.kind)
			if e.pos < at {
				t.Errorf("%s: edit at %d before %d", name, e.pos, at)
			}
			at = e.pos + e.del
		}
		if !slices.Equal(kinds, c.want) || s.hot != slices.Contains(kinds, editHead) {
			t.Errorf("%s: edits %v, hot %v; want %v", name, kinds, s.hot, c.want)
		}
	}
}
