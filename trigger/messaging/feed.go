package messaging

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
	"github.com/vitrine-wasm/vitrine/workload"
)

// feed is one subscription of a workload.
type feed struct {
	log      *slog.Logger
	config   Subscription
	deadline time.Duration // of a handler
	invoker  host.Invoker
	target   string // what is called
	source   string // the component that the trigger names
	handle   messaging.HandleFunc
	route    messaging.Route
	dead     messaging.Route // of Subscription.DeadLetter
	release  []func()
	first    messaging.Source // the subscription that Attach could make; nil: none yet

	ctx    context.Context // of handlers
	cut    context.CancelCauseFunc
	taking context.Context // ends when no more messages are taken
	stop   context.CancelFunc
	done   chan struct{} // closed: the loop has ended

	lost atomic.Int64 // messages that the log was told of
}

// connect finds the broker, and subscribes if it is up. What it makes is released by drain, or by itself if it fails.
func (f *feed) connect(ctx context.Context, p *messaging.Plugin, w *workload.Spec) (err error) {
	defer func() {
		if err != nil {
			f.free()
		}
	}()
	open := func(subject string) (messaging.Route, error) {
		r, release, err := p.Connect(ctx, w, f.source, subject)
		if err == nil {
			f.release = append(f.release, release)
		}
		return r, err
	}
	if f.route, err = open(f.config.Subject); err != nil {
		return err
	}
	if f.config.DeadLetter != "" {
		if f.dead, err = open(f.config.DeadLetter); err != nil {
			return err
		}
	}
	f.first, err = f.subscribe(ctx)
	if err != nil && ctx.Err() == nil {
		f.log.Warn("cannot subscribe; going on trying", "system", f.route.Backend.System(), "reason", err)
		return nil
	}
	return err
}

func (f *feed) free() {
	for i := len(f.release) - 1; i >= 0; i-- {
		f.release[i]()
	}
	f.release = nil
}

// subscribeTime bounds one try to subscribe.
const subscribeTime = 5 * time.Second

func (f *feed) subscribe(ctx context.Context) (messaging.Source, error) {
	ctx, cancel := context.WithTimeout(ctx, subscribeTime)
	defer cancel()
	return f.route.Bus.Subscribe(ctx, messaging.Subscription{
		Subject: f.config.Subject, Group: f.config.Group, Durable: f.config.Durable,
		Wait: f.deadline + settleTime, Pending: f.config.Concurrency * pendingEach,
	})
}

// loop takes messages, and subscribes anew where a subscription has ended, until the feed is stopped.
func (f *feed) loop(begin <-chan struct{}) {
	defer close(f.done)
	defer f.free()
	src := f.first
	select {
	case <-begin:
	case <-f.taking.Done():
	}
	for failed := 0; f.taking.Err() == nil; {
		if src == nil {
			var err error
			if src, err = f.subscribe(f.taking); err != nil {
				if failed++; failed == 1 {
					f.log.Warn("cannot subscribe; going on trying", "system", f.route.Backend.System(), "reason", err)
				}
				f.sleep(backoff(250*time.Millisecond, failed, 15*time.Second))
				continue
			}
			if failed > 0 {
				f.log.Info("subscribed again", "system", f.route.Backend.System())
			}
			failed = 0
		}
		f.take(src)
		_ = src.Close() // what it kept, the broker has
		if src = nil; f.taking.Err() == nil {
			f.sleep(backoff(250*time.Millisecond, 1, time.Second))
		}
	}
	if src != nil {
		_ = src.Close()
	}
}

func (f *feed) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.taking.Done():
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
func (f *feed) take(src messaging.Source) {
	ctx, cancel := context.WithCancel(f.taking)
	defer cancel()
	var all sync.WaitGroup
	for range f.config.Concurrency {
		all.Go(func() {
			for {
				d, err := src.Next(ctx)
				if err != nil {
					if ctx.Err() == nil {
						f.log.Warn("the subscription has ended", "system", f.route.Backend.System(), "reason", err)
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
	f.lost.Store(0)
}

// tellLost tells the log of messages that were lost, at each power of two of them.
func (f *feed) tellLost(n int64) {
	told := f.lost.Load()
	if n >= max(2*told, 1) && f.lost.CompareAndSwap(told, n) {
		f.log.Warn("messages were lost: they came faster than they were handled; a durable subscription, more instances or a higher concurrency keep them", "lost", n)
	}
}

// bring has the component handle a message.
func (f *feed) bring(d messaging.Delivery) {
	m := d.Message()
	in := &incoming{f: f, m: m, attempt: d.Attempt(), size: len(m.Body)}
	var refuse error
	if f.config.Durable != "" && in.attempt > f.config.Attempts { // the last one ended without a word, with the process
		refuse = &cm.AnswerError{Reason: "attempts", Detail: fmt.Sprintf("the message has come %d times and was not handled", f.config.Attempts)}
	}
	_ = f.invoker.Invoke(f.ctx, &host.Invocation{ // the invoker reports a failure
		Component: f.target,
		Trigger:   TypeName,
		Name:      f.config.Subject,
		Subject:   in,
		Refuse:    refuse,
		Run:       in.run,
		Settle:    func(ctx context.Context, err error) { f.settle(ctx, d, in, err) },
	})
}

// cutTime is how long handlers that were cut may take to end.
const cutTime = time.Second

// drain takes no more messages and waits for handlers, which are cut when ctx ends.
func (f *feed) drain(ctx context.Context) error {
	f.stop()
	select {
	case <-f.done:
		return nil
	default:
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
	}
	f.cut(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
	late := time.NewTimer(cutTime)
	defer late.Stop()
	select {
	case <-f.done:
		return fmt.Errorf("trigger messaging: %s: handlers were cut: %w", f.config.Subject, context.Cause(ctx))
	case <-late.C: // a host function ignores the end of its context
		return fmt.Errorf("trigger messaging: %s: handlers that were cut did not end", f.config.Subject)
	}
}
