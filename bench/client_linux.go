package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"
)

// requestAll sends the same request over n connections until ctx ends and calls done after each. One thread waits for all of
// them with epoll, as wrk does: a goroutine for each connection would cost twice as much, which a machine of few cores would
// measure as well.
func requestAll(ctx context.Context, addr string, text []byte, n int, done func(time.Duration, error)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := newPoller(addr, text)
	if err != nil {
		return err
	}
	defer p.close()
	for range n {
		p.begin(&link{fd: -1}, done)
	}
	events := make([]syscall.EpollEvent, 256)
	for p.running > 0 {
		k, err := syscall.EpollWait(p.fd, events, 100)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		over := ctx.Err() != nil
		for _, e := range events[:max(k, 0)] {
			c := p.links[e.Fd]
			if c == nil {
				continue
			}
			finished, err := p.serve(c)
			if !finished && err == nil {
				continue
			}
			done(time.Since(c.start), err)
			if err != nil || c.r.close {
				p.drop(c)
			}
			if p.running--; !over {
				p.begin(c, done)
			}
		}
		if k <= 0 {
			p.expire(over, done)
		}
	}
	return nil
}

// link is one connection.
type link struct {
	fd    int // -1: none yet
	start time.Time
	out   []byte // unsent rest of the request
	wait  bool   // until the socket is writable
	got   bool   // the response is complete
	r     reply
}

// poller has all connections of one measurement.
type poller struct {
	fd      int
	addr    syscall.SockaddrInet4
	text    []byte
	buf     []byte
	links   map[int32]*link
	running int // requests under way
}

func newPoller(addr string, text []byte) (*poller, error) {
	at, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	p := &poller{text: text, buf: make([]byte, 64<<10), links: map[int32]*link{}, addr: syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}}
	if p.fd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

func (p *poller) close() {
	for _, c := range p.links {
		p.drop(c)
	}
	_ = syscall.Close(p.fd)
}

func (p *poller) drop(c *link) {
	if c.fd >= 0 {
		delete(p.links, int32(c.fd))
		_ = syscall.Close(c.fd)
		c.fd = -1
	}
}

// begin sends the next request on c, which it connects if necessary. A failed connection is reported and not retried.
func (p *poller) begin(c *link, done func(time.Duration, error)) {
	c.start = time.Now()
	if c.fd < 0 {
		if err := p.connect(c); err != nil {
			done(time.Since(c.start), err)
			return
		}
	}
	c.r.reset()
	c.out, c.got = p.text, false
	p.running++
	if err := p.send(c); err != nil {
		p.running--
		p.drop(c)
		done(time.Since(c.start), err)
	}
}

func (p *poller) connect(c *link) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	err = syscall.Connect(fd, &p.addr)
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if err == nil {
		err = syscall.SetNonblock(fd, true)
	}
	if err == nil {
		err = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
	}
	if err != nil {
		_ = syscall.Close(fd)
		return fmt.Errorf("connect: %w", err)
	}
	c.fd, c.wait = fd, false
	p.links[int32(fd)] = c
	return nil
}

// send writes as much as the socket accepts, and polls for the rest.
func (p *poller) send(c *link) error {
	for len(c.out) > 0 {
		n, err := syscall.Write(c.fd, c.out)
		if err == syscall.EAGAIN {
			break
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		c.out = c.out[n:]
	}
	if wait := len(c.out) > 0; wait != c.wait {
		c.wait = wait
		e := &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}
		if wait {
			e.Events |= syscall.EPOLLOUT
		}
		return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, c.fd, e)
	}
	return nil
}

// serve reads or writes what c is ready for, and says whether its response is complete.
func (p *poller) serve(c *link) (finished bool, err error) {
	if len(c.out) > 0 {
		if err := p.send(c); err != nil {
			return false, err
		}
	}
	n, err := syscall.Read(c.fd, p.buf)
	switch {
	case err == syscall.EAGAIN:
	case err != nil:
		return false, fmt.Errorf("read: %w", err)
	case n == 0:
		return false, io.ErrUnexpectedEOF
	default:
		if c.got, err = c.r.feed(p.buf[:n]); err != nil {
			return false, err
		}
	}
	if !c.got || len(c.out) > 0 {
		return false, nil
	}
	if c.r.status != 200 {
		err = fmt.Errorf("status %d", c.r.status)
	}
	return true, err
}

// expire fails requests that have waited too long.
func (p *poller) expire(over bool, done func(time.Duration, error)) {
	for _, c := range p.links {
		if since := time.Since(c.start); since > answerTime {
			p.drop(c)
			done(since, fmt.Errorf("no answer after %v", answerTime))
			if p.running--; !over {
				p.begin(c, done)
			}
		}
	}
}
