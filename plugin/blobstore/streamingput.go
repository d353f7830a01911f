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

// streamingPut is a running Put, on a goroutine that ends with it, of the guest's writes. A backend that does not read blocks the
// guest's writes.
type streamingPut struct {
	writer *wasiio.Writer
	pipe   *io.PipeWriter
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // of Put, once done is closed
}

// dropWait bounds the wait for the backend to cancel the Put of a dropped value.
const dropWait = 5 * time.Second

var errNotReadToEnd = errors.New("the backend has not read all of the object")

// startPut starts a Put that begins with first. It ends with ctx, which is the invocation's.
func startPut(ctx context.Context, to location, first []byte) *streamingPut {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancelCause(ctx)
	p := &streamingPut{writer: wasiio.NewWriter(struct{ io.Writer }{w}), pipe: w, cancel: cancel, done: make(chan struct{})} // the pipe is closed here alone
	p.writer.Charge(cm.AccountOf(ctx))
	context.AfterFunc(ctx, func() { r.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer close(p.done)
		p.err = put(ctx, to, io.MultiReader(bytes.NewReader(first), r))
		why := p.err
		if why == nil {
			why = errNotReadToEnd // later writes would block for ever
		}
		r.CloseWithError(streamError(why))
	}()
	return p
}

// put calls Put and turns the backend's panic into an error, since nothing would recover it on this goroutine.
func put(ctx context.Context, to location, data io.Reader) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the backend panicked: %v", r)
		}
	}()
	_, err = to.store.Put(ctx, to.container, to.object, data)
	return err
}

// finish ends the data and waits for the Put.
func (p *streamingPut) finish(ctx context.Context) error {
	defer cm.Waiting(ctx)()
	defer p.cancel(nil)
	if err := p.writer.Drain(ctx); err != nil {
		p.pipe.CloseWithError(err)
		if ctx.Err() != nil {
			return err
		}
		select {
		case <-p.done: // the Put has ended, and p.err has the reason
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

// abort fails the Put, so that the backend leaves the old object, and waits for it up to dropWait.
func (p *streamingPut) abort(ctx context.Context) {
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
