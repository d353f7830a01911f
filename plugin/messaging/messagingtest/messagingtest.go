// Package messagingtest is the contract of brokers as a test suite.
package messagingtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// Options are what brokers differ in.
type Options struct {
	// Fields says that messages keep their fields.
	Fields bool
	// Requests says that messages can be answered.
	Requests bool
	// NoGroups says that consumers cannot share the messages of a subscription.
	NoGroups bool
	// Durable says that there are durable subscriptions.
	Durable bool
	// Apart says that owners do not see each other's messages: the broker is in the process.
	Apart bool
}

// patience bounds waits for what must come.
const patience = 30 * time.Second

// absent is how long a message that must not come is waited for.
const absent = 100 * time.Millisecond

// Run runs the suite on one broker, whose subjects that begin with the test's name nobody else uses.
func Run(t *testing.T, b messaging.Backend, o Options) {
	s := &suite{b: b, o: o, name: strings.NewReplacer("/", "-", " ", "_").Replace(t.Name())}
	for name, f := range map[string]func(*testing.T){
		"publish": s.publish, "wildcards": s.wildcards, "errors": s.errors,
		"many": s.many, "close": s.close, "context": s.context, "plain": s.plain, "lost": s.lost,
	} {
		t.Run(name, f)
	}
	if o.NoGroups {
		t.Run("no groups", s.noGroups)
	} else {
		t.Run("groups", s.groups)
	}
	if !o.Durable {
		t.Run("not durable", s.notDurable)
	}
	if o.Requests {
		t.Run("request", s.request)
		t.Run("nobody", s.nobody)
	}
	if o.Durable {
		t.Run("durable", s.durable)
		t.Run("durable kept", s.kept)
	}
	if o.Apart {
		t.Run("owners", s.owners)
	}
	if b.System() == "" {
		t.Error("the system has no name")
	}
}

type suite struct {
	b    messaging.Backend
	o    Options
	name string
}

func (s *suite) bus() messaging.Bus { return s.b.Bus(messaging.Owner{Namespace: "n", Workload: "w"}) }

func (s *suite) subject(t *testing.T, rest string) string {
	return s.name + "." + strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()) + "." + rest
}

