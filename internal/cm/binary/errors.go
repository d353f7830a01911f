package binary

import (
	"fmt"
	"strings"
	"unicode"
)

// Kind is the kind of an [Error], so that a command line can add a hint. The zero Kind is KindMalformed.
type Kind uint8

// The kinds of error.
const (
	KindMalformed      Kind = iota // bytes that the format does not allow
	KindEmpty                      // no bytes at all
	KindNotWasm                    // not a WebAssembly binary
	KindText                       // a text file: WebAssembly text or anything else
	KindCoreModule                 // a core module where a component is wanted
	KindUnknownVersion             // a component of another version or layer of the format
	KindTruncated                  // the file ends too early
	KindLimit                      // within the format but past a bound of this implementation
	KindFeature                    // a gated feature whose encoding is not settled
)

// Error says where and why bytes are not a component. It is what [Decode] returns.
type Error struct {
	Kind    Kind
	Offset  int    // from the start of the file
	Section string // "8 (canon)"; empty outside every section
	Feature string // for KindFeature: its name
	Msg     string
}

// Error is "offset 0x1f in section 8 (canon): …".
func (e *Error) Error() string {
	switch {
	case e.Kind == KindEmpty || e.Kind == KindNotWasm || e.Kind == KindText || e.Kind == KindCoreModule:
		return e.Msg
	case e.Section == "":
		return fmt.Sprintf("offset %#x: %s", e.Offset, e.Msg)
	}
	return fmt.Sprintf("offset %#x in section %s: %s", e.Offset, e.Section, e.Msg)
}

var sectionNames = [...]string{
	"custom", "core module", "core instance", "core type", "component", "instance", "alias", "type", "canon", "start",
	"import", "export", "value",
}

func sectionName(id int) string {
	switch {
	case id < 0:
		return ""
	case id < len(sectionNames):
		return fmt.Sprintf("%d (%s)", id, sectionNames[id])
	}
	return fmt.Sprint(id)
}

// maxMessage bounds a message, which may quote names of the file.
const maxMessage = 600

// Printable makes a message that may quote a hostile file fit for a terminal: cut to a bounded length, without control
// characters.
func Printable(msg string) string {
	if len(msg) > maxMessage {
		msg = strings.ToValidUTF8(msg[:maxMessage], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, msg)
}
