package http

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// readAhead bounds how many bytes of a response's body the host reads ahead of the guest.
const readAhead = 32 << 10

// responseBody is the body of a response. One goroutine reads it from the network ahead of the guest, with the timeouts, so
// that the end of a small body is known however slowly the guest reads. The exchange ends when the guest has read the end.
type responseBody struct {
	ctx  context.Context // of the exchange
	x    *Exchange
	resp *http.Response

	mu           sync.Mutex
	cond         sync.Cond
	buf          []byte // a ring buffer: n bytes from off on
	off, n       int
	err          error         // with which the network's side ended; nil before
	closed       bool          // by the guest
	duration     time.Duration // from the start of the exchange to the end of the network's side; 0 before
	stalled      time.Duration
	stalledSince time.Time // when the network's side began to wait for the guest; zero if it does not wait
}

func newResponseBody(ctx context.Context, x *Exchange, resp *http.Response) *responseBody {
	b := &responseBody{ctx: ctx, x: x, resp: resp}
	b.cond.L = &b.mu
	return b
}

// pump reads the body from the network to its end.
func (b *responseBody) pump() {
	src := b.resp.Body
	defer src.Close()
	size := readAhead
	switch n := b.resp.ContentLength; {
	case src == http.NoBody:
		size = 1
	case n >= 0:
		size = int(min(n+1, readAhead)) // one more, to read the end
	}
	first, total := true, uint64(0)
	for {
		room := b.room(size)
		if room == nil {
			b.end(errCancelled)
			return
		}
		wait := valueOr(b.x.timeout.BetweenBytes, DefaultReadTimeout)
		if first {
			wait = valueOr(b.x.timeout.FirstByte, DefaultReadTimeout)
		}
		t := time.AfterFunc(wait, func() { b.x.ctx.Cancel(errReadTimeout) })
		n, err := src.Read(room)
		t.Stop()
		first = first && n == 0
		if total += uint64(n); b.x.maxBody > 0 && total > b.x.maxBody {
			n, err = n-int(total-b.x.maxBody), bodyLimit(ResponseBodySize, b.x.maxBody)
		}
		if err == io.EOF && b.ctx.Err() != nil {
			err = context.Cause(b.ctx) // the end is of the closed connection, not of the body
		}
		if b.consume(n); err != nil {
			b.end(err)
			return
		}
	}
}

// consume makes n bytes of the last room available to the guest.
func (b *responseBody) consume(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.n += n
		b.cond.Broadcast()
	}
}

// room waits for free space in the ring and returns it for the network's side to write; nil after Close.
func (b *responseBody) room(size int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf == nil && !b.closed {
		b.buf = make([]byte, size)
	}
	if b.n == len(b.buf) && !b.closed {
		b.stalledSince = time.Now()
		for b.n == len(b.buf) && !b.closed {
			b.cond.Wait()
		}
		b.stalled, b.stalledSince = b.stalledTime(), time.Time{}
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

// stop records the duration. b.mu is held.
func (b *responseBody) stop() {
	if b.duration == 0 {
		b.duration = time.Since(b.x.start)
		b.stalled, b.stalledSince = b.stalledTime(), time.Time{}
	}
}

// Read implements io.Reader for the guest.
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
		return 0, errorFrom(b.ctx, errCancelled, true)
	}
	n := copy(p, b.buf[b.off:min(b.off+b.n, len(b.buf))])
	b.off = (b.off + n) % len(b.buf)
	b.n -= n
	b.cond.Broadcast()
	return n, nil
}

// Ready says whether a Read would return without waiting.
func (b *responseBody) Ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n > 0 || b.err != nil || b.closed
}

// stalledTime is how long the network's side has waited for the guest. b.mu is held.
func (b *responseBody) stalledTime() time.Duration {
	if b.stalledSince.IsZero() {
		return b.stalled
	}
	return b.stalled + time.Since(b.stalledSince)
}

// trailers returns those of the response once the network's side has ended well.
func (b *responseBody) trailers() http.Header {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != io.EOF {
		return nil
	}
	return b.resp.Trailer
}

func (b *responseBody) times() Times {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Times{Head: b.x.head, Total: b.duration, Stalled: b.stalled}
}

// Close ends the exchange if it is under way, and discards the rest of the body.
func (b *responseBody) Close() error {
	b.mu.Lock()
	b.closed = true
	b.stop()
	b.buf, b.n, b.off = nil, 0, 0
	b.cond.Broadcast()
	b.mu.Unlock()
	b.x.ctx.Cancel(errCancelled) // unblocks a read that is under way
	b.x.finish(b.resp, nil)
	return nil
}
