// Package memory is a broker in the process. The components of a workload share its subjects; other workloads do not see them. What a durable
// subscription keeps is gone with the process.
package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// DefaultKept is how many messages a durable subscription keeps, at most.
const DefaultKept = 10_000

// defaultPending is how many messages of a plain subscription wait, where it does not say.
const defaultPending = 1000

// Backend implements messaging.Backend.
type Backend struct {
	kept int

	mu       sync.Mutex
	owners   map[messaging.Owner]map[*subscription]struct{}
	nextName uint64 // of subjects for answers
}

var (
	_ messaging.Backend = (*Backend)(nil)
	_ messaging.Bus     = bus{}
)

// New makes a broker whose durable subscriptions keep so many messages each; 0 is DefaultKept. What comes beyond them is refused.
func New(kept int) *Backend {
	if kept <= 0 {
		kept = DefaultKept
	}
	return &Backend{kept: kept, owners: map[messaging.Owner]map[*subscription]struct{}{}}
}

// Name is the backend's name in grants.
func (*Backend) Name() string { return "memory" }

// System implements messaging.Backend.
func (*Backend) System() string { return "memory" }

// Bus implements messaging.Backend.
func (b *Backend) Bus(owner messaging.Owner) messaging.Bus { return bus{b, owner} }

type bus struct {
	b     *Backend
	owner messaging.Owner
}

// Publish implements messaging.Bus.
func (u bus) Publish(ctx context.Context, m *messaging.Message) error {
	_, err := u.publish(ctx, m)
	return err
}

// publish says how many subscriptions have got the message: all, or none where one of them is full and must not lose any.
func (u bus) publish(ctx context.Context, m *messaging.Message) (int, error) {
	if err := messaging.CheckSubject(m.Subject); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, context.Cause(ctx)
	}
	u.b.mu.Lock()
	defer u.b.mu.Unlock()
	type group struct{ subject, name string }
	groups := map[group][]*subscription{}
	var to []*subscription
	for s := range u.b.owners[u.owner] {
		switch {
		case !messaging.Covers(s.spec.Subject, m.Subject):
		case s.spec.Group == "" || s.spec.Durable != "":
			to = append(to, s)
		default:
			groups[group{s.spec.Subject, s.spec.Group}] = append(groups[group{s.spec.Subject, s.spec.Group}], s)
		}
	}
	for _, members := range groups {
		to = append(to, members[rand.IntN(len(members))])
	}
	for _, s := range to {
		if s.spec.Durable != "" && s.kept >= u.b.kept {
			return 0, fmt.Errorf("%w: the durable subscription %s keeps %d", messaging.ErrQuota, s.spec.Durable, s.kept)
		}
	}
	for _, s := range to {
		s.put(&delivery{s: s, attempt: 1, m: copyOf(m)})
	}
	return len(to), nil
}

func copyOf(m *messaging.Message) *messaging.Message {
	c := *m
	c.Body, c.Header = bytes.Clone(m.Body), maps.Clone(m.Header)
	return &c
}

// Request implements messaging.Bus. If nobody listens it is an ErrTimeout at once.
func (u bus) Request(ctx context.Context, m *messaging.Message) (*messaging.Message, error) {
	u.b.mu.Lock()
	u.b.nextName++
	reply := "_answers." + strconv.FormatUint(u.b.nextName, 10)
	u.b.mu.Unlock()
	answers, err := u.Subscribe(ctx, messaging.Subscription{Subject: reply, Pending: 1})
	if err != nil {
		return nil, err
	}
	defer answers.Close()
	out := *m
	out.Reply = reply
	n, err := u.publish(ctx, &out)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, fmt.Errorf("%w: nobody listens", messaging.ErrTimeout)
	}
	d, err := answers.Next(ctx)
	if err != nil {
		return nil, err
	}
	return d.Message(), nil
}

