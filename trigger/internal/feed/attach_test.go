package feed

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// events are what happens to feeds, in order. Safe for concurrent use.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) add(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, what)
}

// source is a subscription without messages.
type source struct {
	messaging.Source
	closed func()
}

func (s *source) Next(ctx context.Context) (messaging.Delivery, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *source) Close() error {
	s.closed()
	return nil
}

// attach attaches feeds of these names. Opening "closed" fails; "down" cannot subscribe, and "late" only when the context has ended.
func (e *events) attach(ctx context.Context, cancel func(), g *Feeds, names ...string) (func(context.Context) error, error) {
	return Attach(ctx, g, &workload.Spec{}, names, func(name string) (*Feed, func(), error) {
		if name == "closed" {
			return nil, nil, errors.New("cannot open")
		}
		f := &Feed{Loop: loop.New(name, &workload.Spec{}, ""), Log: slog.New(slog.DiscardHandler)}
		f.Fill()
		f.Subscribe = func(context.Context, int, time.Duration) (messaging.Source, error) {
			switch name {
			case "down":
				return nil, errors.New("the broker is down")
			case "late":
				cancel()
				return nil, context.Canceled
			}
			e.add("subscribe " + name)
			return &source{closed: func() { e.add("close " + name) }}, nil
		}
		return f, func() { e.add("free " + name) }, nil
	})
}

// TestAttach: what was opened is closed and then freed, once, when the feeds are detached, and where a later one fails.
func TestAttach(t *testing.T) {
	for name, c := range map[string]struct {
		feeds []string
		fails bool
		want  []string // sorted, but for what is about one feed
	}{
		"none":        {nil, false, nil},
		"two":         {[]string{"a", "b"}, false, []string{"subscribe a", "close a", "free a", "subscribe b", "close b", "free b"}},
		"broker down": {[]string{"a", "down"}, false, []string{"subscribe a", "close a", "free a", "free down"}},
		"not opened":  {[]string{"a", "closed", "b"}, true, []string{"free a"}},
		"canceled":    {[]string{"a", "late", "b"}, true, []string{"subscribe a", "close a", "free a", "free late", "free b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var e events
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			detach, err := e.attach(ctx, cancel, NewFeeds(), c.feeds...)
			if (err != nil) != c.fails {
				t.Fatal(err)
			}
			if err == nil {
				if err := detach(t.Context()); err != nil {
					t.Error(err)
				}
			}
			for _, feed := range append(c.feeds, "") {
				of := func(what string) bool { return len(what) <= len(feed) || what[len(what)-len(feed)-1:] != " "+feed }
				got, want := slices.DeleteFunc(slices.Clone(e.all), of), slices.DeleteFunc(slices.Clone(c.want), of)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %q, wanted %q", feed, got, want)
				}
			}
			if len(e.all) != len(c.want) {
				t.Errorf("%q, wanted %q", e.all, c.want)
			}
		})
	}
}

// TestGivenUp: a message that goes to the dead letters has its own fields and those that say why, and the message that came is as it was.
func TestGivenUp(t *testing.T) {
	for _, header := range []map[string]string{nil, {"a": "1", FieldReason: "old"}} {
		m := &messaging.Message{Subject: "in", Body: []byte("x"), Header: header, Reply: "to"}
		i := &incoming{f: &Feed{Config: Config{DeadLetter: "dead"}}, m: m, attempt: 3}
		got := i.givenUp("error")
		if got.Subject != "dead" || string(got.Body) != "x" || got.Reply != "" || got.Header[FieldReason] != "error" || got.Header[FieldAttempts] != "3" || got.Header[FieldSubject] != "in" {
			t.Errorf("%+v", got)
		}
		if got.Header["a"] != header["a"] || header != nil && header[FieldReason] != "old" {
			t.Errorf("%+v of %v", got, header)
		}
	}
}
