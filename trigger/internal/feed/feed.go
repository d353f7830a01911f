// Package feed brings messages to a component, one call each, for the triggers of messages. It takes no more of them from a broker than are handled
// at once, subscribes again where a subscription has ended, and tells the broker what has become of each message.
package feed

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
)

// Config says how messages are handled.
type Config struct {
	Trigger     string // the trigger's type
	System      string // OpenTelemetry's name of the broker's system
	Destination string // of the subscription: low in cardinality
	Group       string
	// Durable says that the broker keeps a message until it is done, and brings it again if it was not handled: Attempts times at most, after
	// Retry, which doubles. Otherwise a message comes once.
	Durable     bool
	Attempts    int
	Retry       time.Duration
	DeadLetter  string // where messages go that are given up, for messages to people; see Feed.Bury
	Concurrency int    // messages that are handled at once
}

// Defaults of a Config.
const (
	DefaultAttempts    = 5
	DefaultConcurrency = 16
	DefaultRetry       = time.Second
	maxRetry           = time.Minute
	pendingEach        = 64 // messages that wait in the process, for each that is handled at once
)

// Fill puts defaults in the place of zero values.
func (c *Config) Fill() {
	if c.Attempts == 0 {
		c.Attempts = DefaultAttempts
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Retry == 0 {
		c.Retry = DefaultRetry
	}
}

// Feed is one subscription of a workload. Its fields must not change once it runs.
type Feed struct {
	*loop.Loop
	Config
	Log     *slog.Logger
	Invoker host.Invoker
	Target  string // what is called
	// Subscribe makes a subscription, which keeps up to pending messages in the process, and has the broker wait up to wait for what becomes of a
	// message.
	Subscribe func(ctx context.Context, pending int, wait time.Duration) (messaging.Source, error)
	// Handle has an instance handle a message. An error of the guest's is a *cm.AnswerError, whose Reason is one of package messaging.
	Handle messaging.HandleFunc
	// Bury sends a message that is given up, whose subject is DeadLetter; nil: it is dropped. Its fields say why.
	Bury func(ctx context.Context, m *messaging.Message) error
	// Identity is what a feed of the next start has to have to go on with this one's subscription.
	Identity Identity
	// Session is the name by which the broker knows the subscription, where it is none that Subscribe makes of the feed's configuration. A feed that goes on with
	// the subscription of another has its session, too.
	Session string

	connection *connection // what the feed has opened

	mu     sync.Mutex
	source messaging.Source // the subscription; nil: none
	via    *connection      // what source was made by
	handed bool             // the subscription is another feed's

	lost atomic.Int64 // messages of the subscription that the log was told of
}

// subscribeTime bounds one try to subscribe.
const subscribeTime = 5 * time.Second

func (f *Feed) subscribe(ctx context.Context) (messaging.Source, error) {
	ctx, cancel := context.WithTimeout(ctx, subscribeTime)
	defer cancel()
	return f.Subscribe(ctx, f.Concurrency*pendingEach, f.Deadline()+settleTime)
}

// Begin subscribes, so that messages from now on come. A broker that is down is no error: Run goes on trying.
func (f *Feed) Begin(ctx context.Context) error {
	src, err := f.subscribe(ctx)
	if err != nil && ctx.Err() == nil {
		f.Log.Warn("cannot subscribe; going on trying", "system", f.System, "reason", err)
		return nil
	}
	if err == nil {
		f.source, f.via = src, f.connection.use()
	}
	return err
}

// release ends the subscription, unless it is another feed's, and leaves the broker.
func (f *Feed) release() {
	f.end()
	f.connection.leave()
	f.Invoker, f.Handle = nil, nil // a later feed may hold this one by its subscription, and must not hold its programs
}

// end ends the subscription, unless it is another feed's.
func (f *Feed) end() {
	f.mu.Lock()
	src, via := f.source, f.via
	f.source, f.via = nil, nil
	f.mu.Unlock()
	if src != nil {
		_ = src.Close() // what it kept, the broker has
		via.leave()
	}
}

// handOver has the feed take no more messages, and returns its subscription, and what that was made by, for another feed; nil: it has none at the
// moment. told is how many lost messages of it the log was told of.
func (f *Feed) handOver() (src messaging.Source, via *connection, told int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Stop()
	src, via = f.source, f.via
	f.source, f.via, f.handed = nil, nil, true
	return src, via, f.lost.Load()
}

// resume makes a subscription where there is none.
func (f *Feed) resume() (messaging.Source, error) {
	f.mu.Lock()
	src := f.source
	f.mu.Unlock()
	if src != nil {
		return src, nil
	}
	src, err := f.subscribe(f.Open())
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handed {
		_ = src.Close()
		return nil, errHanded
	}
	f.source, f.via = src, f.connection.use()
	f.lost.Store(0)
	return src, nil
}

// Run takes messages, and subscribes again where a subscription has ended, until Open ends.
func (f *Feed) Run() {
	for failed := 0; !f.Stopped(); {
		src, err := f.resume()
		if err != nil {
			if failed++; failed == 1 && !f.Stopped() {
				f.Log.Warn("cannot subscribe; going on trying", "system", f.System, "reason", err)
			}
			f.Sleep(backoff(250*time.Millisecond, failed, 15*time.Second))
			continue
		}
		if failed > 0 {
			f.Log.Info("subscribed again", "system", f.System)
		}
		failed = 0
		f.take(src)
		if f.end(); !f.Stopped() {
			f.Sleep(backoff(250*time.Millisecond, 1, time.Second))
		}
	}
}

// backoff is how long to wait after so many failures: it doubles, and is never the same for all who wait.
func backoff(first time.Duration, failures int, most time.Duration) time.Duration {
	d := most
	if failures < 20 {
		d = min(first<<(failures-1), most)
	}
	return d/2 + rand.N(d/2+1)
}

// take handles the messages of a subscription until it ends, or no more are to be taken.
func (f *Feed) take(src messaging.Source) {
	ctx, cancel := context.WithCancel(f.Open())
	defer cancel()
	var all sync.WaitGroup
	for range f.Concurrency {
		all.Go(func() {
			for {
				d, err := src.Next(ctx)
				if err != nil {
					if ctx.Err() == nil {
						f.Log.Warn("the subscription has ended", "system", f.System, "reason", err)
					}
					cancel() // one of them says so
					return
				}
				f.tellLost(src.Lost())
				f.bring(d)
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	all.Wait()
}

// tellLost tells the log of messages that were lost, at each power of two of them.
func (f *Feed) tellLost(n int64) {
	told := f.lost.Load()
	if n >= max(2*told, 1) && f.lost.CompareAndSwap(told, n) {
		f.Log.Warn("messages were lost: they came faster than they were handled; a durable subscription, more instances or a higher concurrency keep them", "lost", n)
	}
}

// bring has the component handle a message.
func (f *Feed) bring(d messaging.Delivery) {
	m := d.Message()
	in := &incoming{f: f, m: m, attempt: d.Attempt(), size: len(m.Body)}
	var refuse error
	if f.Durable && in.attempt > f.Attempts { // the last one ended without a word, with the process
		refuse = &cm.AnswerError{Reason: "attempts", Detail: fmt.Sprintf("the message has come %d times and was not handled", f.Attempts)}
	}
	_ = f.Invoker.Invoke(f.Calls(), &host.Invocation{ // the invoker reports a failure
		Component: f.Target,
		Trigger:   f.Trigger,
		Name:      f.Destination,
		Subject:   in,
		Refuse:    refuse,
		Run:       in.run,
		Settle:    func(ctx context.Context, err error) { f.settle(ctx, d, in, err) },
	})
}
