package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestIndex: names that stay are listed once, in the order of their addition, while others are removed between pages.
func TestIndex(t *testing.T) {
	var x Index
	if names, next, err := x.Page("", 10); len(names) != 0 || next != "" || err != nil {
		t.Errorf("of nothing: %v, %q, %v", names, next, err)
	}
	numbers := map[string]uint64{}
	var want []string
	for i := range 1000 {
		name := fmt.Sprint(i)
		if numbers[name] = x.Add(name); i%3 == 0 {
			want = append(want, name)
		}
	}
	var got []string
	gone := 0
	for cursor := ""; ; {
		names, next, err := x.Page(cursor, 7)
		if err != nil || len(names) > 7 {
			t.Fatalf("%d names, %v", len(names), err)
		}
		for _, n := range names {
			if slices.Contains(want, n) {
				got = append(got, n)
			}
		}
		for range 20 {
			if gone++; gone < 1000 && gone%3 != 0 {
				x.Remove(numbers[fmt.Sprint(gone)])
				x.Remove(numbers[fmt.Sprint(gone)]) // again does nothing
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed are %d, wanted %d", len(got), len(want))
	}
	if n := len(x.names); n > 700 {
		t.Errorf("of 334 names it keeps %d", n)
	}
	if names, next, err := x.Page("18446744073709551615", 10); len(names) != 0 || next != "" || err != nil {
		t.Errorf("behind the last: %v, %q, %v", names, next, err)
	}
	for _, cursor := range []string{"x", "-1", "18446744073709551616"} {
		if _, _, err := x.Page(cursor, 10); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}

// TestFailure: guests get fixed texts, operators the whole error.
func TestFailure(t *testing.T) {
	known := errors.New("known")
	limit := &cm.LimitError{Limit: "hostMemory", Detail: "no room"}
	secret := errors.New("secret")
	for name, c := range map[string]struct {
		err           error
		text, details string
	}{
		"known":   {fmt.Errorf("secret: %w", known), "known", "secret: known"},
		"limit":   {fmt.Errorf("secret: %w", limit), limit.Error(), "secret: " + limit.Error()},
		"unknown": {secret, FailedText, FailedText + ": secret"},
	} {
		text, cause, ok := Failure(t.Context(), c.err, known)
		if text != c.text || cm.Detail(cause) != c.details || !errors.Is(cause, c.err) || !ok {
			t.Errorf("%s: %q, %v, %t", name, text, cm.Detail(cause), ok)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, cause, ok := Failure(ctx, secret, known); ok || cause != secret {
		t.Errorf("with an invocation that has ended: %v, %t", cause, ok)
	}
}

// TestNamesOfBackends: the first backend has its own name or "default"; a duplicate name panics.
func TestNamesOfBackends(t *testing.T) {
	s := NewSet[any](struct{}{})
	s.Add("b", 1)
	s.Add("a", 2)
	if got := s.Names(); !slices.Equal(got, []string{"a", "b", "default"}) {
		t.Errorf("%q", got)
	}
	if got := NewSet[any](named{}).Names(); !slices.Equal(got, []string{"own"}) {
		t.Errorf("%q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second backend of one name is taken")
		}
	}()
	s.Add("a", 3)
}

type named struct{}

func (named) Name() string { return "own" }

// TestSlowDrop: while a backend drops one owner's data, others are bound and released; the same owner is bound when that is done.
func TestSlowDrop(t *testing.T) {
	d := &slow{began: make(chan struct{}), end: make(chan struct{})}
	s := NewSet[any](d)
	bind := func(name string) (release func()) {
		w := &workload.Spec{Name: name, Components: []workload.Component{{Name: "c"}}}
		_, release, err := s.Bind(t.Context(), &host.Binding{Workload: w, Component: &w.Components[0]}, "things", nil)
		if err != nil {
			t.Error(err)
		}
		return release
	}
	released, bound := make(chan struct{}), make(chan struct{})
	first := bind("slow")
	go func() { first(); close(released) }()
	<-d.began
	bind("other")()
	go func() { bind("slow")(); close(bound) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := &workload.Spec{Name: "slow", Components: []workload.Component{{Name: "c"}}}
	if _, _, err := s.Bind(ctx, &host.Binding{Workload: w, Component: &w.Components[0]}, "things", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("bound while its data is dropped: %v", err)
	}
	select {
	case <-bound:
		t.Error("bound while its data is dropped")
	default:
	}
	close(d.end)
	<-released
	<-bound
}

// slow is a Dropper that takes its time for the first owner.
type slow struct {
	second     atomic.Bool
	began, end chan struct{}
}

func (s *slow) Drop(Owner) {
	if !s.second.Swap(true) {
		close(s.began)
		<-s.end
	}
}