func subscribe(t *testing.T, b messaging.Bus, spec messaging.Subscription) messaging.Source {
	t.Helper()
	src, err := b.Subscribe(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	return src
}

func publish(t *testing.T, b messaging.Bus, subject, body string) {
	t.Helper()
	if err := b.Publish(t.Context(), &messaging.Message{Subject: subject, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, src messaging.Source) messaging.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d, err := src.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func done(t *testing.T, d messaging.Delivery) {
	t.Helper()
	if err := d.Done(t.Context()); err != nil {
		t.Error(err)
	}
}

func wantNone(t *testing.T, src messaging.Source) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), absent)
	defer cancel()
	if d, err := src.Next(ctx); err == nil {
		t.Errorf("%s came, which must not", d.Message().Subject)
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func (s *suite) publish(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	src := subscribe(t, b, messaging.Subscription{Subject: subject})
	sent := &messaging.Message{Subject: subject, Body: []byte{0, 1, 255}, Header: map[string]string{"traceparent": "00-x", "other": "é, b"}}
	if err := b.Publish(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	sent.Body[0], sent.Header["traceparent"] = 9, "changed"
	publish(t, b, subject, "")
	d := next(t, src)
	m := d.Message()
	if m.Subject != subject || !bytes.Equal(m.Body, []byte{0, 1, 255}) || s.o.Requests && m.Reply != "" || d.Attempt() != 1 {
		t.Errorf("%+v", m)
	}
	if s.o.Fields && (m.Header["traceparent"] != "00-x" || m.Header["other"] != "é, b" || len(m.Header) != 2) {
		t.Errorf("fields %v", m.Header)
	}
	done(t, d)
	d = next(t, src)
	if m := d.Message(); len(m.Body) != 0 || m.Subject != subject {
		t.Errorf("an empty message is %+v", m)
	}
	done(t, d)
	wantNone(t, src)
}

func (s *suite) wildcards(t *testing.T) {
	b := s.bus()
	base := s.subject(t, "")
	one, rest := subscribe(t, b, messaging.Subscription{Subject: base + "*.x"}), subscribe(t, b, messaging.Subscription{Subject: base + "a.>"})
	for _, subject := range []string{"a.x", "b.x", "a.b.x", "a", "x"} {
		publish(t, b, base+subject, subject)
	}
	for src, want := range map[messaging.Source][]string{one: {"a.x", "b.x"}, rest: {"a.x", "a.b.x"}} {
		for _, w := range want {
			d := next(t, src)
			if m := d.Message(); m.Subject != base+w || string(m.Body) != w {
				t.Errorf("%+v, want %s", m, w)
			}
			done(t, d)
		}
		wantNone(t, src)
	}
}

func (s *suite) groups(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	first, second := subscribe(t, b, messaging.Subscription{Subject: subject, Group: "g"}), subscribe(t, b, messaging.Subscription{Subject: subject, Group: "g"})
	alone := subscribe(t, b, messaging.Subscription{Subject: subject})
	const n = 100
	for i := range n {
		publish(t, b, subject, fmt.Sprint(i))
	}
	for range n {
		done(t, next(t, alone))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for _, src := range []messaging.Source{first, second} {
		all.Go(func() {
			for {
				d, err := src.Next(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				if seen[string(d.Message().Body)]++; len(seen) == n {
					cancel()
				}
				mu.Unlock()
				_ = d.Done(context.Background())
			}
		})
	}
	all.Wait()
	if len(seen) != n {
		t.Errorf("%d of %d messages came", len(seen), n)
	}
	for body, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", body, times)
		}
	}
}

// noGroups: a broker that cannot share messages says so, and does not bring each of them to all.
func (s *suite) noGroups(t *testing.T) {
	if _, err := s.bus().Subscribe(t.Context(), messaging.Subscription{Subject: s.subject(t, "a"), Group: "g"}); err == nil || !strings.Contains(err.Error(), "groups") {
		t.Errorf("%v", err)
	}
}

// notDurable: a broker that keeps no messages, or not those of the subject, says so.
func (s *suite) notDurable(t *testing.T) {
	if _, err := s.bus().Subscribe(t.Context(), messaging.Subscription{Subject: s.subject(t, "a"), Durable: "d"}); err == nil {
		t.Error("a durable subscription begins")
	}
}

func (s *suite) request(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	src := subscribe(t, b, messaging.Subscription{Subject: subject})
	answered := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		d, err := src.Next(ctx)
		if err == nil {
			m := d.Message()
			err = b.Publish(ctx, &messaging.Message{Subject: m.Reply, Body: append([]byte("re: "), m.Body...)})
			_ = d.Done(ctx)
		}
		answered <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := b.Request(ctx, &messaging.Message{Subject: subject, Body: []byte("x")})
	if err != nil || string(m.Body) != "re: x" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func (s *suite) nobody(t *testing.T) {
	b := s.bus()
	publish(t, b, s.subject(t, "a"), "x")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := b.Request(ctx, &messaging.Message{Subject: s.subject(t, "b")}); !errors.Is(err, messaging.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request to nobody: %v", err)
	}
	subscribe(t, b, messaging.Subscription{Subject: s.subject(t, "silent")}) // it takes no message
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := b.Request(ctx, &messaging.Message{Subject: s.subject(t, "silent")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request without an answer: %v", err)
	}
}

func (s *suite) errors(t *testing.T) {
	b := s.bus()
	for _, subject := range []string{"", "a b", "a..b", ".a", "a.", "a.*", ">", "a\r\nPUB b 1", "\x00", "\xff", strings.Repeat("x", messaging.MaxSubject+1)} {
		if err := b.Publish(t.Context(), &messaging.Message{Subject: subject}); !errors.Is(err, messaging.ErrSubject) {
			t.Errorf("publish to %q: %v", subject, err)
		}
		if _, err := b.Request(t.Context(), &messaging.Message{Subject: subject}); s.o.Requests && !errors.Is(err, messaging.ErrSubject) {
			t.Errorf("request to %q: %v", subject, err)
		}
	}
	for _, subject := range []string{"", "a b", "a.>.b", "a*", "a\r\n"} {
		if _, err := b.Subscribe(t.Context(), messaging.Subscription{Subject: subject}); !errors.Is(err, messaging.ErrSubject) {
			t.Errorf("subscribe to %q: %v", subject, err)
		}
	}
}

func (s *suite) many(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	src := subscribe(t, b, messaging.Subscription{Subject: subject, Pending: 2000})
	const writers, each = 8, 100
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if err := b.Publish(t.Context(), &messaging.Message{Subject: subject, Body: fmt.Appendf(nil, "%d %d", w, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	last := map[int]int{}
	for range writers * each {
		d := next(t, src)
		var w, i int
		if _, err := fmt.Sscan(string(d.Message().Body), &w, &i); err != nil {
			t.Fatal(err)
		}
		if i != last[w] {
			t.Errorf("message %d of writer %d came as number %d", i, w, last[w])
		}
		last[w] = i + 1
		done(t, d)
	}
	all.Wait()
	if src.Lost() != 0 {
		t.Errorf("%d lost", src.Lost())
	}
}

func (s *suite) close(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	src := subscribe(t, b, messaging.Subscription{Subject: subject})
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := src.Next(context.Background())
			ended <- err
		}()
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a closed subscription gives a message")
			}
		case <-time.After(patience):
			t.Fatal("a Next that waits does not end with Close")
		}
	}
	publish(t, b, subject, "x")
	_ = src.Close()
}

func (s *suite) context(t *testing.T) {
	b := s.bus()
	src := subscribe(t, b, messaging.Subscription{Subject: s.subject(t, "a")})
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := src.Next(ctx); !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
		t.Errorf("Next: %v", err)
	}
	if err := b.Publish(ctx, &messaging.Message{Subject: s.subject(t, "a")}); err == nil {
		t.Error("a publish succeeds when its context has ended")
	}
	if _, err := b.Request(ctx, &messaging.Message{Subject: s.subject(t, "a")}); err == nil {
		t.Error("a request succeeds when its context has ended")
	}
	publish(t, b, s.subject(t, "a"), "x") // the subscription is as it was
	done(t, next(t, src))
}

func (s *suite) plain(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	publish(t, b, subject, "before")
	src := subscribe(t, b, messaging.Subscription{Subject: subject})
	publish(t, b, subject, "after")
	d := next(t, src)
	if string(d.Message().Body) != "after" {
		t.Errorf("%s came", d.Message().Body)
	}
	if err := d.Retry(t.Context(), time.Millisecond); !errors.Is(err, messaging.ErrNoRetry) {
		t.Errorf("retry: %v", err)
	}
	wantNone(t, src)
}

func (s *suite) lost(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	src := subscribe(t, b, messaging.Subscription{Subject: subject, Pending: 10})
	for range 100 {
		publish(t, b, subject, "x")
	}
	for end := time.Now().Add(patience); src.Lost() < 80 && time.Now().Before(end); { // nobody takes them: all have come then
		time.Sleep(time.Millisecond)
	}
	n := 0
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*absent)
		d, err := src.Next(ctx)
		cancel()
		if err != nil {
			break
		}
		n++
		done(t, d)
	}
	if n < 10 || n > 20 || src.Lost() != int64(100-n) {
		t.Errorf("%d came, %d were lost", n, src.Lost())
	}
}

func (s *suite) durable(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	spec := messaging.Subscription{Subject: subject, Durable: "d-" + fmt.Sprint(time.Now().UnixNano()), Wait: patience}
	src := subscribe(t, b, spec)
	publish(t, b, subject, "x")
	publish(t, b, subject, "y")
	counts := map[string]int{}
	for range 4 {
		d := next(t, src)
		body := string(d.Message().Body)
		counts[body]++
		if d.Attempt() != counts[body] {
			t.Errorf("%s comes for the time %d, and says %d", body, counts[body], d.Attempt())
		}
		if body == "x" && counts[body] < 3 {
			if err := d.Retry(t.Context(), 10*time.Millisecond); err != nil {
				t.Error(err)
			}
			continue
		}
		done(t, d)
	}
	if counts["x"] != 3 || counts["y"] != 1 {
		t.Errorf("%v", counts)
	}
	wantNone(t, src)
}

func (s *suite) kept(t *testing.T) {
	b, subject := s.bus(), s.subject(t, "a")
	spec := messaging.Subscription{Subject: subject, Durable: "k-" + fmt.Sprint(time.Now().UnixNano()), Wait: patience}
	src := subscribe(t, b, spec)
	publish(t, b, subject, "first")
	done(t, next(t, src))
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	publish(t, b, subject, "while nobody listens")
	src = subscribe(t, b, spec)
	d := next(t, src)
	if string(d.Message().Body) != "while nobody listens" {
		t.Errorf("%s", d.Message().Body)
	}
	done(t, d)
	wantNone(t, src)
}

func (s *suite) owners(t *testing.T) {
	subject := s.subject(t, "a")
	src := subscribe(t, s.bus(), messaging.Subscription{Subject: subject})
	for _, owner := range []messaging.Owner{{Namespace: "m", Workload: "w"}, {Namespace: "n", Workload: "v"}, {}} {
		publish(t, s.b.Bus(owner), subject, "not for n/w")
	}
	wantNone(t, src)
}
