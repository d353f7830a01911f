package folder

import (
	"strings"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// maxName bounds a file's name, in bytes: most file systems take 255.
const maxName = 240

// escape is the name of a file for any text: letters, digits, dots, - and _ stand for themselves, other bytes are %xx, and so are capitals,
// which some file systems do not tell from small letters, and dots at either end. The empty text is "%".
func escape(s string) string {
	return backend.Escape(s, '%', func(i int, c byte) bool {
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 && i < len(s)-1
		return plain && !(i == 0 && device(s))
	})
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
	s, ok = backend.Unescape(name, '%')
	return s, ok && escape(s) == name
}
