package natsconn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// TestDo: a call ends with its context, with its time and with the connection, and its error says which.
func TestDo(t *testing.T) {
	s := servers.StartNATS(t)
	c, err := Open(Config{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	waits := func(ctx context.Context, _ jetstream.JetStream) error {
		<-ctx.Done()
		return ctx.Err()
	}
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := c.Do(ctx, time.Minute, waits); !errors.Is(err, why) {
		t.Errorf("context: %v", err)
	}
	if err := c.Do(t.Context(), time.Millisecond, waits); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("time: %v", err)
	}
	if err := c.Do(t.Context(), time.Minute, func(ctx context.Context, js jetstream.JetStream) error {
		s.Kill()
		return waits(ctx, js)
	}); !errors.Is(err, ErrDown) {
		t.Errorf("connection: %v", err)
	}
	back := make(chan error, 10)
	defer c.Notify(func(err error) { back <- err })()
	if err := <-back; !errors.Is(err, ErrDown) {
		t.Errorf("who asks when there is none is told %v", err)
	}
	s.Start()
	if err := <-back; err != nil {
		t.Errorf("the server is there again: %v", err)
	}
	if err := c.Do(t.Context(), time.Minute, func(ctx context.Context, js jetstream.JetStream) error { return ctx.Err() }); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestDeleteStream: a stream that is made of the name of one that was deleted is empty.
func TestDeleteStream(t *testing.T) {
	s := servers.StartNATS(t)
	c, err := Open(Config{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 30 {
		if err := c.Do(t.Context(), time.Minute, func(ctx context.Context, js jetstream.JetStream) error {
			stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Storage: jetstream.FileStorage})
			if err != nil {
				return err
			}
			if n := stream.CachedInfo().State.Msgs; n > 0 {
				t.Errorf("a new stream has %d messages", n)
			}
			for range 100 {
				if _, err := js.Publish(ctx, "s", nil); err != nil {
					return err
				}
			}
			return DropStreams(ctx, js, "S")
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBucket: owners and names that differ have buckets that differ, and one owner's prefix is no other's.
func TestBucket(t *testing.T) {
	texts := []string{"", "-", "_", "__", "a", "a_", "_a", "a__b", "_-", "a-b", "a/b", "a_2fb"}
	seen := map[string]string{}
	var prefixes []string
	for _, ns := range texts {
		for _, w := range texts {
			o := backend.Owner{Namespace: ns, Workload: w, Component: "c"}
			prefixes = append(prefixes, Prefix(o))
			for _, name := range texts {
				b, err := Bucket(o, name)
				id := fmt.Sprintf("%q %q", o, name)
				if err != nil || seen[b] != "" {
					t.Errorf("%s is %s, as is %s; %v", id, b, seen[b], err)
				}
				seen[b] = id
			}
		}
	}
	slices.Sort(prefixes)
	for i, p := range prefixes[1:] {
		if q := prefixes[i]; len(p) >= len(q) && p[:len(q)] == q {
			t.Errorf("%s begins with %s", p, q)
		}
	}
}

// TestLowest: pages have all names once and in order, whatever comes in between.
func TestLowest(t *testing.T) {
	var got []string
	for after, more := "", true; more; {
		l := Lowest{After: after, Most: 7}
		for i := range 1000 {
			l.Add(fmt.Sprintf("%03d", i*7919%1000))
			l.Add("500") // again and again
		}
		var names []string
		names, more = l.Page()
		got = append(got, names...)
		after = names[len(names)-1]
	}
	if len(got) != 1000 || !slices.IsSorted(got) || len(slices.Compact(got)) != 1000 {
		t.Errorf("%d names: %.100q", len(got), got)
	}
}
