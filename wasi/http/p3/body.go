package httpp3

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/wasi/internal/flow"
)

// The types of what goes with a body.
type (
	bytesReader    = *cm.StreamReader[uint8]
	trailersReader = *cm.FutureReader[cm.Result[Trailers, ErrorCode]]
	resultReader   = *cm.FutureReader[flow.Result[ErrorCode]]
	bodyReader     = cm.Tuple2[bytesReader, trailersReader]
)

// content is the body of a message that a guest has made, with its trailers. It is used once: sent, taken back or dropped.
type content struct {
	scope    flow.Scope
	bytes    bytesReader // nil: there are none
	trailers trailersReader
	result   func(ctx context.Context, err error) // sets the future of the transmission's result, and waits until that is read
}

func newContent(ctx context.Context, bytes bytesReader, trailers trailersReader) (*content, resultReader) {
	c := &content{scope: flow.Of(ctx), bytes: bytes, trailers: trailers}
	var r resultReader
	r, c.result = flow.Outcome(errorCode)
	return c, r
}

var errDropped = wasihttp.Errorf(wasihttp.InternalError, "the message was dropped before it was sent")

// drop ends a body that nobody will read, and says why.
func (c *content) drop(why error) {
	if c.bytes != nil {
		_ = c.bytes.Close()
	}
	_ = c.trailers.Close()
	c.finish(why)
}

// finish says how the transmission has ended.
func (c *content) finish(err error) {
	c.scope.Finish(func(ctx context.Context) { c.result(ctx, err) })
}

// take hands the body on to the guest, which says by res how its use has ended.
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

// reader is the stream of the bytes; an ended one if there are none.
func (c *content) reader() bytesReader {
	if c.bytes != nil {
		return c.bytes
	}
	w, r := cm.NewStream[uint8]()
	_ = w.Close()
	return r
}

// transfer is a body on its way.
type transfer struct {
	done chan struct{} // closed when all of it has been taken from where it comes from
	stop func()        // ends it early
}

// send has to take what the guest writes, on a goroutine of its own.
func (c *content) send(to *wasihttp.OutgoingBody) (t transfer, err error) {
	t.done = make(chan struct{})
	t.stop, err = c.scope.Take(c.bytes, false, to.Write, func(ctx context.Context, err error) {
		trailers, err := c.conclude(ctx, to, err)
		close(t.done)
		if err == nil {
			err = to.Sent(ctx)
		}
		if trailers != nil {
			_ = trailers.Drop(ctx)
		}
		c.result(ctx, err)
	})
	if err != nil {
		_ = c.trailers.Close()
		c.finish(err)
	}
	return t, err
}

// conclude ends a body whose bytes have ended with err, nil at their end.
func (c *content) conclude(ctx context.Context, to *wasihttp.OutgoingBody, err error) (trailers *wasihttp.AccountedFields, _ error) {
	if err == nil {
		trailers, err = c.awaitTrailers(ctx)
	} else {
		_ = c.trailers.Close()
	}
	switch {
	case err != nil:
		to.Abort(err)
	case trailers == nil:
		err = to.Finish(nil)
	default:
		err = to.Finish(trailers.Fields)
	}
	return trailers, err
}

// trailersGrace is how long a request of no bytes waits to be told of its trailers. Most guests say that there are none before they
// wait for anything else. Some say it when they have the response, which they must get before.
const trailersGrace = 5 * time.Millisecond

// sendUnknown is send for a request of no bytes. One whose trailers are not known soon is sent without a body, and so without trailers: many
// servers answer a body that is still open when it has ended, and the guest ends it when it has the answer.
func (c *content) sendUnknown(ctx context.Context, body func() *wasihttp.OutgoingBody) error {
	soon, cancel := context.WithTimeoutCause(ctx, trailersGrace, errNotYet)
	defer cancel()
	r, err := c.trailers.Await(soon)
	if !errors.Is(err, errNotYet) || ctx.Err() != nil {
		return c.sendTrailers(ctx, body, r, err)
	}
	c.scope.Finish(func(ctx context.Context) {
		trailers, err := c.awaitTrailers(ctx)
		if trailers != nil {
			_ = trailers.Drop(ctx)
			err = errLateTrailers
		}
		c.result(ctx, err)
	})
	return nil
}

