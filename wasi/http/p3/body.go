package httpp3

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// The types of the values that belong to a body.
type (
	bytesReader    = *cm.StreamReader[uint8]
	trailersReader = *cm.FutureReader[cm.Result[Trailers, ErrorCode]]
	resultReader   = *cm.FutureReader[flow.Result[ErrorCode]]
	bodyReader     = cm.Tuple2[bytesReader, trailersReader]
)

// content is the body of a guest's message, with its trailers. It is used once: sent, consumed by the guest itself, or dropped.
type content struct {
	scope    flow.Scope
	bytes    bytesReader // nil: no bytes
	trailers trailersReader
	result   func(ctx context.Context, err error) // sets the future of the transmission's result

	over     bool                      // all bytes have been read
	awaited  bool                      // the trailers have been read
	received *wasihttp.AccountedFields // the trailers; nil if there are none
	done     chan struct{}             // closed when a body that is sent has ended
}

var _ wasihttp.BodySource = (*content)(nil)

func newContent(ctx context.Context, bytes bytesReader, trailers trailersReader) (*content, resultReader) {
	c := &content{scope: flow.Of(ctx), bytes: bytes, trailers: trailers}
	var r resultReader
	r, c.result = flow.Outcome(errorCode)
	return c, r
}

var errDropped = wasihttp.Errorf(wasihttp.InternalError, "the message was dropped before it was sent")

// drop ends a body that is not going to be read; the error is the transmission's result.
func (c *content) drop(why error) {
	if c.bytes != nil {
		_ = c.bytes.Close()
	}
	if !c.awaited {
		_ = c.trailers.Close()
	}
	c.result(context.Background(), why)
}

// take returns the body to the guest, which reports by res how it was used.
func (c *content) take(res resultReader) bodyReader {
	c.scope.Finish(func(ctx context.Context) {
		r, err := res.Await(ctx)
		if err == nil && r.IsErr {
			err = fromErrorCode(r.Err)
		} else if errors.Is(err, cm.ErrWriterGone) {
			err = nil
		}
		c.result(ctx, err)
	})
	return bodyReader{F0: c.reader(), F1: c.trailers}
}

// reader is the stream of the bytes; without bytes, a stream that has ended.
func (c *content) reader() bytesReader {
	if c.bytes != nil {
		return c.bytes
	}
	w, r := cm.NewStream[uint8]()
	_ = w.Close()
	return r
}

// send sends the content as the body out. The channel is closed when no more of it is read.
func (c *content) send(to *wasihttp.OutgoingBody) <-chan struct{} {
	c.done = make(chan struct{})
	if c.bytes != nil {
		c.bytes.Last(to.Abort)
	}
	to.From(c)
	return c.done
}

// Read implements [wasihttp.BodySource].
func (c *content) Read(ctx context.Context, p []byte) (int, error) {
	if c.bytes == nil {
		return 0, io.EOF
	}
	n, err := c.bytes.Read(ctx, p)
	c.over = err == io.EOF
	return n, err
}

// Ready implements [wasihttp.BodySource].
func (c *content) Ready() bool {
	if c.over {
		return c.awaited || c.trailers.Ready()
	}
	return c.bytes == nil || c.bytes.Ready()
}

// Trailers implements [wasihttp.BodySource].
func (c *content) Trailers(ctx context.Context) (*wasihttp.Fields, error) {
	if err := c.awaitTrailers(ctx); err != nil || c.received == nil {
		return nil, err
	}
	return c.received.Fields, nil
}

// End implements [wasihttp.BodySource].
func (c *content) End(err error) {
	if c.received != nil {
		_ = c.received.Drop(context.Background())
	}
	c.drop(err)
	close(c.done)
}

// trailersGrace is how long a request without bytes waits for its trailers. Most guests resolve them before they wait for anything else;
// some only when they have the response, which must not be held back for that.
const trailersGrace = 5 * time.Millisecond

var (
	errNotYet       = errors.New("the trailers are not known yet")
	errLateTrailers = wasihttp.Errorf(wasihttp.InternalError, "the request was sent without a body before its trailers were set: set them before send is awaited")
)

