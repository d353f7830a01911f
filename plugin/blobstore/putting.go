package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// putting is a Put under way, on a goroutine that ends with it, of what is written meanwhile. A backend that takes nothing holds back
// who writes.
type putting struct {
	writer *wasiio.Writer
	pipe   *io.PipeWriter
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // of Put, once done is closed
}

// dropWait bounds how long a value that is dropped waits for its backend to give up.
const dropWait = 5 * time.Second

var errEarly = errors.New("the backend has not read all of the object")

// newPutting begins a Put that starts with what is written already. It ends with ctx, that is with the invocation.
func newPutting(ctx context.Context, to place, first []byte) *putting {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancelCause(ctx)
	p := &putting{writer: wasiio.NewWriter(struct{ io.Writer }{w}), pipe: w, cancel: cancel, done: make(chan struct{})} // the pipe is closed here alone
	p.writer.Charge(cm.AccountOf(ctx))
	context.AfterFunc(ctx, func() { r.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer close(p.done)
		p.err = put(ctx, to, io.MultiReader(bytes.NewReader(first), r))
		why := p.err
		if why == nil {
			why = errEarly // after the end nobody writes
		}
		r.CloseWithError(failed(why))
	}()
	return p
}

// put is Put; a panic of the backend's is an error, since it would be nobody's on this goroutine.
func put(ctx context.Context, to place, data io.Reader) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the backend panicked: %v", r)
		}
	}()
	_, err = to.store.Put(ctx, to.container, to.object, data)
	return err
}

// finish tells the backend that this is all, and waits for it.
func (p *putting) finish(ctx context.Context) error {
	defer cm.Waiting(ctx)()
	defer p.cancel(nil)
	if err := p.writer.Drain(ctx); err != nil {
		p.pipe.CloseWithError(err)
		if ctx.Err() != nil {
			return err
		}
		select {
		case <-p.done: // it is what has failed, or is told of what has
			if p.err != nil {
				err = p.err
			}
		case <-ctx.Done():
		}
		return err
	}
	p.pipe.Close() // it never fails
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// abort has the backend leave what was there, and waits for a while until it has given up.
func (p *putting) abort(ctx context.Context) {
	p.writer.Abort(errUnfinished)
	p.pipe.CloseWithError(errUnfinished)
	p.cancel(errUnfinished)
	ctx, stop := context.WithTimeout(ctx, dropWait)
	defer stop()
	select {
	case <-p.done:
	case <-ctx.Done():
	}
}
