package otelchecks

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// envGuest names the guest of testdata that checks play, without ".wasm". The others have the functions of one set alone, and an export of
// WASI 0.2 or 0.3: p2-outer, p2-current, p3-outer, p3-current.
const envGuest = "VITRINE_OTELCHECKS_GUEST"

// guestName is the guest that checks play. "guest" has the functions of both sets.
func guestName() string {
	if name := os.Getenv(envGuest); name != "" {
		return name
	}
	return "guest"
}

func guestFile() string { return "testdata/" + guestName() + ".wasm" }

// need is what a check asks of the guest.
type need string

const (
	needsOuter   need = "outer"   // outer-span-context
	needsCurrent need = "current" // current-span-context
	needsBoth    need = "outer and current"
	needsOwn     need = "own" // guests that it names itself: it is the same whichever guest the others play
)

// needs are those of the checks; a check without one plays the guest and asks neither function. TestWasiOtel compares it with what the checks do.
var needs = map[int]need{
	1: needsOuter, 10: needsOuter, 12: needsOuter,
	2: needsCurrent, 11: needsCurrent, 13: needsCurrent, 14: needsCurrent, 15: needsCurrent, 17: needsCurrent, 18: needsCurrent, 28: needsCurrent, 52: needsCurrent, 97: needsCurrent,
	99: needsCurrent,
	3:  needsOwn, 4: needsOwn, 5: needsOwn, 6: needsOwn, 8: needsOwn, 9: needsOwn, 16: needsOwn, 30: needsOwn, 37: needsOwn, 38: needsOwn,
	45: needsOwn, 71: needsOwn, 94: needsOwn, 96: needsOwn, 101: needsOwn, 102: needsOwn, 105: needsOwn,
}

// applies says whether a check says something about the guest that checks play.
func (c *check) applies() bool {
	switch of := needs[c.n]; {
	case guestName() == "guest":
		return true
	case of == needsOuter || of == needsCurrent:
		return strings.HasSuffix(guestName(), string("-"+of))
	default:
		return of == ""
	}
}

// uses is what the running check has asked of guests. Safe for concurrent use.
var uses seen

type seen struct {
	mu  sync.Mutex
	all []string
}

func (s *seen) add(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.all, what) {
		s.all = append(s.all, what)
	}
}

// take gives the need that has been seen, and forgets it.
func (s *seen) take() need {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	outer, current := slices.Contains(all, "outer"), slices.Contains(all, "current")
	switch {
	case !slices.Contains(all, "guest"):
		return needsOwn
	case outer && current:
		return needsBoth
	case outer:
		return needsOuter
	case current:
		return needsCurrent
	}
	return ""
}

// TestWasiOtel is the checks, each against what a collector has received.
func TestWasiOtel(t *testing.T) {
	for _, c := range checks() {
		if !c.applies() {
			continue
		}
		t.Run(c.id(), func(t *testing.T) {
			uses.take()
			c.run(t)
			if got := uses.take(); !t.Failed() && got != needs[c.n] {
				t.Errorf("the check needs %q of the guest; the table says %q", got, needs[c.n])
			}
		})
	}
}

func (c *check) id() string { return fmt.Sprintf("check-%03d-%s", c.n, c.name) }
