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

// outgoing is an outgoing-value. Writes are buffered until they exceed streamThreshold and write-data has named a destination; from
// then on they are streamed to the first destination. A value that is dropped unfinished leaves no object. Finishing copies it to
// the other destinations.
type outgoing struct {
	body         *body // the guest's output-stream; nil before it was made
	data         bytes.Buffer
	destinations []location
	stream       *streamingPut // nil while writes are buffered
	held         cm.Holding    // for data and destinations

	system, collection string // of the first destination, also when the value is finished; before there is one, the only system there is
}

// streamThreshold is how many bytes of a value are buffered before it is streamed: a small object is put at once.
const streamThreshold = 64 << 10

// destinationBytes is what a destination counts for hostMemory, besides its name.
const destinationBytes = 128

// errUnfinished ends the Put of a value that was dropped.
var errUnfinished = errors.New("the value was dropped before it was finished")

// outgoingOf is the value behind a resource.
func outgoingOf(v bindings.OutgoingValue) (*outgoing, error) {
	return cm.ObjectAs[*outgoing](bindings.OutgoingValueType, v)
}

// StoreSystem is that of the first destination. Before there is one it is that of all containers of the component; empty if they have several.
func (o *outgoing) StoreSystem() string { return o.system }

// StoreCollection is the first destination's container; empty before there is one.
func (o *outgoing) StoreCollection() string { return o.collection }

// OutgoingValueNewOutgoingValue implements bindings.Types.
func (s store) OutgoingValueNewOutgoingValue(context.Context) (bindings.OutgoingValue, error) {
	return &outgoing{system: s.system()}, nil
}

// OutgoingValueWriteBody implements bindings.OutgoingValue.
func (o *outgoing) OutgoingValueWriteBody(context.Context) (iop2.OutputStream, error) {
	if o.body != nil {
		return nil, cm.Fail(struct{}{})
	}
	o.body = &body{value: o}
	return iop2.NewOutputStream(o.body), nil
}

// Drop discards an unfinished value.
func (o *outgoing) Drop(ctx context.Context) error {
	if o.stream != nil {
		o.stream.abort(ctx)
	}
	o.reset()
	return nil
}

// reset releases all memory.
func (o *outgoing) reset() {
	o.data, o.destinations, o.stream = bytes.Buffer{}, nil, nil
	o.held.Release()
}

// addDestination adds a destination.
func (o *outgoing) addDestination(ctx context.Context, to location) error {
	if err := o.held.Hold(ctx, o.held.Bytes()+len(to.object)+destinationBytes); err != nil {
		return err
	}
	if o.destinations = append(o.destinations, to); len(o.destinations) == 1 {
		o.system, o.collection = to.store.system, to.container
	}
	if o.stream == nil && o.data.Len() > streamThreshold {
		o.startStream(ctx)
	}
	return nil
}

// startStream begins to stream the value to the first destination.
func (o *outgoing) startStream(ctx context.Context) {
	o.stream = startPut(ctx, o.destinations[0], o.data.Bytes())
	o.data = bytes.Buffer{}
}

// buffer appends p to the buffer.
func (o *outgoing) buffer(ctx context.Context, p []byte) error {
	if o.data.Len()+len(p) > MaxObject {
		return errLarge
	}
	if len(p) > o.data.Available() {
		before := o.data.Cap()
		if err := o.held.Hold(ctx, o.held.Bytes()+before+len(p)); err != nil {
			return err
		}
		o.data.Grow(len(p))
		// Grow decides about the capacity, which is what counts.
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
	rest := o.destinations
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

// body is the output-stream of a value.
type body struct {
	value  *outgoing
	closed bool
}

var _ wasiio.OutputStream = (*body)(nil)

// Ready is Pollable's. A buffer is always ready.
func (b *body) Ready() bool {
	s := b.value.stream
	return b.closed || s == nil || s.writer.Ready()
}

// Watch is Pollable's.
func (b *body) Watch(wake chan<- struct{}) (stop func()) {
	if s := b.value.stream; s != nil {
		return s.writer.Watch(wake)
	}
	return func() {}
}

// CheckWrite is OutputStream's.
func (b *body) CheckWrite(ctx context.Context) (uint64, error) {
	switch s := b.value.stream; {
	case b.closed:
		return 0, io.EOF
	case s != nil:
		return s.writer.CheckWrite(ctx)
	}
	return wasiio.WriteBuffer, nil
}

// Write is OutputStream's.
func (b *body) Write(ctx context.Context, p []byte) error {
	o := b.value
	if b.closed {
		return io.EOF
	}
	if o.stream == nil && len(o.destinations) > 0 && o.data.Len()+len(p) > streamThreshold {
		o.startStream(ctx)
	}
	if o.stream != nil {
		return o.stream.writer.Write(ctx, p)
	}
	err := o.buffer(ctx, p)
	b.closed = err != nil
	return err
}

// Flush is OutputStream's. It does not wait, since the object is visible only when the value is finished.
func (b *body) Flush(ctx context.Context) error {
	if b.closed {
		return io.EOF
	}
	if s := b.value.stream; s != nil && s.writer.Ready() {
		_, err := s.writer.CheckWrite(ctx)
		return err
	}
	return nil
}

// Close is OutputStream's.
func (b *body) Close() error {
	b.closed = true
	if s := b.value.stream; s != nil {
		return s.writer.Close()
	}
	return nil
}
