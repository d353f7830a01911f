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
	Config     any // what the broker was told, but for credentials; compared deeply
	Connection any // to the broker, where starts share that; compared by ==
	// Component handles the messages. Of feeds that are the same otherwise, those of one component go on with each other's subscriptions first.
	Component string
}

func (i Identity) same(o Identity) bool {
	return i.Connection == o.Connection && reflect.DeepEqual(i.Config, o.Config)
}

// connection is what a feed has opened of a broker. The feed uses it, and so does each subscription that was made by it, which may be another
// feed's by now.
type connection struct {
	users atomic.Int32
	free  func()
}

func (c *connection) use() *connection {
	c.users.Add(1)
	return c
}

func (c *connection) leave() {
	if c.users.Add(-1) == 0 {
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
	for _, one := range all {
		f, free, err := open(one)
		if err != nil {
			return nil, undo(err)
		}
		f.connection = (&connection{free: free}).use()
		feeds = append(feeds, f)
	}
	earlier := sameOf(feeds, before)
	for _, f := range feeds {
		if earlier[f] != nil {
			continue
		}
		if err := f.Begin(ctx); err != nil {
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

// sameOf finds for feeds those of the start before that are the same subscription: those of the same component first.
func sameOf(feeds, before []*Feed) map[*Feed]*Feed {
	earlier := map[*Feed]*Feed{}
	rest := slices.Clone(before)
	for _, sameComponent := range []bool{true, false} {
		for _, f := range feeds {
			i := slices.IndexFunc(rest, func(old *Feed) bool {
				return f.Identity.same(old.Identity) && (!sameComponent || f.Identity.Component == old.Identity.Component)
			})
			if i >= 0 && earlier[f] == nil {
				earlier[f] = rest[i]
				rest = slices.Delete(rest, i, i+1)
			}
		}
	}
	return earlier
}

// takeOver has f go on with the subscription of old, which takes no more messages. When that ends, f makes the next one itself, by its own login.
func (f *Feed) takeOver(old *Feed) {
	f.Session = old.Session
	src, via, told := old.handOver()
	f.source, f.via = src, via
	f.lost.Store(told)
}

var errHanded = errors.New("another feed has the subscription")