// sendUnknown is send for a request without bytes. If its trailers are not known within trailersGrace it is sent without a body, and so
// without trailers: many servers answer only when the body has ended, and such a guest ends it only when it has the answer.
func (c *content) sendUnknown(ctx context.Context, body func() *wasihttp.OutgoingBody) error {
	soon, cancel := context.WithTimeoutCause(ctx, trailersGrace, errNotYet)
	defer cancel()
	err := c.awaitTrailers(soon)
	if !errors.Is(err, errNotYet) || ctx.Err() != nil {
		_, err = c.sendTrailers(body, err)
		return err
	}
	c.scope.Finish(func(ctx context.Context) {
		err := c.awaitTrailers(ctx)
		if c.received != nil {
			_ = c.received.Drop(ctx)
			err = errLateTrailers
		}
		c.drop(err)
	})
	return nil
}

// sendEmpty is send for a body without bytes: it waits for the trailers, and without any sends no body.
func (c *content) sendEmpty(ctx context.Context, body func() *wasihttp.OutgoingBody) (<-chan struct{}, error) {
	return c.sendTrailers(body, c.awaitTrailers(ctx))
}

// sendTrailers sends the trailers that awaitTrailers has read, if there are any.
func (c *content) sendTrailers(body func() *wasihttp.OutgoingBody, err error) (<-chan struct{}, error) {
	if err != nil || c.received == nil {
		c.drop(err)
		return nil, err
	}
	return c.send(body()), nil
}

// awaitTrailers waits for the trailers and keeps them.
func (c *content) awaitTrailers(ctx context.Context) error {
	if c.awaited {
		return nil
	}
	r, err := c.trailers.Await(ctx)
	switch {
	case errors.Is(err, cm.ErrWriterGone):
		return wasihttp.ErrUnfinished
	case err != nil:
		return err
	}
	c.awaited = true
	switch {
	case r.IsErr:
		return fromErrorCode(r.Err)
	case r.OK == nil:
		return nil
	}
	f, err := cm.ObjectAs[fields](FieldsType, r.OK)
	if err != nil {
		return err
	}
	c.received = f.AccountedFields
	return nil
}

// consume gives the guest a body from the network as a stream of its bytes and a future of its trailers. If the guest drops the stream,
// the rest is discarded.
func consume(ctx context.Context, body *wasihttp.IncomingBody, res resultReader) (bodyReader, error) {
	_ = res.Close() // the sender has no way to learn how the body was used
	w, r := cm.NewStream[uint8]()
	fw, fr := cm.NewFuture[cm.Result[Trailers, ErrorCode]]()
	if body.Empty() {
		_ = w.Close()
		fw.Leave(trailersOf(ctx, body, nil))
		return bodyReader{F0: r, F1: fr}, nil
	}
	err := flow.Of(ctx).Feed(w, incoming{body}, func(ctx context.Context, err error) {
		fw.Leave(trailersOf(ctx, body, err))
	})
	return bodyReader{F0: r, F1: fr}, err
}

// trailersOf returns the trailers of a body that has ended with err: nil where it was complete, or where the rest was discarded.
func trailersOf(ctx context.Context, body *wasihttp.IncomingBody, err error) cm.Result[Trailers, ErrorCode] {
	ended := body.Done().Ready()
	_ = body.Close()
	var trailers *wasihttp.Fields
	if err == nil && ended {
		trailers, err = body.Trailers(ctx)
	}
	if err == nil && trailers != nil {
		var f fields
		if f, err = newFields(ctx, trailers); err == nil {
			return cm.Result[Trailers, ErrorCode]{OK: f}
		}
	}
	if err != nil {
		return cm.Result[Trailers, ErrorCode]{IsErr: true, Err: errorCode(err)}
	}
	return cm.Result[Trailers, ErrorCode]{}
}

// incoming is a body from the network as a source of a stream.
type incoming struct{ body *wasihttp.IncomingBody }

// Read implements [flow.Source].
func (i incoming) Read(ctx context.Context, p []byte) (int, error) { return i.body.ReadUntil(ctx, p) }

// Ready implements [flow.Source].
func (i incoming) Ready() bool { return i.body.Ready() }
