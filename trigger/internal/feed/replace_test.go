package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// queue is a subscription with messages.
type queue struct {
	source
	messages chan string
	lost     atomic.Int64
}

func (q *queue) Lost() int64 { return q.lost.Load() }

func (q *queue) Next(ctx context.Context) (messaging.Delivery, error) {
	select {
	case text := <-q.messages:
		return &delivery{text: text}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type delivery struct {
	messaging.Delivery
	text string
}

func (d *delivery) Message() *messaging.Message { return &messaging.Message{Body: []byte(d.text)} }
func (d *delivery) Attempt() int                { return 1 }
func (d *delivery) Done(context.Context) error  { return nil }

// start is one start of the workload: it notes what it is brought, and each call takes a while.
type start struct {
	name string
	mu   *sync.Mutex
	got  *[]string
}

func (s *start) Linked(string) (*component.Linked, error) { return nil, errors.New("not asked for") }

func (s *start) Invoke(ctx context.Context, inv *host.Invocation) error {
	s.mu.Lock()
	*s.got = append(*s.got, s.name+" "+string(inv.Subject.(*incoming).m.Body))
	s.mu.Unlock()
	select {
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if inv.Settle != nil {
		inv.Settle(ctx, nil)
	}
	return nil
}

// TestReplace: a subscription that two starts have goes on, and each message is one of the two's: those under way end in the old one, which does
// not close what the new one goes on with. What only the old start has ends; a start that fails changes nothing.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		var mu sync.Mutex
		var got []string
		w := &workload.Spec{Name: "w"}
		g := NewFeeds()
		running, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() {
			g.Run(running, time.Minute)
			close(ended)
		}()
		queues := map[string]*queue{}
		open := func(by string) func(string) (*Feed, func(), error) {
			return func(name string) (*Feed, func(), error) {
				if name == "closed" {
					return nil, nil, errors.New("cannot open")
				}
				f := &Feed{Loop: loop.New(name, w, ""), Log: slog.New(slog.DiscardHandler), Invoker: &start{by, &mu, &got}, Identity: Identity{Config: []any{name}}}
				f.Fill()
				f.Concurrency = 2
				f.Subscribe = func(context.Context, int, time.Duration) (messaging.Source, error) {
					e.add("subscribe " + name + " by " + by)
					queues[name] = &queue{source: source{closed: func() { e.add("close " + name + " of " + by) }}, messages: make(chan string, 100)}
					return queues[name], nil
				}
				return f, func() { e.add("free " + name + " of " + by) }, nil
			}
		}
		detach1, err := Attach(t.Context(), g, w, []string{"a", "b"}, open("1"))
		if err != nil {
			t.Fatal(err)
		}
		a := queues["a"]
		for i := range 3 {
			a.messages <- fmt.Sprint(i)
		}
		time.Sleep(time.Second) // two are under way
		if _, err := Replace(t.Context(), g, w, []string{"a", "closed"}, open("x")); err == nil {
			t.Fatal("a start that fails does not")
		}
		detach2, err := Replace(t.Context(), g, w, []string{"c", "a"}, open("2"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := detach1(t.Context()); err != nil { // waits for the two
			t.Error(err)
		}
		detach3, err := Replace(t.Context(), g, w, []string{"a"}, open("3"))
		if err != nil {
			t.Fatal(err)
		}
		if err := detach2(t.Context()); err != nil {
			t.Error(err)
		}
		a.messages <- "3"
		time.Sleep(time.Second)
		mu.Lock()
		slices.Sort(got)
		if want := []string{"1 0", "1 1", "2 2", "3 3"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		mu.Unlock()
		e.mu.Lock()
		for _, event := range []string{"close a of 1", "free a of 1"} {
			if slices.Contains(e.all, event) {
				t.Errorf("%s, which the third start goes on with: %q", event, e.all)
			}
		}
		for _, event := range []string{"close b of 1", "free b of 1", "subscribe c by 2", "close c of 2", "free a of x", "free a of 2"} {
			if !slices.Contains(e.all, event) {
				t.Errorf("not %s: %q", event, e.all)
			}
		}
		e.mu.Unlock()
		if err := detach3(t.Context()); err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, event := range []string{"close a of 1", "free a of 1", "free a of 3"} {
			if n := len(slices.DeleteFunc(slices.Clone(e.all), func(s string) bool { return s != event })); n != 1 {
				t.Errorf("%s %d times: %q", event, n, e.all)
			}
		}
		cancel()
		<-ended
	})
}

// TestReplaceSubscribesAgain: a feed that goes on with a subscription makes the next one by its own login, under the name that the broker knows. Of two
// starts' feeds those of the same component go on with each other's subscriptions, whatever their order.
func TestReplaceSubscribesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		w := &workload.Spec{Name: "w"}
		g := NewFeeds()
		running, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			g.Run(running, time.Minute)
			close(ended)
		}()
		lost := map[string]chan struct{}{} // closed: the subscription of a component ends
		open := func(by string) func(string) (*Feed, func(), error) {
			return func(component string) (*Feed, func(), error) {
				f := &Feed{Loop: loop.New("a", w, ""), Log: slog.New(slog.DiscardHandler), Invoker: &start{}, Identity: Identity{Config: "a", Component: component}, Session: component + by}
				f.Fill()
				f.Subscribe = func(context.Context, int, time.Duration) (messaging.Source, error) {
					e.add("subscribe " + f.Session + " by " + by)
					lost[component] = make(chan struct{})
					return &failing{source{closed: func() { e.add("close of " + component + by) }}, lost[component]}, nil
				}
				return f, func() { e.add("free " + component + by) }, nil
			}
		}
		happened := func(want ...string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			e.mu.Lock()
			defer e.mu.Unlock()
			slices.Sort(e.all)
			if !slices.Equal(e.all, want) {
				t.Errorf("%q, want %q", e.all, want)
			}
			e.all = nil
		}
		detach1, err := Attach(t.Context(), g, w, []string{"x", "y"}, open("1"))
		if err != nil {
			t.Fatal(err)
		}
		happened("subscribe x1 by 1", "subscribe y1 by 1")
		detach2, err := Replace(t.Context(), g, w, []string{"y", "z", "x"}, open("2"))
		if err != nil {
			t.Fatal(err)
		}
		if err := detach1(t.Context()); err != nil {
			t.Error(err)
		}
		happened("subscribe z2 by 2")
		close(lost["x"])
		happened("close of x1", "free x1", "subscribe x1 by 2")
		detach3, err := Replace(t.Context(), g, w, []string{"renamed"}, open("3"))
		if err != nil {
			t.Fatal(err)
		}
		if err := detach2(t.Context()); err != nil {
			t.Error(err)
		}
		happened("close of x2", "close of z2", "free x2", "free y2", "free z2")
		if err := detach3(t.Context()); err != nil {
			t.Error(err)
		}
		happened("close of y1", "free renamed3", "free y1")
		cancel()
		<-ended
	})
}

