package main

import (
	"context"
	"testing"
	"time"
)

// TestQueue: a name that waits is there once, and one that has failed comes again, later each time.
func TestQueue(t *testing.T) {
	q := newQueue()
	for _, name := range []string{"a", "b", "a"} {
		q.add(name)
	}
	for _, want := range []string{"a", "b"} {
		if got, err := q.next(t.Context()); got != want || err != nil {
			t.Fatalf("%q, %v, want %s", got, err, want)
		}
	}
	q.retry("a")
	begun := time.Now()
	if got, err := q.next(t.Context()); got != "a" || err != nil || time.Since(begun) < firstRetry/2 {
		t.Fatalf("%q, %v after %v", got, err, time.Since(begun))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := q.next(ended); err == nil {
		t.Error("there is a name where there is none")
	}
	for n, want := range []time.Duration{firstRetry, 2 * firstRetry, 4 * firstRetry} {
		if got := backoff(n, firstRetry, lastRetry); got != want {
			t.Errorf("%d failures: %v, want %v", n, got, want)
		}
	}
	if got := backoff(1000, firstRetry, lastRetry); got != lastRetry {
		t.Error(got)
	}
}

// TestReconciles: what has to be done follows from what is there alone.
func TestReconciles(t *testing.T) {
	shop := &configMap{Metadata: metadata{Name: "shop", UID: "1", Labels: map[string]string{wanted: "true"}}, Data: map[string]string{"a": "abc"}}
	made := digests(shop)
	if made.Data["a"] != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || nameOf(made) != "shop" || nameOf(shop) != "shop" {
		t.Errorf("%+v", made)
	}
	c := newCache(newQueue())
	c.replace([]*configMap{shop, made})
	if got, err := reconcile(t.Context(), nil, c, "shop"); got != unchanged || err != nil {
		t.Error(got, err)
	}
	c.change(&event{Type: "DELETED", Object: *shop})
	if got, err := reconcile(t.Context(), nil, c, "shop"); got != gone || err != nil {
		t.Error(got, err)
	}
}
