package instance

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/task"
)

// TestActivationIsUsedAgain: that of a call which nothing else has seen serves the next call; that of another call, and those around
// it, never do, because who has seen it may ask it later.
func TestActivationIsUsedAgain(t *testing.T) {
	s := &Store{}
	caller := func() *activation { return &activation{store: s, root: &root{}, depth: 4} }

	a := caller()
	plain := a.enters(7)
	if plain.outer != a || plain.root != a.root || plain.instance != 7 || plain.depth != 5 || plain.Context.Context != a {
		t.Fatalf("%+v", plain)
	}
	plain.Slots[1], plain.ended = 3, true
	a.leaves(plain)
	if a.shown || plain.outer != nil || plain.Context.Context != nil {
		t.Errorf("what a call leaves keeps its caller: %+v", plain)
	}
	b := caller()
	again := b.enters(8)
	if again != plain || again.Slots[1] != 0 || again.ended || again.outer != b || again.instance != 8 {
		t.Errorf("%p is %+v, wanted %p for a new call", again, again, plain)
	}
	if within := again.enters(9); within == again {
		t.Error("the activation of a call serves a call within it")
	}

	for name, show := range map[string]func(*activation){
		"a host function": func(a *activation) { a.shown = true },
		"the scheduler":   func(a *activation) { a.task = &task.Task{} },
		"a thread":        func(a *activation) { a.thread = &task.Thread{} },
	} {
		s.unused = nil
		a := caller()
		seen := a.enters(1)
		show(seen)
		a.leaves(seen)
		if s.unused != nil || !a.shown || seen.outer != a {
			t.Errorf("seen by %s: it is used again (%v), or its caller would be (%v)", name, s.unused != nil, !a.shown)
		}
	}
}