// failing is a subscription without messages, which ends when lost is closed.
type failing struct {
	source
	lost chan struct{}
}

func (f *failing) Lost() int64 { return 0 }

func (f *failing) Next(ctx context.Context) (messaging.Delivery, error) {
	select {
	case <-f.lost:
		return nil, errors.New("the connection was lost")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestReplaceTellsLossesOnce: what the log was told of lost messages it is not told again when another start goes on with the subscription, and it is
// told of further ones.
func TestReplaceTellsLossesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		var told bytes.Buffer
		log := slog.New(slog.NewTextHandler(&told, nil))
		w := &workload.Spec{Name: "w"}
		g := NewFeeds()
		running, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			g.Run(running, time.Minute)
			close(ended)
		}()
		q := &queue{source: source{closed: func() {}}, messages: make(chan string, 100)}
		open := func(name string) (*Feed, func(), error) {
			f := &Feed{Loop: loop.New(name, w, ""), Log: log, Invoker: &start{"", &mu, &got}, Identity: Identity{Config: []any{name}}}
			f.Fill()
			f.Subscribe = func(context.Context, int, time.Duration) (messaging.Source, error) { return q, nil }
			return f, func() {}, nil
		}
		detach, err := Attach(t.Context(), g, w, []string{"a"}, open)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			lost int64
			want int // lines so far
		}{{3, 1}, {3, 1}, {5, 1}, {6, 2}} {
			q.lost.Store(step.lost)
			q.messages <- "m"
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if n := strings.Count(told.String(), "messages were lost"); n != step.want {
				t.Errorf("at %d lost messages there are %d lines, want %d:\n%s", step.lost, n, step.want, told.String())
			}
			next, err := Replace(t.Context(), g, w, []string{"a"}, open)
			if err != nil {
				t.Fatal(err)
			}
			if err := detach(t.Context()); err != nil {
				t.Error(err)
			}
			detach = next
		}
		if err := detach(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	})
}
