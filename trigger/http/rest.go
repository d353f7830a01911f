package http

import (
	"io"
	"net/http"
	"time"
)

// maxLeftover and leftoverTime bound what is read of a body that the guest does not want, so that the connection can be
// used again. maxLeftover is also how much is read ahead for a guest that may want it.
const (
	maxLeftover  = 64 << 10
	leftoverTime = 200 * time.Millisecond
)

// soon is how long the server waits for the guest to be done with a request whose answer it has given, before it sends the
// end of the answer by itself.
const soon = 5 * time.Millisecond

// begin is for the server's goroutine when the answer has been written: from now on the host reads the request's rest. It says
// whether the answer must be sent now, because the guest may take its time over that rest.
func (b *requestBody) begin() (send bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered = true
	if b.end != nil || b.expect.refused {
		return false
	}
	b.pumping = true
	go b.pump()
	late := false
	defer time.AfterFunc(soon, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		late = true
		b.cond.Broadcast()
	}).Stop()
	for b.end == nil && !b.letGo && !late {
		b.cond.Wait()
	}
	return b.end == nil && !b.letGo
}

// pump reads the rest of the body, until its end or until nobody wants it.
func (b *requestBody) pump() {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.cond.Broadcast()
	defer func() { b.pumping = false }()
	for left := 0; ; {
		for b.end == nil && (b.reading || len(b.ahead) >= maxLeftover && !b.letGo) {
			b.cond.Wait()
		}
		if b.end != nil || left >= maxLeftover {
			return
		}
		room := min(len(*buf), maxLeftover-len(b.ahead), maxLeftover-left)
		if b.letGo {
			room = min(len(*buf), maxLeftover-left)
		}
		b.mu.Unlock()
		n, err := b.fetch((*buf)[:room])
		b.mu.Lock()
		if b.letGo {
			b.ahead = nil
			left += n
		} else {
			b.ahead = append(b.ahead, (*buf)[:n]...)
		}
		b.ended(err)
		b.cond.Broadcast()
	}
}

// finish is for the server's goroutine, before it goes on to the next request: it waits until the guest has let go of the
// body or all of it has come. Where a rest is left that is not small and there already, the connection (HTTP/1) is not used
// again: the next request could not be told from the rest.
func (b *requestBody) finish(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.cond.Broadcast()
	defer func() { b.over = true }()
	for b.pumping && b.end == nil && !b.letGo {
		b.cond.Wait()
	}
	bounded := b.end == nil && (b.pumping || b.reading)
	switch {
	case !bounded:
	case !b.pumping: // of a body that will not come
		b.bound(0)
	case r.ProtoMajor == 1:
		b.bound(leftoverTime)
	default: // another request need not wait for this one's rest
		b.bound(soon)
	}
	for b.pumping || b.reading {
		b.cond.Wait()
	}
	whole := b.end == io.EOF
	b.ended(errEnded)
	switch {
	case r.ProtoMajor != 1:
	case !whole:
		closeAfterReply(w)
		b.control.readUntil(time.Now().Add(leftoverTime))
	case bounded:
		b.control.readUntil(time.Time{})
	}
}

// bound has reads of src fail when some time has passed. b.mu is held, but not while the server is asked.
func (b *requestBody) bound(d time.Duration) {
	b.mu.Unlock()
	b.control.readUntil(time.Now().Add(d))
	b.mu.Lock()
}

// await waits until the server is done with the request: all is counted that came of it.
func (b *requestBody) await() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.over {
		b.cond.Wait()
	}
}

// giveUp says that the answer is not going to be whole: nobody is to wait for the request's rest.
func (b *requestBody) giveUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.cond.Broadcast()
}

// cut ends the guest's part before the exchange is broken off. net/http reads on then, too, before it closes the
// connection, and must find nothing to wait for.
func (b *requestBody) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letGo = true
	b.bound(0)
	for b.pumping || b.reading { // once a read that was under way has ended, net/http has no reason to lift the bound
		b.cond.Wait()
	}
	b.end, b.ahead = errEnded, nil
	b.cond.Broadcast()
}

// lastChunk ends a body that is sent in chunks.
const lastChunk = "0\r\n\r\n"

// endBody ends the answer while its handler runs on. net/http sends the last chunk when the handler returns, and has no other
// way: it is sent here, and left out there. All that the handler has written must have been flushed.
func (c *watched) endBody() error {
	n, err := io.WriteString(c.Conn, lastChunk)
	c.sent = n
	return err
}

// Write is net.Conn's. Only the goroutine that serves a request writes.
func (c *watched) Write(p []byte) (int, error) {
	n := min(c.sent, len(p))
	c.sent -= n
	if n == len(p) && n > 0 {
		return n, nil
	}
	m, err := c.Conn.Write(p[n:])
	return n + m, err
}
