package http

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// readAhead is how much of an answer's body the host holds at most that its guest has not asked for.
const readAhead = 32 << 10

// responseBody is an answer's body. One goroutine takes it from the network, with its timeouts, as far as there is room for
// what the guest has not read, so that the end of a small body is known whenever the guest reads it. What the guest reads ends
// the exchange.
type responseBody struct {
	ctx  context.Context // of the exchange
	x    *Exchange
	resp *http.Response

	mu      sync.Mutex
	cond    sync.Cond
	buf     []byte // a ring: n bytes from off on
	off, n  int
	err     error         // how the network's side ended; nil while it has not
	closed  bool          // the guest has let go
	total   time.Duration // from the start of the exchange to the end of the network's side; 0 while it has not ended
	stalled time.Duration
	since   time.Time // when the network's side began to wait for the guest; zero while it does not
}

func newResponseBody(ctx context.Context, x *Exchange, resp *http.Response) *responseBody {
	b := &responseBody{ctx: ctx, x: x, resp: resp}
	b.cond.L = &b.mu
	return b
}

// pump takes the body from the network to its end.
func (b *responseBody) pump() {
	src := b.resp.Body
	defer src.Close()
	size := readAhead
	switch n := b.resp.ContentLength; {
	case src == http.NoBody:
		size = 1
	case n >= 0:
		size = int(min(n+1, readAhead)) // one for the end
	}
	first, total := true, uint64(0)
	for {
		room := b.room(size)
		if room == nil {
			b.end(errDropped)
			return
		}
		wait := or(b.x.timeout.BetweenBytes, DefaultReadTimeout)
		if first {
			wait = or(b.x.timeout.FirstByte, DefaultReadTimeout)
		}
		t := time.AfterFunc(wait, func() { b.x.cancel(errReadTimeout) })
		n, err := src.Read(room)
		t.Stop()
		first = first && n == 0
		if total += uint64(n); b.x.maxBody > 0 && total > b.x.maxBody {
			n, err = n-int(total-b.x.maxBody), bodyLimit(ResponseBodySize, b.x.maxBody)
		}
		if err == io.EOF && b.ctx.Err() != nil {
			err = context.Cause(b.ctx) // closing the connection made the server end the body: it is not whole
		}
		if b.take(n); err != nil {
			b.end(err)
			return
		}
	}
}

// take has n bytes of the last room read by the guest.
func (b *responseBody) take(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.n += n
		b.cond.Broadcast()
	}
}

// room waits for room in the ring and gives a part of it that only the network's side touches; nil when nobody wants it.
func (b *responseBody) room(size int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf == nil && !b.closed {
		b.buf = make([]byte, size)
	}
	if b.n == len(b.buf) && !b.closed {
		b.since = time.Now()
		for b.n == len(b.buf) && !b.closed {
			b.cond.Wait()
		}
		b.stalled, b.since = b.stood(), time.Time{}
	}
	if b.closed {
		return nil
	}
	if b.n == 0 {
		b.off = 0
	}
	from := (b.off + b.n) % len(b.buf)
	if from < b.off {
		return b.buf[from:b.off]
	}
	return b.buf[from:]
}

// end ends the network's side.
func (b *responseBody) end(err error) {
	if err != io.EOF {
		err = errorFrom(b.ctx, err, true)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.stop()
	b.cond.Broadcast()
}

// stop notes when the exchange ended. b.mu is held.
func (b *responseBody) stop() {
	if b.total == 0 {
		b.total = time.Since(b.x.start)
		b.stalled, b.since = b.stood(), time.Time{}
	}
}

// Read is io.Reader's, for the guest.
func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.read(p)
	switch {
	case err == io.EOF:
		b.x.finish(b.resp, nil)
	case err != nil:
		b.x.finish(b.resp, err)
	}
	return n, err
}

func (b *responseBody) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.n == 0 && b.err == nil && !b.closed {
		b.cond.Wait()
	}
	switch {
	case b.n == 0 && b.err != nil:
		return 0, b.err
	case b.closed:
		return 0, errorFrom(b.ctx, errDropped, true)
	}
	n := copy(p, b.buf[b.off:min(b.off+b.n, len(b.buf))])
	b.off = (b.off + n) % len(b.buf)
	b.n -= n
	b.cond.Broadcast()
	return n, nil
}

// stood is how long the network's side has waited for the guest. b.mu is held.
func (b *responseBody) stood() time.Duration {
	if b.since.IsZero() {
		return b.stalled
	}
	return b.stalled + time.Since(b.since)
}

func (b *responseBody) times() Times {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Times{Head: b.x.head, Total: b.total, Stalled: b.stalled}
}

// Close ends the exchange if it is still under way: what has not come is not wanted.
func (b *responseBody) Close() error {
	b.mu.Lock()
	b.closed = true
	b.stop()
	b.buf, b.n, b.off = nil, 0, 0
	b.cond.Broadcast()
	b.mu.Unlock()
	b.x.cancel(errDropped) // unblocks a read that is under way
	b.x.finish(b.resp, nil)
	return nil
}
