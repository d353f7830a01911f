package telemetry

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/cm"
)

// leftHarness has the spans that were reported as unfinished.
type leftHarness struct {
	leftSpans
	mu       sync.Mutex
	reported []string
}

func newLeftHarness() *leftHarness {
	h := &leftHarness{}
	h.report = func(g *guestSpan) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.reported = append(h.reported, g.sc.SpanID().String()[12:])
	}
	return h
}

func (h *leftHarness) want(t *testing.T, when string, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if fmt.Sprint(h.reported) != fmt.Sprint(want) {
		t.Errorf("%s: reported %v, want %v", when, h.reported, want)
	}
}

func leftContext(n int) trace.SpanContext {
	var s trace.SpanID
	binary.BigEndian.PutUint64(s[:], uint64(n))
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: s})
}

// leave keeps the spans from to to, of which each holds 100 bytes of the account.
func (h *leftHarness) leave(t *testing.T, a *cm.Account, from, to int) {
	t.Helper()
	var held cm.Holding
	held.Charge(a)
	var open []guestSpan
	for n := from; n <= to; n++ {
		if err := held.Set(held.Bytes() + 100); err != nil {
			t.Fatal(err)
		}
		open = append(open, guestSpan{sc: leftContext(n), bytes: 100})
	}
	h.keep(open, &held)
}

// TestLeftSpans: a span that an invocation has left open is exported once, whoever is first of its end, the wait and the instance's end.
func TestLeftSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := cm.NewAccount(1<<20), newLeftHarness()
		h.leave(t, a, 1, 2)
		time.Sleep(leftWait / 2)
		h.leave(t, a, 3, 4)
		if g, repeated := h.take(leftContext(1)); repeated || !g.sc.IsValid() {
			t.Errorf("the end of the first: %v %v", g.sc, repeated)
		}
		if g, repeated := h.take(leftContext(9)); repeated || g.sc.IsValid() {
			t.Errorf("the end of one that is not there: %v %v", g.sc, repeated)
		}
		h.want(t, "before the wait is over")
		time.Sleep(leftWait / 2)
		synctest.Wait()
		h.want(t, "behind the first wait", "0002")
		if g, repeated := h.take(leftContext(2)); !repeated || g.sc.IsValid() {
			t.Errorf("an end that comes too late: %v %v", g.sc, repeated)
		}
		time.Sleep(leftWait / 2)
		synctest.Wait()
		h.want(t, "behind the second wait", "0002", "0003", "0004")
		h.leave(t, a, 5, 5)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h.want(t, "at the instance's end", "0002", "0003", "0004", "0005")
		h.leave(t, a, 6, 6)
		h.want(t, "behind it", "0002", "0003", "0004", "0005", "0006")
		time.Sleep(3 * leftWait)
		synctest.Wait()
		h.want(t, "long behind it", "0002", "0003", "0004", "0005", "0006")
		if n := a.Used(); n != 0 {
			t.Errorf("%d bytes are held", n)
		}
	})
}

// TestLeftSpansAreBounded: of more than are kept the oldest are exported at once.
func TestLeftSpansAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := cm.NewAccount(1<<20), newLeftHarness()
		for n := range 10 * maxOpen {
			h.leave(t, a, n+1, n+1)
		}
		if n := len(h.reported); n != 9*maxOpen {
			t.Errorf("%d are reported", n)
		}
		if n := a.Used(); n != 100*maxOpen {
			t.Errorf("%d bytes are held", n)
		}
		for n, want := range map[int]bool{9 * maxOpen: true, 9*maxOpen + 1: false, 1: false} { // the first is forgotten
			if _, repeated := h.take(leftContext(n)); repeated != want {
				t.Errorf("the end of span %d: repeated is %v", n, repeated)
			}
		}
		_ = h.Close()
		if n := len(h.reported); n != 10*maxOpen-1 {
			t.Errorf("%d are reported", n)
		}
	})
}
