package blobstore

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// outgoing is an outgoing-value. What is written collects in a buffer until it is more than streamFrom and write-data has said where
// it goes; from then on it is a stream to the first place that was named. Nothing counts before it is finished: one that is dropped
// unfinished leaves nothing. Where it goes to several places, it is put in the others last.
type outgoing struct {
	body   *body // what the guest writes to; nil before it has asked for it
	data   bytes.Buffer
	to     []place
	stream *putting   // nil while data collects
	held   cm.Holding // for data and to
}

// streamFrom is how much of a value collects before it becomes a stream: a small object is put in one go.
const streamFrom = 64 << 10

// destinationBytes is what a place to which a value goes is counted as, beside its name.
const destinationBytes = 128

// errUnfinished is why a value that was dropped is not there.
var errUnfinished = errors.New("the value was dropped before it was finished")

// outgoingOf is the value behind a resource.
func outgoingOf(v bindings.OutgoingValue) (*outgoing, error) {
	return cm.ObjectAs[*outgoing](bindings.OutgoingValueType, v)
}

// OutgoingValueNewOutgoingValue implements bindings.Types.
func (s store) OutgoingValueNewOutgoingValue(context.Context) (bindings.OutgoingValue, error) {
	return &outgoing{}, nil
}

// OutgoingValueWriteBody implements bindings.OutgoingValue.
func (o *outgoing) OutgoingValueWriteBody(context.Context) (iop2.OutputStream, error) {
	if o.body != nil {
		return nil, cm.Fail(struct{}{})
	}
	o.body = &body{of: o}
	return iop2.NewOutputStream(o.body), nil
}

// Drop forgets what was written.
func (o *outgoing) Drop(ctx context.Context) error {
	if o.stream != nil {
		o.stream.abort(ctx)
	}
	o.reset()
	return nil
}

// reset gives back all that it holds.
func (o *outgoing) reset() {
	o.data, o.to, o.stream = bytes.Buffer{}, nil, nil
	o.held.Release()
}

// sendTo adds a place to which the value goes.
func (o *outgoing) sendTo(ctx context.Context, to place) error {
	if err := o.held.Hold(ctx, o.held.Bytes()+len(to.object)+destinationBytes); err != nil {
		return err
	}
	o.to = append(o.to, to)
	if o.stream == nil && o.data.Len() > streamFrom {
		o.start(ctx)
	}
	return nil
}

// start makes the value a stream to the first place.
func (o *outgoing) start(ctx context.Context) {
	o.stream = newPutting(ctx, o.to[0], o.data.Bytes())
	o.data = bytes.Buffer{}
}

// collect adds to what has no place to go yet, or is small.
func (o *outgoing) collect(ctx context.Context, p []byte) error {
	if o.data.Len()+len(p) > MaxObject {
		return errLarge
	}
	if len(p) > o.data.Available() {
		before := o.data.Cap()
		if err := o.held.Hold(ctx, o.held.Bytes()+before+len(p)); err != nil {
			return err
		}
		o.data.Grow(len(p))
		// The buffer's own rule of growth has been asked for; what it came to is what is held.
		if err := o.held.Set(o.held.Bytes() - 2*before - len(p) + o.data.Cap()); err != nil {
			return err
		}
	}
	o.data.Write(p)
	return nil
}

// OutgoingValueFinish implements bindings.Types.
func (s store) OutgoingValueFinish(ctx context.Context, this bindings.OutgoingValue) error {
	o, err := outgoingOf(this)
	if err != nil {
		return err
	}
	defer o.reset()
	rest := o.to
	if o.stream != nil {
		if err := o.stream.finish(ctx); err != nil {
			return fail(ctx, err, rest[0].container)
		}
		for _, to := range rest[1:] {
			if err := rest[0].copyTo(ctx, to); err != nil {
				return fail(ctx, err)
			}
		}
		return nil
	}
	for _, to := range rest {
		if _, err := to.store.Put(ctx, to.container, to.object, bytes.NewReader(o.data.Bytes())); err != nil {
			return fail(ctx, err, to.container)
		}
	}
	return nil
}

// body is the stream to write a value to.
type body struct {
	of     *outgoing
	closed bool
}

var _ wasiio.OutputStream = (*body)(nil)

// Ready is Pollable's: what collects is taken at once.
func (b *body) Ready() bool {
	s := b.of.stream
	return b.closed || s == nil || s.writer.Ready()
}

// Watch is Pollable's.
func (b *body) Watch(wake chan<- struct{}) (stop func()) {
	if s := b.of.stream; s != nil {
		return s.writer.Watch(wake)
	}
	return func() {}
}

// CheckWrite is OutputStream's.
func (b *body) CheckWrite(ctx context.Context) (uint64, error) {
	switch s := b.of.stream; {
	case b.closed:
		return 0, io.EOF
	case s != nil:
		return s.writer.CheckWrite(ctx)
	}
	return wasiio.WriteBuffer, nil
}

// Write is OutputStream's.
func (b *body) Write(ctx context.Context, p []byte) error {
	o := b.of
	if b.closed {
		return io.EOF
	}
	if o.stream == nil && len(o.to) > 0 && o.data.Len()+len(p) > streamFrom {
		o.start(ctx)
	}
	if o.stream != nil {
		return o.stream.writer.Write(ctx, p)
	}
	err := o.collect(ctx, p)
	b.closed = err != nil
	return err
}

// Flush is OutputStream's. There is nothing to wait for: what is written shows when the value is finished.
func (b *body) Flush(ctx context.Context) error {
	if b.closed {
		return io.EOF
	}
	if s := b.of.stream; s != nil && s.writer.Ready() {
		_, err := s.writer.CheckWrite(ctx)
		return err
	}
	return nil
}

// Close is OutputStream's.
func (b *body) Close() error {
	b.closed = true
	if s := b.of.stream; s != nil {
		return s.writer.Close()
	}
	return nil
}
