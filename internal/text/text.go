// Package text makes strings from outside safe to show and to send: names in a component, lines of a guest, headers of a
// request and values of the environment may hold any bytes.
//
// [Valid] is for text that is encoded (protobuf, JSON, Prometheus): one bad byte makes a receiver refuse the whole message.
// [Printable] is for text that goes to a terminal, which executes control characters and reorders a line that has controls
// of bidirectional text.
package text

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Valid is s with "\uFFFD" in place of each run of bytes that are no UTF-8.
func Valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Cut is s if it has at most n bytes; otherwise its longest prefix of whole characters that fits with "…" after it.
func Cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	n = max(n-len(mark), 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// Printable is s as one line that is safe for a terminal: control characters, line ends of every kind, controls of text
// direction, invisible characters and bytes that are not UTF-8 are escaped as in Go. A tab and a backslash are not escaped:
// the result is for people, not for parsers.
func Printable(s string) string {
	i := firstUnprintable(s)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	before := lastRune(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			escapeByte(&b, s[i])
		case isSafe(r, before):
			b.WriteString(s[i : i+n])
		default:
			escape(&b, r)
		}
		before = r
		i += n
	}
	return b.String()
}

// Lines is [Printable] of each line of s: for text of the host's own whose parts are printable already.
func Lines(s string) string {
	if !strings.Contains(s, "\n") {
		return Printable(s)
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Printable(l)
	}
	return strings.Join(lines, "\n")
}

func firstUnprintable(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c >= 0x7f {
			if c == 0x7f || c < ' ' {
				return i
			}
			return firstUnprintableWide(s, i)
		}
	}
	return -1
}

// firstUnprintableWide is firstUnprintable from i on, for text beyond ASCII.
func firstUnprintableWide(s string, i int) int {
	before := lastRune(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !isSafe(r, before) {
			return i
		}
		before = r
		i += n
	}
	return -1
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// Joiners combine characters in some scripts (Persian, Hindi) and in emoji; between other letters they are invisible, so
// that two different names look the same.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// isSafe says whether r may go to a terminal unescaped after the character before.
func isSafe(r, before rune) bool {
	switch {
	case r == '\t':
		return true
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
		return before > unicode.MaxLatin1 && before != utf8.RuneError && before != zeroWidthJoiner && before != zeroWidthNonJoiner
	case unicode.IsPrint(r):
		return r != '\u3164' && r != '\u2800' && r != '\uffa0' && r != '\u115f' && r != '\u1160' // letters, but invisible
	}
	return unicode.Is(unicode.Zs, r) // spaces of all widths; the ideographic one is common
}

const hexDigits = "0123456789abcdef"

func escapeByte(b *strings.Builder, c byte) {
	b.WriteString(`\x`)
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&0xf])
}

func escape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < utf8.RuneSelf:
		escapeByte(b, byte(r))
	case r > 0xffff:
		b.WriteString(`\U00`)
		hex(b, r, 20)
	default:
		b.WriteString(`\u`)
		hex(b, r, 12)
	}
}

func hex(b *strings.Builder, r rune, shift int) {
	for ; shift >= 0; shift -= 4 {
		b.WriteByte(hexDigits[r>>shift&0xf])
	}
}

// JSON is encoded JSON with every character escaped that [Printable] would escape. Its meaning is the same: characters
// beyond ASCII are in strings only.
func JSON(encoded []byte) []byte {
	s := string(encoded)
	if !hasNonASCII(s) {
		return encoded
	}
	var b strings.Builder
	b.Grow(len(s) + 64)
	before := rune(0)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r < ' ', r == utf8.RuneError && n == 1, r != 0x7f && isSafe(r, before):
			b.WriteString(s[i : i+n])
		case r > 0xffff:
			r -= 0x10000
			b.WriteString(`\u`)
			hex(&b, 0xd800+r>>10, 12)
			b.WriteString(`\u`)
			hex(&b, 0xdc00+r&0x3ff, 12)
		default:
			b.WriteString(`\u`)
			hex(&b, r, 12)
		}
		before = r
		i += n
	}
	return []byte(b.String())
}

// hasNonASCII says whether [JSON] has anything to escape; encoders escape what is below a space.
func hasNonASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x7f {
			return true
		}
	}
	return false
}

// Writer passes writes on to w with each line made [Printable]. A Write must not end within a character; w gets it in one
// call.
func Writer(w io.Writer) io.Writer { return lineWriter{w} }

type lineWriter struct{ w io.Writer }

func (l lineWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(l.w, Lines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// JSONWriter passes encoded JSON on to w after [JSON].
func JSONWriter(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(p []byte) (int, error) {
	if _, err := j.w.Write(JSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
