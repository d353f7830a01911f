package backend

import "strings"

const hexDigits = "0123456789abcdef"

// Escape is a text in the characters that a store allows in names: bytes that are plain stand for themselves, others are the mark and two
// hexadecimal digits. Plain is asked with the byte's place; the mark must not be plain. The empty text is the mark alone.
func Escape(s string, mark byte, plain func(i int, c byte) bool) string {
	if s == "" {
		return string(mark)
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if plain(i, c) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{mark, hexDigits[c>>4], hexDigits[c&15]})
	}
	return b.String()
}

// Unescape is the text of a name that Escape has made. ok is false for a name that it cannot have made; a name that it has not made although it
// could have, Escape of the text does not give again.
func Unescape(name string, mark byte) (s string, ok bool) {
	if name == string(mark) {
		return "", true
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == mark {
			if i+2 >= len(name) {
				return "", false
			}
			high, low := strings.IndexByte(hexDigits, name[i+1]), strings.IndexByte(hexDigits, name[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}
