package messaging

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSubject bounds a subject, in bytes.
const MaxSubject = 512

// CheckSubject finds what keeps s from being the subject of a message: texts between dots, none of them empty, without wildcards, spaces and
// control characters. The error wraps ErrSubject, and does not have s.
func CheckSubject(s string) error { return checkSubject(s, false) }

// CheckPattern does the same for a subject in a grant or a subscription, where * stands for one of the texts, and > at the end for one or
// more.
func CheckPattern(s string) error { return checkSubject(s, true) }

func checkSubject(s string, wild bool) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: it is empty", ErrSubject)
	case len(s) > MaxSubject:
		return fmt.Errorf("%w: it has %d bytes, and %d are allowed", ErrSubject, len(s), MaxSubject)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return fmt.Errorf("%w: it has a space or a control character", ErrSubject)
	}
	parts := strings.Split(s, ".")
	for i, part := range parts {
		switch {
		case part == "":
			return fmt.Errorf("%w: there is nothing beside a dot", ErrSubject)
		case !strings.ContainsAny(part, "*>"), wild && part == "*", wild && part == ">" && i == len(parts)-1:
		case wild:
			return fmt.Errorf("%w: * stands alone between dots, and > alone at the end", ErrSubject)
		default:
			return fmt.Errorf("%w: it has a wildcard", ErrSubject)
		}
	}
	return nil
}

// Covers says whether every subject that s stands for, which may have wildcards itself, is one that the pattern stands for.
func Covers(pattern, s string) bool {
	for {
		p, morePattern, inPattern := strings.Cut(pattern, ".")
		t, moreSubject, inSubject := strings.Cut(s, ".")
		switch {
		case p == ">":
			return true
		case t == ">", p != "*" && (t == "*" || p != t), inPattern != inSubject:
			return false
		case !inPattern:
			return true
		}
		pattern, s = morePattern, moreSubject
	}
}

// narrower says whether pattern a is to be preferred to b where both cover a subject: the first place where one has a text and the other one
// a wildcard decides.
func narrower(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	rank := func(parts []string, i int) int {
		switch {
		case i >= len(parts) || parts[i] == ">":
			return 0
		case parts[i] == "*":
			return 1
		}
		return 2
	}
	for i := range max(len(as), len(bs)) {
		if ra, rb := rank(as, i), rank(bs, i); ra != rb {
			return ra > rb
		}
	}
	return false
}
