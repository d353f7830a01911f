package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// load is the result of a client.
type load struct {
	Requests int
	Errors   int
	FirstErr string `json:",omitempty"`
	PerSec   float64
	P50, P99 time.Duration
	Max      time.Duration
}

func (l load) String() string {
	s := fmt.Sprintf("%d requests, %d errors, %.0f/s, p50 %v, p99 %v, max %v", l.Requests, l.Errors, l.PerSec,
		l.P50.Round(time.Microsecond), l.P99.Round(time.Microsecond), l.Max.Round(time.Microsecond))
	if l.FirstErr != "" {
		s += ", first error: " + l.FirstErr
	}
	return s
}

// get sends requests without a body; see request.
func get(ctx context.Context, url string, n int, pause time.Duration) load {
	return request(ctx, url, nil, n, pause)
}

// request sends requests over n connections until ctx ends, with at least the pause between those of a connection, and waits
// for those under way. Each connection sends at least one. Each response must be complete and of status 200.
func request(ctx context.Context, at string, body []byte, n int, pause time.Duration) load {
	u, err := url.Parse(at)
	if err != nil {
		return load{Errors: 1, FirstErr: err.Error()}
	}
	text := requestText(u, body)
	var mu sync.Mutex
	var sum load
	var times []time.Duration
	done := func(d time.Duration, err error) {
		times = append(times, d)
		if err != nil {
			sum.Errors++
			if sum.FirstErr == "" {
				sum.FirstErr = err.Error()
			}
		}
	}
	start := time.Now()
	if pause == 0 {
		if err := requestAll(ctx, u.Host, text, n, done); err != nil {
			done(0, err)
		}
	} else {
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				requestOne(ctx, u.Host, text, pause, func(d time.Duration, err error) {
					mu.Lock()
					defer mu.Unlock()
					done(d, err)
				})
			})
		}
		wg.Wait()
	}
	sum.Requests = len(times)
	sum.PerSec = float64(len(times)-sum.Errors) / time.Since(start).Seconds()
	if len(times) > 0 {
		slices.Sort(times)
		sum.P50, sum.P99, sum.Max = times[len(times)/2], times[len(times)*99/100], times[len(times)-1]
	}
	return sum
}

// requestOne sends requests over one connection until ctx ends, with a pause after each, and calls done after each.
func requestOne(ctx context.Context, addr string, text []byte, pause time.Duration, done func(time.Duration, error)) {
	c := &client{addr: addr, text: text, buf: make([]byte, 64<<10)}
	defer c.close()
	for first := true; first || ctx.Err() == nil; first = false {
		start := time.Now()
		err := c.once()
		done(time.Since(start), err)
		if err != nil {
			c.close()
			time.Sleep(time.Millisecond) // do not retry in a busy loop
		}
		time.Sleep(pause)
	}
}

// requestText is an encoded request.
func requestText(u *url.URL, body []byte) []byte {
	var b strings.Builder
	method := "GET"
	if body != nil {
		method = "POST"
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, u.RequestURI(), u.Host)
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	return append([]byte(b.String()), body...)
}

// answerTime bounds how long a client waits for a response.
const answerTime = 60 * time.Second

// client is one connection that sends the same request again and again.
type client struct {
	addr string
	text []byte
	buf  []byte
	conn net.Conn
	r    reply
}

// once sends the request and reads its response, on a new connection if there is none. It reads while a long request is being
// written.
func (c *client) once() error {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.addr, 10*time.Second)
		if err != nil {
			return err
		}
		c.conn = conn
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	if len(c.text) > socketBuffer {
		conn := c.conn
		go func() {
			_, err := conn.Write(c.text)
			sent <- err
		}()
	} else if _, err := c.conn.Write(c.text); err != nil {
		return err
	} else {
		sent <- nil
	}
	c.r.reset()
	for {
		n, err := c.conn.Read(c.buf)
		done, bad := c.r.feed(c.buf[:n])
		switch {
		case bad != nil:
			return bad
		case done:
			if err := <-sent; err != nil {
				return err
			}
			if c.r.close {
				c.close()
			}
			if c.r.status != 200 {
				return fmt.Errorf("status %d", c.r.status)
			}
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
}

// socketBuffer is the size of a request that fits into the buffers of a socket.
const socketBuffer = 128 << 10

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
