package validate

import (
	"math/rand"
	"regexp"
	"testing"
)

// TestNamesAgainstGrammar compares what reads names with the grammar of the specification as regular expressions
// (Explainer.md §Import and Export Definitions).
func TestNamesAgainstGrammar(t *testing.T) {
	label := regexp.MustCompile(`^([a-z][0-9a-z]*|[A-Z][0-9A-Z]*)(-([0-9a-z]+|[0-9A-Z]+))*$`)
	words := regexp.MustCompile(`^[a-z][0-9a-z]*(-[0-9a-z]+)*$`)
	const alphabet = "aaazZA019--_.é"
	r := rand.New(rand.NewSource(1))
	matched := 0
	for range 200_000 {
		b := make([]byte, r.Intn(7))
		for i := range b {
			b[i] = alphabet[r.Intn(len(alphabet))]
		}
		s := string(b)
		if got, want := isKebab(s, true), label.MatchString(s); got != want {
			t.Fatalf("label %q: %v, want %v", s, got, want)
		}
		if got, want := isKebab(s, false), words.MatchString(s); got != want {
			t.Fatalf("words %q: %v, want %v", s, got, want)
		}
		if label.MatchString(s) {
			matched++
		}
	}
	if matched < 10_000 {
		t.Errorf("only %d labels among the samples", matched)
	}
	for range 200_000 {
		b := make([]byte, r.Intn(9))
		for i := range b {
			b[i] = "0012...-+a"[r.Intn(10)]
		}
		s := string(b)
		if got, want := isSemver(s), semverRE().MatchString(s); got != want {
			t.Fatalf("version %q: %v, want %v", s, got, want)
		}
	}
}
