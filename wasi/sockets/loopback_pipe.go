package sockets

import (
	"net/netip"
	"sync"
	"syscall"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// pipeBytes bounds what a direction of a connection holds: its writer waits for more room.
const pipeBytes = 64 << 10

// pipe is one direction of a connection in a Loopback. One goroutine at a time writes to it.
type pipe struct {
	wasiio.Event               // something may be read
	room         chan struct{} // something may be written; capacity 1

	mu       sync.Mutex
	ring     []byte // nil before the first byte
	start, n int    // of what is in it
	ended    bool   // no more is written
	refused  bool   // nobody reads any more: writes fail
	ignored  bool   // nobody reads any more: writes are dropped
	reset    bool   // the connection was reset
	deadline time.Time
	carried  uint64 // bytes that were written
}

func newPipe() *pipe { return &pipe{room: make(chan struct{}, 1)} }

// Ready implements [wasiio.Pollable]: read would not fail with would-block.
func (p *pipe) Ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n > 0 || p.ended || p.reset || p.ignored
}

// read reads what there is; 0 bytes are the end.
func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reset:
		return 0, failure(syscall.ECONNRESET)
	case p.ignored:
		return 0, nil
	case p.n == 0 && p.ended:
		return 0, nil
	case p.n == 0:
		return 0, failed(CodeWouldBlock)
	}
	total := 0
	for len(b) > 0 && p.n > 0 {
		k := copy(b, p.ring[p.start:min(p.start+p.n, len(p.ring))])
		b, total, p.n = b[k:], total+k, p.n-k
		if p.start += k; p.start == len(p.ring) {
			p.start = 0
		}
	}
	p.wakeWriter()
	return total, nil
}

// write writes all of b, and waits for room until the deadline, or the end of the connection.
func (p *pipe) write(b []byte) (int, error) {
	total := 0
	for {
		k, deadline, err := p.put(b)
		total += k
		if b = b[k:]; len(b) == 0 || err != nil {
			return total, err
		}
		expired, stop := timeout(deadline)
		select {
		case <-p.room:
		case <-expired:
			err = failed(CodeTimeout)
		}
		stop()
		if err != nil {
			return total, err
		}
	}
}

// put writes as much as there is room for.
func (p *pipe) put(b []byte) (n int, deadline time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reset:
		return 0, p.deadline, failure(syscall.ECONNRESET)
	case p.refused, p.ended:
		return 0, p.deadline, failure(syscall.EPIPE)
	case p.ignored:
		return len(b), p.deadline, nil
	}
	if p.ring == nil && len(b) > 0 {
		p.ring = make([]byte, pipeBytes)
	}
	wasEmpty := p.n == 0
	for len(b) > 0 && p.n < len(p.ring) {
		at := (p.start + p.n) % len(p.ring)
		k := copy(p.ring[at:min(at+len(p.ring)-p.n, len(p.ring))], b)
		b, n, p.n = b[k:], n+k, p.n+k
	}
	p.carried += uint64(n)
	if wasEmpty && n > 0 {
		p.Notify()
	}
	return n, p.deadline, nil
}

func (p *pipe) wakeWriter() {
	select {
	case p.room <- struct{}{}:
	default:
	}
}

func (p *pipe) setDeadline(t time.Time) {
	p.mu.Lock()
	p.deadline = t
	p.mu.Unlock()
	p.wakeWriter()
}

// change changes the pipe's state, and wakes both of its sides.
func (p *pipe) change(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	p.Notify()
	p.wakeWriter()
}

// end ends it behind the last byte.
func (p *pipe) end() { p.change(func() { p.ended = true }) }

// ignore drops what is in it and what still comes: the reader has shut it down.
func (p *pipe) ignore() { p.change(func() { p.ignored, p.ring, p.n, p.start = true, nil, 0, 0 }) }

// refuse ends it for a reader that has gone, and says whether bytes were left that nobody has read.
func (p *pipe) refuse() (unread bool) {
	p.change(func() {
		unread = p.n > 0 && !p.ignored
		p.refused, p.ring, p.n, p.start = true, nil, 0, 0
	})
	return unread
}

// abort resets it: what is in it is lost.
func (p *pipe) abort() { p.change(func() { p.reset, p.ring, p.n, p.start = true, nil, 0, 0 }) }

func (p *pipe) bytes() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.carried
}

// loopConn is one side of a connection in a Loopback.
type loopConn struct {
	in, out       *pipe
	local, remote netip.AddrPort
}

// close ends a side. As in TCP, a side that leaves bytes unread resets the connection.
func (c *loopConn) close() {
	if c.in.refuse() {
		c.out.abort()
		return
	}
	c.out.end()
}
