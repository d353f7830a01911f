package feed

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
)

// Attach begins the feeds of a workload, and starts their loops in g. open connects a feed to its broker; free ends that, once, when the feed has
// ended. If one cannot be opened or begun, those before it are ended. detach ends them all: see [loop.Group.Drain].
func Attach[T any](ctx context.Context, g *loop.Group, all []T, open func(T) (f *Feed, free func(), err error)) (detach func(context.Context) error, err error) {
	var loops []*loop.Loop
	for _, one := range all {
		f, free, err := open(one)
		if err != nil {
			return nil, errors.Join(err, g.Drain(ctx, loops))
		}
		clean := func() {
			f.Close()
			free()
		}
		if err := f.Begin(ctx); err != nil {
			clean()
			return nil, errors.Join(err, g.Drain(ctx, loops))
		}
		g.Start(f.Loop, f.Run, clean)
		loops = append(loops, f.Loop)
	}
	return func(ctx context.Context) error { return g.Drain(ctx, loops) }, nil
}
