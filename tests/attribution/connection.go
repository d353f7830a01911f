package attribution

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// connection is one of the load's, with what is needed to find out why it carried an answer that nobody expected.
type connection struct {
	net.Conn
	made time.Time

	mu       sync.Mutex
	requests int    // begun on it
	last     string // of those that have ended, how
	ended    time.Time
}

// dial makes connections.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, made: time.Now()}, nil
}

// carried is the connection of a request: what came before it there, and, of an answer that nobody expected, what it was.
type carried struct {
	mu      sync.Mutex
	conn    *connection
	history string
}

// follow has c learn which connection carries a request that is sent in the context that it returns.
func (c *carried) follow(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn, ok := info.Conn.(*connection)
		if !ok {
			return
		}
		conn.mu.Lock()
		defer conn.mu.Unlock()
		conn.requests++
		history := fmt.Sprintf("request %d of connection %v, which is %v old", conn.requests, conn.LocalAddr(), time.Since(conn.made).Round(time.Millisecond))
		if conn.last != "" {
			history += fmt.Sprintf("; %v before it ended %s", time.Since(conn.ended).Round(time.Microsecond), conn.last)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conn, c.history = conn, history
	}})
}

// over notes on the connection how r has ended.
func (c *carried) over(r *request) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	conn.ended = time.Now()
	conn.last = fmt.Sprintf("request %d, %s %s with a body of %d bytes: status %d, error %v", r.n, r.method, r.path, len(r.body), r.status, r.err)
}

// evidence is what an answer of an unexpected status was.
func (c *carried) evidence(resp *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, ", resp.Proto, resp.Status)
	_ = resp.Header.Write(&b)
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%.600q, body %.200q, closes: %t; %s", b.String(), body, resp.Close, c.history)
}
