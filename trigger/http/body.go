package http

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/life"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// maxLeftover and leftoverTime bound what is read of a body that the guest did not want, so that the connection can be
// used again.
const (
	maxLeftover  = 64 << 10
	leftoverTime = 200 * time.Millisecond
)

// requestBody is a request's body as the guest reads it: counted, bounded, and not to stand still for ever.
type requestBody struct {
	src     io.Reader
	control *control
	timeout time.Duration
	ctx     *life.Context // of the exchange
	size    atomic.Int64

	expect expectation
	mu     sync.Mutex // held while src is read
	ended  bool       // src has given its end
	closed atomic.Bool
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

// Read is io.Reader's. A client that sends nothing for too long, sends too much or goes away cancels the exchange.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, &wasihttp.Error{Code: wasihttp.ConnectionTerminated}
	}
	stuck := time.AfterFunc(b.timeout, func() {
		b.ctx.Cancel(errSlow)
		b.control.readUntil(time.Now())
	})
	b.expect.settle(true)
	n, err := b.src.Read(p)
	stuck.Stop()
	b.size.Add(int64(n))
	if err == nil {
		return n, nil
	}
	var large *http.MaxBytesError
	switch {
	case err == io.EOF:
		b.ended = true
		return n, io.EOF
	case errors.As(err, &large):
		b.ctx.Cancel(largeBody(large.Limit))
		limit := uint64(large.Limit)
		return n, &wasihttp.Error{Code: wasihttp.RequestBodySize, Number: &limit, Err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.ctx.Cancel(errSlow)
		return n, &wasihttp.Error{Code: wasihttp.ConnectionReadTimeout, Err: err}
	}
	b.ctx.Cancel(errGone)
	return n, &wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err}
}

// Close is io.Closer's; the server owns the body.
func (b *requestBody) Close() error { return nil }

// release ends the guest's part, before the server goes on to the next request: a read that is under way is cut short.
// Where a rest of the body is left that is not small and there already, the connection (HTTP/1) is not used again: the
// next request could not be told from the rest.
func (b *requestBody) release(w http.ResponseWriter, r *http.Request) {
	b.closed.Store(true)
	cut := false
	if !b.mu.TryLock() {
		cut = true
		b.control.readUntil(time.Now())
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if r.ProtoMajor != 1 || b.ended || r.Body == http.NoBody {
		return
	}
	if !cut && !b.expect.refused {
		b.control.readUntil(time.Now().Add(leftoverTime))
		if _, err := io.CopyN(io.Discard, b.src, maxLeftover); err == io.EOF {
			b.control.readUntil(time.Time{})
			return
		}
	}
	closeAfterReply(w)
	b.control.readUntil(time.Now().Add(leftoverTime))
}

// cut ends the guest's part before the exchange is broken off. net/http reads on then, too, before it closes the
// connection, and must find nothing to wait for.
func (b *requestBody) cut() {
	b.closed.Store(true)
	b.control.readUntil(time.Now())
	b.mu.Lock() // once a read that was under way has ended, net/http has no reason to lift the bound
	defer b.mu.Unlock()
	b.ended = true
}

// closeAfterReply has net/http close the connection once the answer is complete. A request that is over its limit is the
// one way to tell it so when the head is out already.
func closeAfterReply(w http.ResponseWriter) {
	_, _ = http.MaxBytesReader(w, io.NopCloser(oneByte{}), 0).Read(make([]byte, 1))
}

type oneByte struct{}

func (oneByte) Read(p []byte) (int, error) { return copy(p, "x"), nil }
