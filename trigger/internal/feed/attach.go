package feed

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Identity says when a feed of the next start of a workload is the same subscription as one of the start before.
type Identity struct {
	Config     any // of the trigger, and all else that the broker was told; compared deeply
	Connection any // to the broker, where starts share that; compared by ==
}

func (i Identity) same(o Identity) bool {
	return i.Connection == o.Connection && reflect.DeepEqual(i.Config, o.Config)
}

// connection is what feeds of the same identity share of a broker.
type connection struct {
	feeds atomic.Int32 // that use it
	free  func()
}

func (c *connection) use() *connection {
	c.feeds.Add(1)
	return c
}

func (c *connection) leave() {
	if c.feeds.Add(-1) == 0 {
		c.free()
	}
}

// Feeds are those of all workloads of one trigger. Make it with [NewFeeds]. Safe for concurrent use.
type Feeds struct {
	*loop.Group
	attached loop.Attached[*Feed]
}

// NewFeeds makes an empty set of feeds.
func NewFeeds() *Feeds { return &Feeds{Group: loop.NewGroup()} }

// Attach begins the feeds of a workload. open connects a feed to its broker; free ends that, once, when the feed has
// ended. If one cannot be opened or begun, those before it are ended. detach ends them all: see [loop.Group.Drain].
func Attach[T any](ctx context.Context, g *Feeds, w *workload.Spec, all []T, open func(T) (f *Feed, free func(), err error)) (detach func(context.Context) error, err error) {
	return attach(ctx, g, w, all, nil, open)
}

// Replace is Attach for a workload of which an earlier start is attached. A feed that the earlier start has as well goes on by the same
// subscription, so that each message is brought to one of the two starts; the earlier start takes no more. After an error the
// earlier feeds go on.
func Replace[T any](ctx context.Context, g *Feeds, w *workload.Spec, all []T, open func(T) (f *Feed, free func(), err error)) (detach func(context.Context) error, err error) {
	return attach(ctx, g, w, all, g.attached.Of(w.ID()), open)
}

func attach[T any](ctx context.Context, g *Feeds, w *workload.Spec, all []T, before []*Feed, open func(T) (*Feed, func(), error)) (func(context.Context) error, error) {
	var feeds []*Feed
	undo := func(err error) error {
		for _, f := range feeds {
			f.release()
		}
		return err
	}
	earlier := map[*Feed]*Feed{}
	rest := slices.Clone(before)
	for _, one := range all {
		f, free, err := open(one)
		if err != nil {
			return nil, undo(err)
		}
		f.connection = &connection{free: free}
		f.connection.use()
		feeds = append(feeds, f)
		if i := slices.IndexFunc(rest, func(old *Feed) bool { return f.Identity.same(old.Identity) }); i >= 0 {
			earlier[f] = rest[i]
			rest = slices.Delete(rest, i, i+1)
		} else if err := f.Begin(ctx); err != nil {
			return nil, undo(err)
		}
	}
	for f, old := range earlier {
		f.takeOver(old)
	}
	for _, f := range before {
		f.Stop()
	}
	var loops []*loop.Loop
	for _, f := range feeds {
		g.Start(f.Loop, f.Run, f.release)
		loops = append(loops, f.Loop)
	}
	forget := g.attached.Set(w.ID(), feeds)
	return func(ctx context.Context) error {
		forget()
		return g.Drain(ctx, loops)
	}, nil
}

// takeOver has f go on with the subscription of old, which takes no more messages.
func (f *Feed) takeOver(old *Feed) {
	f.own = f.connection.leave // what it has opened itself is for its handler alone
	f.connection = old.connection.use()
	f.Subscribe, f.Bury = old.Subscribe, old.Bury
	src, told := old.handOver()
	f.source = src
	f.lost.Store(told)
}

var errHanded = errors.New("another feed has the subscription")
