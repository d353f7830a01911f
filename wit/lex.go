package wit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is a mistake in WIT text. Line and Col count from 1, Col in characters.
type Error struct {
	File      string
	Line, Col int
	Msg       string
}

// Error is "file:line:col: problem".
func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg) }

// pos is a place in a source.
type pos struct {
	src *Source
	off int
}

// errorf makes an Error at p.
func (p pos) errorf(format string, args ...any) error {
	if p.src == nil {
		return fmt.Errorf(format, args...)
	}
	before := p.src.Text[:min(p.off, len(p.src.Text))]
	line := strings.Count(before, "\n") + 1
	col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &Error{File: p.src.Name, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)}
}

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokID               // an identifier or keyword; escaped with % or not
	tokInt              // digits
	tokString           // a string literal, text holds its value
	tokPunct            // one of = , : ; ( ) { } < > * -> / . @ _
)

// token is one token, with the doc comments before it.
type token struct {
	kind    tokenKind
	text    string
	escaped bool // the identifier was written with %
	start   int
	end     int
	docs    string
}

// is says that the token is this punctuation, or this unescaped keyword.
func (t token) is(text string) bool {
	return (t.kind == tokPunct || t.kind == tokID && !t.escaped) && t.text == text
}

// describe names the token for messages.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokString:
		return "a string"
	}
	return "'" + t.text + "'"
}

// lexer splits a source into tokens (WIT.md §Lexical structure).
type lexer struct {
	src *Source
	off int
}

// next reads a token.
func (l *lexer) next() (token, error) {
	docs, err := l.skip()
	if err != nil {
		return token{}, err
	}
	s := l.src.Text
	t := token{start: l.off, docs: docs}
	if l.off >= len(s) {
		t.end = l.off
		return t, nil
	}
	switch c := s[l.off]; {
	case c == '%' || isLetter(c):
		if c == '%' {
			t.escaped = true
			l.off++
		}
		from := l.off
		for l.off < len(s) && (isLetter(s[l.off]) || isDigit(s[l.off]) || s[l.off] == '-' && !strings.HasPrefix(s[l.off:], "->")) {
			l.off++
		}
		t.kind, t.text = tokID, s[from:l.off]
		if err := checkLabel(t.text); err != nil {
			return t, l.at(t.start).errorf("%s", err)
		}
	case isDigit(c):
		for l.off < len(s) && isDigit(s[l.off]) {
			l.off++
		}
		t.kind, t.text = tokInt, s[t.start:l.off]
	case strings.HasPrefix(s[l.off:], "->"):
		l.off += 2
		t.kind, t.text = tokPunct, "->"
	case strings.IndexByte("=,:;(){}<>*/.@_", c) >= 0:
		l.off++
		t.kind, t.text = tokPunct, s[t.start:l.off]
	case c == '"':
		text, err := l.str()
		if err != nil {
			return t, err
		}
		t.kind, t.text = tokString, text
	default:
		r, _ := utf8.DecodeRuneInString(s[l.off:])
		return t, l.at(l.off).errorf("unexpected character %q", r)
	}
	t.end = l.off
	return t, nil
}

func (l *lexer) at(off int) pos { return pos{l.src, off} }

// skip skips white space and comments, and gives the text of doc comments among them.
func (l *lexer) skip() (docs string, err error) {
	var lines []string
	s := l.src.Text
	for l.off < len(s) {
		rest := s[l.off:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.off++
		case strings.HasPrefix(rest, "//"):
			line, _, _ := strings.Cut(rest, "\n")
			l.off += len(line)
			if text, ok := strings.CutPrefix(line, "///"); ok {
				lines = append(lines, strings.TrimRight(strings.TrimPrefix(text, " "), " \t\r"))
			}
		case strings.HasPrefix(rest, "/*"):
			n := blockComment(rest)
			if n < 0 {
				return "", l.at(l.off).errorf("comment is not closed")
			}
			if strings.HasPrefix(rest, "/**") && n > 4 {
				lines = append(lines, blockDocs(rest[3:n-2])...)
			}
			l.off += n
		default:
			return strings.Join(lines, "\n"), nil
		}
	}
	return strings.Join(lines, "\n"), nil
}

