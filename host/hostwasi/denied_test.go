package hostwasi

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestDeniedNamesAreBounded: the name in the line is the guest's: it is short, valid and printable whatever the guest asks for, and the line says how to
// allow it.
func TestDeniedNamesAreBounded(t *testing.T) {
	for name, shown := range map[string]string{
		"API.Example.com":            "https://api.example.com:8443",
		"a\x1b[2Jb\u202ec":           `a\x1b[2jb\u202ec`,
		"a\xffb":                     "a\uFFFDb",
		strings.Repeat("x", 100_000): strings.Repeat("x", 200),
	} {
		line := denied("shop", "https", name, "8443").Text
		if !strings.Contains(line, shown) || len(line) > 1000 || !utf8.ValidString(line) || strings.ContainsAny(line, "\x1b\u202e") || !strings.HasSuffix(line, "or give --allow-http") {
			t.Errorf("%.20q: %.300q, %d bytes", name, line, len(line))
		}
	}
}
