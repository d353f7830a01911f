package folder

import (
	"strings"
)

// maxName bounds a file's name, in bytes: most file systems take 255.
const maxName = 240

const hexDigits = "0123456789abcdef"

// escape is the name of a file for any text: letters, digits, dots, - and _ stand for themselves, other bytes are %xx, and so are capitals,
// which some file systems do not tell from small letters, and dots at either end. The empty text is "%".
func escape(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 && i < len(s)-1
		if plain && !(i == 0 && device(s)) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// device says that Windows takes a name for a device: con, con.txt, lpt1.
func device(s string) bool {
	base, _, _ := strings.Cut(s, ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "com") || strings.HasPrefix(base, "lpt")) && base[3] >= '0' && base[3] <= '9'
}

// unescape is the text of a name that escape has made; ok is false for any other name.
func unescape(name string) (s string, ok bool) {
	if name == "%" {
		return "", true
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' {
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
	return string(b), escape(string(b)) == name
}
