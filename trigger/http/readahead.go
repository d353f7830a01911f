package http

import (
	"io"
	"net/http"
	"time"
)

// maxLeftover and leftoverTime bound the reads of a body that the guest does not read, so that the connection can be used again. maxLeftover is also how much is read ahead for a guest that may want it.
const (
	maxLeftover  = 64 << 10
	leftoverTime = 200 * time.Millisecond
)

// requestGrace is how long the server waits for the guest to close the request after its answer, before it sends the end of the answer.
const requestGrace = 5 * time.Millisecond

// afterAnswer is for the server's goroutine when the answer has been written: from now on the host reads the request's rest. It says
// whether the answer must be sent now, because the guest may take its time over that rest.
func (b *requestBody) afterAnswer() (send bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered = true
	if b.end != nil || b.expect.refused || b.x.grpc { // in gRPC the status ends the call both ways
		return false
	}
	b.readingAhead = true
	go b.readAhead()
	late := false
	defer time.AfterFunc(requestGrace, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		late = true
		b.cond.Broadcast()
	}).Stop()
	for b.end == nil && !b.released && !late {
		b.cond.Wait()
	}
	return b.end == nil && !b.released
}

// readAhead reads the rest of the body, until its end or until it is not needed.
func (b *requestBody) readAhead() {
	buf := takeBuffer()
	defer putBuffer(buf)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.cond.Broadcast()
	defer func() { b.readingAhead = false }()
	for left := 0; ; {
		for b.end == nil && (b.reading || len(b.buffered) >= maxLeftover && !b.released) {
			b.cond.Wait()
		}
		if b.end != nil || left >= maxLeftover {
			return
		}
		room := min(len(*buf), maxLeftover-len(b.buffered), maxLeftover-left)
		if b.released {
			room = min(len(*buf), maxLeftover-left)
		}
		b.mu.Unlock()
		n, err := b.fetch((*buf)[:room])
		b.mu.Lock()
		if b.released {
			b.buffered = nil
			left += n
		} else {
			b.buffered = append(b.buffered, (*buf)[:n]...)
		}
		b.setEnd(err)
		b.cond.Broadcast()
	}
}

// finish is for the server's goroutine, before it goes on to the next request: it waits until the guest has closed the
// body or all of it has come. If a rest is left that is large or has not come, the connection (HTTP/1) is not used again, because
// the rest would be read as the next request.
func (b *requestBody) finish(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.cond.Broadcast()
	defer func() { b.served = true }()
	for b.readingAhead && b.end == nil && !b.released {
		b.cond.Wait()
	}
	bounded := b.end == nil && (b.readingAhead || b.reading)
	switch {
	case !bounded:
	case !b.readingAhead: // of a body that will not come
		b.setReadTimeout(0)
	case r.ProtoMajor == 1:
		b.setReadTimeout(leftoverTime)
	default: // another request need not wait for this one's rest
		b.setReadTimeout(requestGrace)
	}
	for b.readingAhead || b.reading {
		b.cond.Wait()
	}
	whole := b.end == io.EOF
	b.setEnd(errEnded)
	switch {
	case r.ProtoMajor != 1:
	case !whole:
		closeAfterReply(w)
		b.control.readUntil(time.Now().Add(leftoverTime))
	case bounded:
		b.control.readUntil(time.Time{})
	}
}

// setReadTimeout has reads of src fail when some time has passed. b.mu is held, but not while the server is asked.
func (b *requestBody) setReadTimeout(d time.Duration) {
	b.mu.Unlock()
	b.endReads(d)
	b.mu.Lock()
}

// endReads has reads of src fail when some time has passed: by the server, or, where that has no deadlines, by closing src.
func (b *requestBody) endReads(d time.Duration) {
	if !b.control.readUntil(time.Now().Add(d)) {
		time.AfterFunc(d, func() { _ = b.x.r.Body.Close() }) // it may have to wait for the read that it is to end
	}
}

// waitServed waits until the server is done with the request: then all its bytes are counted.
func (b *requestBody) waitServed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.served {
		b.cond.Wait()
	}
}

// abandon says that the answer will not be whole: the request's rest is not waited for.
func (b *requestBody) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.served = true
	b.cond.Broadcast()
}

// cutReads ends the guest's part before the exchange is broken off. net/http reads on then, too, before it closes the
// connection, and must find nothing to wait for.
func (b *requestBody) cutReads() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	b.setReadTimeout(0)
	for b.readingAhead || b.reading { // once a read that was under way has ended, net/http has no reason to lift the bound
		b.cond.Wait()
	}
	b.end, b.buffered = errEnded, nil
	b.cond.Broadcast()
}
