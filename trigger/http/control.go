package http

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// lastWrites is how long what an ended invocation still writes may take; after as long again the connection is closed.
const lastWrites = 250 * time.Millisecond

// control is the server's side of one exchange for those who may come too late: once its handler has returned, the server
// must not be touched any more.
type control struct {
	mu   sync.Mutex
	rc   http.ResponseController
	over bool

	writing atomic.Bool // the server's goroutine waits for the client to take something
}

// readUntil has reads of the request's body fail from t on, and says whether the server can do that.
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

// end is for the handler, on its way out.
func (c *control) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// OnDone implements life.Watcher: the invocation has ended before its answer has, at its deadline, because its host stops or
// because its client went away. A write that waits for the client must not hold the instance any longer.
func (x *exchange) OnDone() { go x.cut() }

// cut ends the writes of an exchange whose invocation has ended: first those of the exchange alone, and then, where its
// client does not even take that (of an HTTP/2 connection on which nothing moves), the connection. What is left to write when
// a healthy client is there takes less than lastWrites.
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
