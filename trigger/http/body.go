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

// requestBody is a request's body as the guest reads it: counted, bounded, and not to stand still for ever. The guest may read
// on when its answer has been written. Then the host reads for it, maxLeftover bytes ahead at most, so that a small rest keeps
// neither the connection nor the end of the answer waiting for the guest.
type requestBody struct {
	x       *exchange
	src     io.Reader
	control *control
	timeout time.Duration
	size    atomic.Int64 // bytes that came, read by the guest or not

	expect expectation

	mu           sync.Mutex
	cond         sync.Cond
	reading      bool   // the guest's side reads src
	readingAhead bool   // the host reads src, and the guest what the host has read
	buffered     []byte // what the host has read, and the guest not yet
	end          error  // how src ended; nil while it has not
	released     bool   // the guest reads no more
	answered     bool   // the answer is complete: the client is free to go
	served       bool   // the server is done with the request
}

var errEnded = &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Text: "the exchange has ended"}

// Read is io.Reader's. A client that sends nothing for too long, sends too much or goes away cancels the exchange, as long as
// it has no answer; one that sends what is no body is answered with 400.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buffered) == 0 && b.end == nil {
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

// fetch reads src once. One goroutine does at a time.
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

// read reads src. A panic of a reader that a handler around this one has put there is an error: no handler is below it on this
// goroutine that could recover.
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

// cancel ends the exchange, unless it can do without the request's rest: the guest wants no more of it, or has answered and
// is told by its read.
func (b *requestBody) cancel(why error) {
	b.mu.Lock()
	needed := !b.released && !b.answered
	b.mu.Unlock()
	if needed {
		b.x.ctx.Cancel(why)
	}
}

// readError is what the guest is told of a read that failed with err.
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

// Close is io.Closer's: the guest lets go of the body. The server owns what is below it.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	b.cond.Broadcast()
	return nil
}
