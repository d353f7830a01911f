package http

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// lastWrites is how long the writes of an ended invocation may take; after as long again the connection is closed.
const lastWrites = 250 * time.Millisecond

// control guards the server's side of one exchange: once its handler has returned, the server must not be used any more.
type control struct {
	mu   sync.Mutex
	rc   http.ResponseController
	over bool

	writing atomic.Bool // the server's goroutine waits for the client to take something
}

// readUntil has reads of the request's body fail from t on, and says whether the server supports that.
func (c *control) readUntil(t time.Time) bool {
	return c.set(t, (*http.ResponseController).SetReadDeadline)
}

// writeUntil has writes of the answer fail from t on.
func (c *control) writeUntil(t time.Time) { c.set(t, (*http.ResponseController).SetWriteDeadline) }

func (c *control) set(t time.Time, f func(*http.ResponseController, time.Time) error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over || !errors.Is(f(&c.rc, t), http.ErrNotSupported)
}

// flush is for the server's goroutine. A writer that cannot flush has sent, or will send, what it has.
func (c *control) flush() error {
	if err := c.rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// closeConn closes the connection, with all that goes over it.
func (c *control) closeConn(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && conn != nil {
		conn.Close()
	}
}

// end is called when the handler returns.
func (c *control) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// OnDone implements reqctx.Listener: the invocation has ended before its answer, at its deadline, because its host stops or because its
// client went away. A write that waits for the client must not keep the instance any longer.
func (x *exchange) OnDone() { go x.cut() }

// cut ends the writes of an exchange whose invocation has ended: first those of the exchange alone, and then, if the
// client does not take the end of those either (an HTTP/2 connection on which nothing moves), the connection. With a healthy client the
// last writes take less than lastWrites.
func (x *exchange) cut() {
	tick := time.NewTicker(lastWrites)
	defer tick.Stop()
	for tried := false; ; {
		select {
		case <-x.written:
			return
		case <-tick.C:
		}
		switch {
		case !x.control.writing.Load():
		case !tried:
			tried = true
			x.control.writeUntil(time.Now())
		default:
			x.control.closeConn(connOf(x.r))
		}
	}
}

// send runs f, which writes to the client, for as long as the client takes something within timeout.
func (x *exchange) send(timeout time.Duration, f func() error) error {
	x.watchClient(timeout)
	defer x.takeTimer.Stop()
	return x.await(f)
}

// await runs f, which writes to the client: the end of the invocation ends it.
func (x *exchange) await(f func() error) error {
	x.control.writing.Store(true)
	defer x.control.writing.Store(false)
	return f()
}