// Subscribe implements messaging.Bus. A second subscription of a durable name goes on with the messages of the first, which it ends.
func (u bus) Subscribe(_ context.Context, spec messaging.Subscription) (messaging.Source, error) {
	if err := messaging.CheckPattern(spec.Subject); err != nil {
		return nil, err
	}
	if spec.Pending <= 0 {
		spec.Pending = defaultPending
	}
	u.b.mu.Lock()
	defer u.b.mu.Unlock()
	all := u.b.owners[u.owner]
	if all == nil {
		all = map[*subscription]struct{}{}
		u.b.owners[u.owner] = all
	}
	if spec.Durable != "" {
		for s := range all {
			if s.spec.Durable == spec.Durable {
				if s.spec.Subject != spec.Subject {
					return nil, fmt.Errorf("the durable subscription %s is of another subject", spec.Durable)
				}
				s.spec = spec
				return &source{s: s}, nil
			}
		}
	}
	s := &subscription{bus: u, spec: spec, wake: make(chan struct{}, 1)}
	all[s] = struct{}{}
	return &source{s: s}, nil
}

// subscription is guarded by the broker's lock.
type subscription struct {
	bus   bus
	spec  messaging.Subscription
	queue []*delivery
	kept  int // messages that are not done: in the queue, or brought
	lost  int64
	wake  chan struct{}
}

// put adds a message that is new.
func (s *subscription) put(d *delivery) {
	if s.spec.Durable == "" && len(s.queue) >= s.spec.Pending {
		s.lost++
		return
	}
	s.kept++
	s.add(d)
}

func (s *subscription) add(d *delivery) {
	s.queue = append(s.queue, d)
	s.signal()
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// source is one use of a subscription.
type source struct {
	s      *subscription
	closed bool
}

var errClosed = errors.New("the subscription is closed")

// Next implements messaging.Source.
func (x *source) Next(ctx context.Context) (messaging.Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		x.s.bus.b.mu.Lock()
		switch {
		case x.closed:
			x.s.signal() // another one that waits has to see it, too
			x.s.bus.b.mu.Unlock()
			return nil, errClosed
		case len(x.s.queue) > 0:
			d := x.s.queue[0]
			x.s.queue = x.s.queue[1:]
			if len(x.s.queue) > 0 {
				x.s.signal()
			}
			x.s.bus.b.mu.Unlock()
			return d, nil
		}
		x.s.bus.b.mu.Unlock()
		select {
		case <-x.s.wake:
		case <-ctx.Done():
		}
	}
}

// Lost implements messaging.Source.
func (x *source) Lost() int64 {
	x.s.bus.b.mu.Lock()
	defer x.s.bus.b.mu.Unlock()
	return x.s.lost
}

// Close implements messaging.Source. A durable subscription keeps its messages.
func (x *source) Close() error {
	b := x.s.bus.b
	b.mu.Lock()
	defer b.mu.Unlock()
	x.closed = true
	x.s.signal()
	if x.s.spec.Durable != "" {
		return nil
	}
	x.s.queue = nil
	all := b.owners[x.s.bus.owner]
	if delete(all, x.s); len(all) == 0 {
		delete(b.owners, x.s.bus.owner)
	}
	return nil
}

// delivery implements messaging.Delivery.
type delivery struct {
	s       *subscription
	attempt int
	m       *messaging.Message
	settled bool
}

// Message implements messaging.Delivery.
func (d *delivery) Message() *messaging.Message { return copyOf(d.m) }

// Attempt implements messaging.Delivery.
func (d *delivery) Attempt() int { return d.attempt }

// settle says whether the delivery was not settled before.
func (d *delivery) settle() bool {
	first := !d.settled
	d.settled = true
	return first
}

// Done implements messaging.Delivery.
func (d *delivery) Done(context.Context) error {
	d.s.bus.b.mu.Lock()
	defer d.s.bus.b.mu.Unlock()
	if d.settle() {
		d.s.kept--
	}
	return nil
}

// Retry implements messaging.Delivery.
func (d *delivery) Retry(_ context.Context, after time.Duration) error {
	b := d.s.bus.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if !d.settle() {
		return nil
	}
	if d.s.spec.Durable == "" {
		d.s.kept--
		return messaging.ErrNoRetry
	}
	next := &delivery{s: d.s, attempt: d.attempt + 1, m: d.m}
	time.AfterFunc(after, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		d.s.add(next)
	})
	return nil
}
