package http

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
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

	mu       sync.Mutex
	cond     sync.Cond
	reading  bool   // the guest's side reads src
	pumping  bool   // the host reads src, and the guest what the host has read
	ahead    []byte // what the host has read, and the guest not yet
	end      error  // how src ended; nil while it has not
	letGo    bool   // the guest reads no more
	answered bool   // the answer is complete: the client is free to go
	over     bool   // the server is done with the request
}

// expectation is a client's wish to be told to go on before it sends the body (Expect: 100-continue). net/http would tell
// it at the first read, at any time: also while, or after, the answer's head is being written. Here it is decided once,
// and never after the head.
type expectation struct {
	mu      sync.Mutex
	writer  http.ResponseWriter // nil: nothing to decide, or decided
	refused bool
}

// settle decides: go on, or not.
func (e *expectation) settle(goOn bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writer == nil {
		return
	}
	if goOn {
		e.writer.WriteHeader(http.StatusContinue)
	}
	e.refused = !goOn
	e.writer = nil
}

// inform writes an answer of status 1xx before the head, and not while the client is told to go on; 100 tells it so.
func (e *expectation) inform(w http.ResponseWriter, status int, h http.Header) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if status == http.StatusContinue {
		e.writer = nil
	}
	maps.Copy(w.Header(), h)
	w.WriteHeader(status)
	clear(w.Header())
}

// silence keeps net/http from telling a client to go on that was refused. The head has been written.
func (e *expectation) silence(w http.ResponseWriter) {
	if e.refused {
		_, _ = w.Write(nil)
	}
}

var errEnded = &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Text: "the exchange has ended"}

// Read is io.Reader's. A client that sends nothing for too long, sends too much or goes away cancels the exchange, as long as
// it has no answer; one that sends what is no body is answered with 400.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ahead) == 0 && b.end == nil {
		defer time.AfterFunc(b.timeout, b.stuck).Stop()
	}
	for len(b.ahead) == 0 && b.end == nil && (b.reading || b.pumping) {
		b.cond.Wait()
	}
	switch {
	case len(b.ahead) > 0:
		n := copy(p, b.ahead)
		b.ahead = b.ahead[n:]
		b.cond.Broadcast()
		return n, nil
	case b.end != nil:
		return 0, b.end
	}
	b.reading = true
	b.mu.Unlock()
	b.expect.settle(true)
	n, err := b.fetch(p)
	b.mu.Lock()
	b.reading = false
	b.ended(err)
	b.cond.Broadcast()
	return n, err
}

// fetch reads src once. One goroutine does at a time.
func (b *requestBody) fetch(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.size.Add(int64(n))
	if err == io.EOF && !validTrailers(b.x.r.Trailer) {
		err = errTrailer
	}
	if err != nil && err != io.EOF {
		err = b.failed(err)
	}
	return n, err
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

// ended notes an end. b.mu is held.
func (b *requestBody) ended(err error) {
	if b.end == nil {
		b.end = err
	}
}

// stuck ends a read for which the client has sent nothing for too long.
func (b *requestBody) stuck() {
	b.cancel(errSlow)
	b.control.readUntil(time.Now())
}

// cancel ends the exchange, unless it can do without the request's rest: the guest wants no more of it, or has answered and
// is told by its read.
func (b *requestBody) cancel(why error) {
	b.mu.Lock()
	needed := !b.letGo && !b.answered
	b.mu.Unlock()
	if needed {
		b.x.ctx.Cancel(why)
	}
}

// failed is what the guest is told of a read that failed with err.
func (b *requestBody) failed(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		limit := uint64(large.Limit)
		b.cancel(largeBody(large.Limit))
		return &wasihttp.Error{Code: wasihttp.RequestBodySize, Number: &limit, Err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.cancel(errSlow)
		return &wasihttp.Error{Code: wasihttp.ConnectionReadTimeout, Err: err}
	case isGone(err):
		b.cancel(errGone)
		return &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err}
	}
	b.x.decide(failure(http.StatusBadRequest)) // unless the guest has answered
	return &wasihttp.Error{Code: wasihttp.ProtocolError, Err: err}
}

// isGone says whether the client has gone away, or the connection: what else makes the read of a body fail is a body that is
// malformed.
func isGone(err error) bool {
	var broken net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose), errors.As(err, &broken):
		return true
	}
	for _, words := range []string{"unexpected EOF", "client disconnected", "stream error", "connection error", "connection lost"} {
		if strings.Contains(err.Error(), words) { // net/http exports no other sign of them
			return true
		}
	}
	return false
}

// Close is io.Closer's: the guest lets go of the body. The server owns what is below it.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letGo = true
	b.cond.Broadcast()
	return nil
}

// closeAfterReply has net/http close the connection once the answer is complete. A request that is over its limit is the
// one way to tell it so when the head is out already.
func closeAfterReply(w http.ResponseWriter) {
	_, _ = http.MaxBytesReader(w, io.NopCloser(oneByte{}), 0).Read(make([]byte, 1))
}

type oneByte struct{}

func (oneByte) Read(p []byte) (int, error) { return copy(p, "x"), nil }
