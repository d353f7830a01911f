package http

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// requestBody is a request's body as the guest reads it: counted, bounded, and with a timeout. The guest may read on when its answer has
// been written. Then the host reads ahead, maxLeftover bytes at most, so that neither the connection nor the end of the answer waits for
// a guest that leaves a small rest unread.
type requestBody struct {
	x       *exchange
	src     io.Reader
	control *control
	timeout time.Duration
	size    atomic.Int64 // bytes that came, read by the guest or not

	interrupted atomic.Bool // the host has ended its reads: what the server says of its client from then on is the host's doing

	expect expectation

	mu           sync.Mutex
	cond         sync.Cond
	reading      bool   // the guest's side reads src
	readingAhead bool   // the host reads src, and the guest what the host has read
	buffered     []byte // what the host has read, and the guest not yet
	end          error  // how src ended; nil while it has not
	released     bool   // the guest reads no more
	answered     bool   // the answer is complete: the client may go away
	served       bool   // the server is done with the request
}

var errEnded = &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Text: "the exchange has ended"}

// Read is io.Reader's. A client that sends nothing for too long, sends too much or goes away cancels the exchange, unless
// it is answered already; an invalid body is answered with 400.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buffered) == 0 && b.end == nil && !b.came() {
		defer time.AfterFunc(b.timeout, b.stuck).Stop()
	}
	for len(b.buffered) == 0 && b.end == nil && (b.reading || b.readingAhead) {
		b.cond.Wait()
	}
	switch {
	case len(b.buffered) > 0:
		n := copy(p, b.buffered)
		b.buffered = b.buffered[n:]
		b.cond.Broadcast()
		return n, nil
	case b.end != nil:
		return 0, b.end
	}
	b.reading = true
	b.mu.Unlock()
	b.expect.decide(true)
	n, err := b.fetch(p)
	b.mu.Lock()
	b.reading = false
	b.setEnd(err)
	b.cond.Broadcast()
	return n, err
}

// Ready says whether a Read would return without waiting, as far as is known.
func (b *requestBody) Ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.buffered) > 0 || b.end != nil || b.came()
}

// Ended says whether the next Read returns io.EOF, as far as is known.
func (b *requestBody) Ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.buffered) == 0 && b.end == io.EOF
}

// came says that the rest of the body has come and waits to be read. b.mu is held.
func (b *requestBody) came() bool {
	if b.reading || b.readingAhead || b.x.r.ProtoMajor != 1 {
		return false
	}
	c, ok := connOf(b.x.r).(*framedConn)
	return ok && c.framing.whole.Load()
}

// Interrupt implements wasihttp.Interrupter: it ends a read of an answer that is made of the body, on the server's goroutine, which nobody
// else could end.
func (b *requestBody) Interrupt() {
	b.interrupted.Store(true)
	_ = b.Close()
	b.endReads(0)
}

// fetch reads src once. One goroutine at a time calls it.
func (b *requestBody) fetch(p []byte) (int, error) {
	n, err := b.read(p)
	b.size.Add(int64(n))
	if err == io.EOF && !validTrailers(b.x.r.Trailer) {
		err = errTrailer
	}
	if err != nil && err != io.EOF {
		err = b.readError(err)
	}
	return n, err
}

// read reads src. A panic of a reader that a handler in front has set is an error: that handler could not recover on this goroutine.
func (b *requestBody) read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("reading the request's body panicked: %v", r)
		}
	}()
	return b.src.Read(p)
}

var errTrailer = errors.New("a trailer has a malformed name or value")

// validTrailers does for trailers what net/http does for a request's head.
func validTrailers(h http.Header) bool {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }) {
			return false
		}
	}
	return true
}

// setEnd notes an end. b.mu is held.
func (b *requestBody) setEnd(err error) {
	if b.end == nil {
		b.end = err
	}
}

// stuck ends a read for which the client has sent nothing for too long.
func (b *requestBody) stuck() {
	b.cancel(errSlow)
	b.endReads(0)
}

// cancel ends the exchange, unless the request's rest is not needed: the guest reads no more, or has answered and gets the error from its
// read.
func (b *requestBody) cancel(why error) {
	b.mu.Lock()
	needed := !b.released && !b.answered
	b.mu.Unlock()
	if needed {
		b.x.ctx.Cancel(why)
	}
}

// readError is the error that the guest gets for a read that failed with err.
func (b *requestBody) readError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		limit := uint64(large.Limit)
		b.cancel(largeBody(large.Limit))
		return &wasihttp.Error{Code: wasihttp.RequestBodySize, Number: &limit, Err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.cancel(errSlow)
		return &wasihttp.Error{Code: wasihttp.ConnectionReadTimeout, Err: err}
	case errors.Is(err, http.ErrBodyReadAfterClose) && !b.x.duplex: // the server has closed it because the answer has begun
		return &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err}
	case isGone(err):
		b.cancel(errGone)
		return &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err}
	}
	b.x.decide(failure(http.StatusBadRequest)) // unless the guest has answered
	return &wasihttp.Error{Code: wasihttp.ProtocolError, Err: err}
}

// Close is io.Closer's: the guest reads no more. The body below is the server's.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	b.cond.Broadcast()
	return nil
}
