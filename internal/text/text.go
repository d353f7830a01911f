// Package text makes what comes from outside fit to be shown and sent: names in a component, lines of a guest, headers of
// a request, values of the environment may hold any bytes.
//
// [Valid] is for everything that is encoded (protobuf, JSON, Prometheus): one bad byte makes a receiver refuse the whole
// message. [Printable] is for everything that a terminal gets, which obeys control characters and shows a line in another
// order than it was written where it meets the controls of bidirectional text.
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

// Cut is s if it has at most n bytes, and else as much of it as fits before "…", never half a character.
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

// Printable is s as one line that a terminal shows and does not obey: control characters, line ends of every kind, what
// changes the direction of text, what cannot be seen and bytes that are no UTF-8 are escaped as Go escapes them. A tab
// stays, and a backslash is not escaped: the result is for eyes, not to be parsed.
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
		case harmless(r, before):
			b.WriteString(s[i : i+n])
		default:
			escape(&b, r)
		}
		before = r
		i += n
	}
	return b.String()
}

// Lines is [Printable] of each line of s: for a block of our own making whose parts were made printable before.
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
			return firstAmongWide(s, i)
		}
	}
	return -1
}

// firstAmongWide goes on where a text leaves ASCII.
func firstAmongWide(s string, i int) int {
	before := lastRune(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !harmless(r, before) {
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

// Joiners make one sign of several in scripts (Persian, Hindi) and in emoji; between other letters nobody sees them, and
// two names that differ look the same.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// harmless says whether a terminal may have r as it is, after the character before.
func harmless(r, before rune) bool {
	switch {
	case r == '\t':
		return true
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
		return before > unicode.MaxLatin1 && before != utf8.RuneError && before != zeroWidthJoiner && before != zeroWidthNonJoiner
	case unicode.IsPrint(r):
		return r != '\u3164' && r != '\u2800' && r != '\uffa0' && r != '\u115f' && r != '\u1160' // letters by name, seen by nobody
	}
	return unicode.Is(unicode.Zs, r) // spaces of all widths; the ideographic one stands in ordinary text
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

// JSON is encoded JSON with every character escaped that [Printable] would escape. What it says stays the same: beyond
// ASCII, JSON has only texts.
func JSON(encoded []byte) []byte {
	s := string(encoded)
	if !wideUnprintable(s) {
		return encoded
	}
	var b strings.Builder
	b.Grow(len(s) + 64)
	before := rune(0)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r < ' ', r == utf8.RuneError && n == 1, r != 0x7f && harmless(r, before):
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

// wideUnprintable says whether there is anything for [JSON] to do; an encoder escapes what is below a space.
func wideUnprintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x7f {
			return true
		}
	}
	return false
}

// Writer hands on what is written to it with each line made [Printable]; w gets a whole Write at once, which must not end
// within a character.
func Writer(w io.Writer) io.Writer { return lineWriter{w} }

type lineWriter struct{ w io.Writer }

func (l lineWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(l.w, Lines(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// JSONWriter hands on encoded JSON as [JSON] has it.
func JSONWriter(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(p []byte) (int, error) {
	if _, err := j.w.Write(JSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