var (
	errNotYet       = errors.New("the trailers are not known yet")
	errLateTrailers = wasihttp.Errorf(wasihttp.InternalError, "the request was sent without a body before its trailers were set: set them before send is awaited")
)

// sendEmpty is send for a body of no bytes, which are not there at all unless trailers are. It waits for them.
func (c *content) sendEmpty(ctx context.Context, body func() *wasihttp.OutgoingBody) error {
	r, err := c.trailers.Await(ctx)
	return c.sendTrailers(ctx, body, r, err)
}

// sendTrailers sends what awaiting the trailers has given.
func (c *content) sendTrailers(ctx context.Context, body func() *wasihttp.OutgoingBody, r cm.Result[Trailers, ErrorCode], err error) error {
	trailers, err := c.told(r, err)
	if trailers == nil {
		c.finish(err)
		return err
	}
	to := body()
	if err = to.Finish(trailers.Fields); err != nil {
		c.finish(err)
		return err
	}
	c.scope.Finish(func(ctx context.Context) {
		err := to.Sent(ctx)
		_ = trailers.Drop(ctx)
		c.result(ctx, err)
	})
	return nil
}

// awaitTrailers waits for what comes after the bytes; nil without an error if there are no trailers.
func (c *content) awaitTrailers(ctx context.Context) (*wasihttp.AccountedFields, error) {
	return c.told(c.trailers.Await(ctx))
}

// told is what awaiting the trailers has given.
func (c *content) told(r cm.Result[Trailers, ErrorCode], err error) (*wasihttp.AccountedFields, error) {
	_ = c.trailers.Close()
	switch {
	case errors.Is(err, cm.ErrWriterGone):
		return nil, wasihttp.ErrUnfinished
	case err != nil:
		return nil, err
	case r.IsErr:
		return nil, fromErrorCode(r.Err)
	case r.OK == nil:
		return nil, nil
	}
	f, err := cm.ObjectAs[fields](FieldsType, r.OK)
	if err != nil {
		return nil, err
	}
	return f.AccountedFields, nil
}

// consume gives the guest a body from the network: its bytes as it asks for them, then its trailers. If the guest drops the stream the
// rest is not wanted.
func consume(ctx context.Context, body *wasihttp.IncomingBody, res resultReader) (bodyReader, error) {
	_ = res.Close() // who has sent the body is not told how it was used
	w, r := cm.NewStream[uint8]()
	fw, fr := cm.NewFuture[cm.Result[Trailers, ErrorCode]]()
	read := func(ctx context.Context, p []byte) (int, error) {
		stop := context.AfterFunc(ctx, func() { _ = body.Close() }) // which ends a read
		defer stop()
		n, err := body.Read(p)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return n, err
	}
	err := flow.Of(ctx).Feed(w, read, func(ctx context.Context, err error) {
		defer fw.Close()
		_ = fw.Set(ctx, trailersOf(ctx, body, err)) // the reader has gone, or the store has
	})
	return bodyReader{F0: r, F1: fr}, err
}

// trailersOf are the trailers of a body that has ended with err, nil at its end and where nobody wants the rest.
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

// forward has to take a body from the network, on a goroutine of its own.
func forward(ctx context.Context, from *wasihttp.IncomingBody, to *wasihttp.OutgoingBody) (t transfer, err error) {
	t.done = make(chan struct{})
	t.stop = func() { _ = from.Close() } // there is nobody to tell
	err = flow.Of(ctx).Go(func(ctx context.Context) {
		defer close(t.done)
		defer t.stop()
		to.Copy(ctx, from)
	})
	return t, err
}