// blockComment is the length of the (nested) block comment that s begins with, or -1.
func blockComment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// blockDocs are the lines of a block doc comment without their decoration.
func blockDocs(s string) []string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimSpace(line)
		line = strings.TrimSpace(strings.TrimPrefix(line, "*"))
		if line != "" || len(lines) > 0 {
			lines = append(lines, line)
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// str reads a string literal, in the form of core WebAssembly text.
func (l *lexer) str() (string, error) {
	s := l.src.Text
	start := l.off
	var b strings.Builder
	for i := l.off + 1; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			l.off = i + 1
			if !utf8.ValidString(b.String()) {
				return "", l.at(start).errorf("string is no valid UTF-8")
			}
			return b.String(), nil
		case c == '\n':
			return "", l.at(start).errorf("string is not closed")
		case c == '\\':
			n, text := unescape(s[i+1:])
			if n == 0 {
				return "", l.at(i).errorf("unknown escape in string")
			}
			b.WriteString(text)
			i += 1 + n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", l.at(start).errorf("string is not closed")
}

// unescape reads what follows a backslash: how many bytes it takes (0: malformed), and what it stands for.
func unescape(s string) (int, string) {
	if s == "" {
		return 0, ""
	}
	switch s[0] {
	case 't':
		return 1, "\t"
	case 'n':
		return 1, "\n"
	case 'r':
		return 1, "\r"
	case '"', '\'', '\\':
		return 1, s[:1]
	case 'u':
		digits, _, ok := strings.Cut(strings.TrimPrefix(s[1:], "{"), "}")
		var r rune
		if _, err := fmt.Sscanf(digits, "%x", &r); !ok || len(digits) == 0 || len(digits) > 6 || err != nil || !utf8.ValidRune(r) {
			return 0, ""
		}
		return len(digits) + 3, string(r)
	}
	var c byte
	if len(s) < 2 {
		return 0, ""
	}
	if _, err := fmt.Sscanf(s[:2], "%02x", &c); err != nil {
		return 0, ""
	}
	return 2, string([]byte{c})
}

// version reads a semantic version at the lexer's place. A '.' belongs to it only if a further part follows, so that
// "0.2.0-draft.{a}" ends before ".{".
func (l *lexer) version() (string, error) {
	s := l.src.Text
	start := l.off
	for part := 0; part < 3; part++ {
		if part > 0 {
			if l.off >= len(s) || s[l.off] != '.' {
				return "", l.at(start).errorf("want a version like 1.2.3")
			}
			l.off++
		}
		from := l.off
		for l.off < len(s) && isDigit(s[l.off]) {
			l.off++
		}
		if from == l.off || l.off-from > 1 && s[from] == '0' {
			return "", l.at(start).errorf("want a version like 1.2.3")
		}
	}
	for _, lead := range []byte{'-', '+'} {
		if l.off >= len(s) || s[l.off] != lead {
			continue
		}
		l.off++
		from := l.off
		for l.off < len(s) && (isWord(s[l.off]) || s[l.off] == '.' && l.off > from && l.off+1 < len(s) && isWord(s[l.off+1])) {
			l.off++
		}
		if from == l.off {
			return "", l.at(start).errorf("version ends after '%c'", lead)
		}
	}
	return s[start:l.off], nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '-' }

// checkLabel checks the kebab case of an identifier (Explainer.md §import and export names): words of one case each,
// the first of which begins with a letter.
func checkLabel(s string) error {
	if s == "" {
		return fmt.Errorf("'%%' without an identifier")
	}
	for i, word := range strings.Split(s, "-") {
		switch {
		case word == "":
			return fmt.Errorf("identifier '%s' has an empty word", s)
		case i == 0 && isDigit(word[0]):
			return fmt.Errorf("identifier '%s' begins with a digit", s)
		case strings.ToLower(word) != word && strings.ToUpper(word) != word:
			return fmt.Errorf("identifier '%s' mixes upper and lower case in '%s'", s, word)
		}
	}
	return nil
}

// checkText refuses what WIT text must not hold (WIT.md §Lexical structure).
func checkText(src *Source) error {
	if i := strings.IndexFunc(src.Text, forbidden); i >= 0 {
		r, n := utf8.DecodeRuneInString(src.Text[i:])
		if r == utf8.RuneError && n == 1 {
			return pos{src, i}.errorf("text is no valid UTF-8")
		}
		if r != utf8.RuneError {
			return pos{src, i}.errorf("character %U is not allowed", r)
		}
	}
	if !utf8.ValidString(src.Text) {
		return pos{src, 0}.errorf("text is no valid UTF-8")
	}
	return nil
}

func forbidden(r rune) bool {
	switch {
	case r == utf8.RuneError:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidirectional overrides
		return true
	case r == 0x149 || r == 0x673 || r == 0xf77 || r == 0xf79 || r == 0x17a3 || r == 0x17a4 || r == 0x17b4 || r == 0x17b5:
		return true // deprecated or discouraged by Unicode
	}
	return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
}
