package trial

import (
	"strings"
	"testing"
)

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"GET /", "GET /", true}, {"GET /", "GET /x", false}, {"GET *", "GET /x", true}, {"*", "", true}, {"*#total", "cart shop:cart#total", true},
		{"a*b*c", "axxbyyc", true}, {"a*b*c", "axxc", false}, {"ab*ba", "aba", false}, {"**", "x", true}, {"", "", true}, {"", "x", false},
	} {
		if got := like(c.pattern, c.name); got != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.name, got)
		}
	}
}

// TestBelow: a span is below all that its parents are below; spans that are each other's parents end no search.
func TestBelow(t *testing.T) {
	spans := []span{{id: "1", name: "GET /"}, {id: "2", parent: "1", name: "cart"}, {id: "3", parent: "2", name: "price"}, {id: "4", parent: "5", name: "x"}, {id: "5", parent: "4", name: "y"}}
	byID := map[string]*span{}
	for i := range spans {
		byID[spans[i].id] = &spans[i]
	}
	if !below(&spans[2], "GET *", byID) || !below(&spans[2], "cart", byID) || below(&spans[2], "price", byID) || below(&spans[0], "*", byID) || below(&spans[3], "z", byID) {
		t.Error("what is below what")
	}
	if got := above(&spans[3], byID); strings.Count(got, ",") != 9 {
		t.Errorf("got %s", got)
	}
}
