package backend_test

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// FuzzEscape: a name is of the allowed characters, and the text comes back from it; of names that others have made none is taken for a text of ours
// twice.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a", "a/b", "=", "==", "=2", "=2f", "=2F", "\x00\xff", "a=", "ä"} {
		f.Add(s)
	}
	plain := func(_ int, c byte) bool { return c >= 'a' && c <= 'z' }
	f.Fuzz(func(t *testing.T, s string) {
		name := backend.Escape(s, '=', plain)
		for i := range len(name) {
			if c := name[i]; !plain(i, c) && c != '=' && (c < '0' || c > '9') {
				t.Errorf("%q has %q", name, c)
			}
		}
		if got, ok := backend.Unescape(name, '='); !ok || got != s || name == "" {
			t.Errorf("%q, escaped %q, comes back as %q, %t", s, name, got, ok)
		}
		if text, ok := backend.Unescape(s, '='); ok && backend.Escape(text, '=', plain) == s {
			if again, ok := backend.Unescape(s, '='); !ok || again != text {
				t.Errorf("%q is %q and %q", s, text, again)
			}
		}
	})
}
