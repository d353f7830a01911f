package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":             {"hello, wörld: 你好 🙂", "hello, wörld: 你好 🙂"},
		"tab and backslash": {"a\tb\\c", "a\tb\\c"},
		"line ends":         {"a\nb\r\nc\u0085d\u2028e\u2029f\vg\fh", `a\nb\r\nc\u0085d\u2028e\u2029f\x0bg\x0ch`},
		"escape sequence":   {"\x1b[2J\x1b]0;t\x07", `\x1b[2J\x1b]0;t\x07`},
		"C1":                {"\u009b2J\u0090", `\u009b2J\u0090`},
		"NUL and DEL":       {"a\x00b\x7f", `a\x00b\x7f`},
		"bidi":              {"a\u202eb\u2066c\u200fd\u061ce", `a\u202eb\u2066c\u200fd\u061ce`},
		"nothing to see":    {"a\u200bb\ufeffc\u2060d\u00ade\u180ef", `a\u200bb\ufeffc\u2060d\u00ade\u180ef`},
		"tags":              {"a\U000e0041", `a\U000e0041`},
		"private use":       {"\ue000", `\ue000`},
		"fillers":           {"a\u3164b\u2800", `a\u3164b\u2800`},
		"not UTF-8":         {"a\xffb\xc3", `a\xffb\xc3`},
		"a lone C1 byte":    {"a\x9b2J", `a\x9b2J`},
		"joined letters":    {"می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"},
		"joiner in ASCII":   {"pay\u200dpal", `pay\u200dpal`},
		"joiners in a row":  {"م\u200d\u200d", "م\u200d" + `\u200d`},
		"ideographic space": {"東京\u3000都", "東京\u3000都"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Printable(tc.in); got != tc.want {
				t.Errorf("Printable(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

// TestEveryCharacter: control characters and invisible ones are escaped, printable ones are not.
func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		in := "a" + string(r) + "b"
		got := Printable(in)
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Bidi_Control) && r != '\t' && strings.ContainsRune(got, r) {
			t.Errorf("%U stays", r)
		}
		if unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point) && r != '\u2800' && r != utf8.RuneError && got != in {
			t.Errorf("%U becomes %q", r, got)
		}
		if Printable(got) != got {
			t.Errorf("%U: not the same twice", r)
		}
	}
	for c := range 256 {
		if got := Printable(string([]byte{byte(c)})); !utf8.ValidString(got) {
			t.Errorf("byte %#x: %q", c, got)
		}
	}
}

func TestJSON(t *testing.T) {
	in := map[string]string{"a\u009b": "x\x7f\u202e\U000e0041\u2028é🙂\xff\x1b\n\"\\"}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := JSONWriter(&out).Write(encoded); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); Printable(got) != got || !strings.Contains(got, "é🙂") {
		t.Errorf("got %q", got)
	}
	var back, want map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(back) != fmt.Sprint(want) {
		t.Errorf("says %q, said %q", back, want)
	}
}

func TestLinesAndCut(t *testing.T) {
	var out bytes.Buffer
	n, err := Writer(&out).Write([]byte("a\u009b\nb\x1b\n"))
	if want := `a\u009b` + "\n" + `b\x1b` + "\n"; err != nil || n != 7 || out.String() != want {
		t.Errorf("%d, %v, %q, want %q", n, err, out.String(), want)
	}
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"äöü", 5, "ä…"}, {"äöü", 4, "…"}, {"abc", 1, "…"}, {"\xff\xff\xff\xff\xff", 4, "\xff…"}} {
		if got := Cut(tc.in, tc.n); got != tc.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
	if got := Valid("a\xff\xfeb"); got != "a\uFFFDb" {
		t.Errorf("Valid: %q", got)
	}
}
