package messaging

import (
	"errors"
	"testing"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a.b", false}, {"a.b", "a", false}, {"a.b", "a.b", true},
		{"*", "a", true}, {"*", "a.b", false}, {"a.*", "a.b", true}, {"a.*", "a", false}, {"a.*.c", "a.b.c", true}, {"a.*.c", "a.b.d", false},
		{">", "a", true}, {">", "a.b.c", true}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {"a.>", "ab.c", false},
		// of a pattern, all that it stands for must be covered
		{">", ">", true}, {"a.>", "a.*", true}, {"a.*", "a.>", false}, {"a.*", "a.*", true}, {"a.b", "a.*", false}, {"a.>", "a.>", true}, {"a.>", ">", false}, {"a.>", "*.b", false},
	} {
		if got := Covers(c.pattern, c.subject); got != c.want {
			t.Errorf("%s covers %s: %t", c.pattern, c.subject, got)
		}
	}
}

func TestNarrower(t *testing.T) {
	order := []string{"a.b.c", "a.b.*", "a.b.>", "a.*.c", "a.>", "*.b", ">"}
	for i, a := range order {
		for j, b := range order {
			if narrower(a, b) != (i < j) {
				t.Errorf("%s before %s: %t", a, b, narrower(a, b))
			}
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for s, want := range map[string]bool{"a": true, "a.*": true, "*.a": true, "a.>": true, ">": true, "*": true, "": false, "a.>.b": false, "a*": false, "a.b>": false, "a b": false, "a..b": false, "a.\n": false} {
		if err := CheckPattern(s); (err == nil) != want || err != nil && !errors.Is(err, ErrSubject) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
