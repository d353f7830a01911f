package core

import (
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/vitrine-wasm/vitrine/internal/corewasm"
	"github.com/vitrine-wasm/vitrine/internal/sourceline"
)

// lines are the lines of source of a module that has debugging information. They are read at the first trap: most modules never have
// one.
type lines struct {
	wasm    []byte // the original module
	options corewasm.Options

	once      sync.Once
	locations *corewasm.Locations
	table     *sourceline.Table
}

// maxLineModule bounds the modules whose bytes are kept for their lines.
const maxLineModule = 64 << 20

func newLines(wasm []byte, o corewasm.Options) *lines {
	if len(wasm) > maxLineModule {
		wasm = nil
	}
	return &lines{wasm: wasm, options: o}
}

// at is the line of what is at an offset of the rewritten code; "" if it is not known.
func (l *lines) at(offset uint64) string {
	l.once.Do(func() {
		sections := corewasm.DebugSections(l.wasm)
		l.table = sourceline.New(sourceline.Sections{Line: sections["line"], Str: sections["str"], LineStr: sections["line_str"]})
		if l.table != nil {
			l.locations, _ = corewasm.Locate(l.wasm, l.options) // it has been rewritten without an error before
		}
		l.wasm = nil
	})
	if l.locations == nil {
		return ""
	}
	original, ok := l.locations.Original(offset)
	if !ok {
		return ""
	}
	return l.table.Line(original)
}

// traceName is by what stack traces name a module.
func traceName(key moduleKey) string { return "$" + hex.EncodeToString(key[:12]) }

// place is a frame's line, in parentheses behind a space, by what wazero says of it: 0xOFFSET: NAME:LINE.
func (e *Engine) place(at string) string {
	offset, name, ok := strings.Cut(at, ": ")
	if !ok {
		return ""
	}
	n, err := strconv.ParseUint(offset, 0, 64)
	if err != nil {
		return ""
	}
	name, _, _ = strings.Cut(name, ":")
	known, ok := e.traced.Load(name)
	if !ok {
		return ""
	}
	l := known.(weak.Pointer[lines]).Value()
	if l == nil {
		return ""
	}
	if line := l.at(n); line != "" {
		return " (" + line + ")"
	}
	return ""
}
