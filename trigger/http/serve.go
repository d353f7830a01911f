package http

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// serve answers one request. It runs on the server's goroutine, the only one that writes the answer, and returns when the
// answer is complete; the invocation may go on.
func (t *Trigger) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{r: r}
	control := &x.control
	control.rc = *http.NewResponseController(w)
	defer control.end()
	if r.ProtoMajor == 1 && unclear(connOf(r)) {
		closeAfterReply(w)
	}
	if why := headFault(r); why != "" {
		t.config.Logger.DebugContext(r.Context(), "a request is malformed", "client", r.RemoteAddr, "why", why)
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		t.turnAway(w, r, control, http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodConnect {
		// RFC 9110 §9.3.6: what follows a 2xx are the bytes of a tunnel, which no guest can serve: its handler has a request and a response. They
		// would be read as the next request.
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		t.turnAway(w, r, control, http.StatusNotImplemented)
		return
	}
	if r.ProtoMajor == 2 {
		delete(r.Header, "Host") // it says what :authority does
	}
	if x.route = t.table.find(routePath(r)); x.route == nil {
		t.config.Logger.DebugContext(r.Context(), "no route for a request", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path)
		t.turnAway(w, r, control, http.StatusNotFound)
		return
	}
	// The invocation may outlive the answer, so that it must not end with the server's context; it has its values.
	x.ctx.BeginApart(r.Context())
	x.informs, x.decided, x.written = make(chan inform), make(chan struct{}), make(chan struct{})
	x.body.x, x.body.src, x.body.control, x.body.timeout = x, r.Body, control, t.config.ReadTimeout
	x.body.cond.L = &x.body.mu
	if r.Body == http.NoBody {
		x.body.end = io.EOF
	}
	if most := x.route.maxBody; most > 0 && r.Body != http.NoBody {
		x.body.src = http.MaxBytesReader(nil, r.Body, most) // it must not touch w on the guest's goroutine; finish does
	}
	if x.refused = x.route.refuse(r); x.refused != nil {
		x.ctx.Cancel(x.refused)
	}
	if r.ProtoMajor == 1 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") && r.Body != http.NoBody {
		x.body.expect.writer = w
	}
	if x.entered = x.route.enter(x); !x.entered {
		x.refused = late()
		x.ctx.Cancel(x.refused)
	}
	_ = control.rc.EnableFullDuplex() // HTTP/1 only; HTTP/2 is always
	in := wasihttp.NewIncomingRequest(r, &x.body)
	x.invoked.Add(1)
	go x.invoke(t, in)

	if !x.respond(w, in, t.config.WriteTimeout) {
		x.body.giveUp()
		x.invoked.Wait()
		x.body.cut()
		t.abort(r)
	}
	x.body.finish(w, r)
	t.hurry(control, x.until)
}

// respond waits for the answer and writes it, and says whether it is whole.
func (x *exchange) respond(w http.ResponseWriter, in *wasihttp.IncomingRequest, timeout time.Duration) bool {
	defer close(x.written) // whatever happens here, the invocation must not wait for ever
	defer x.deaf()
	a := x.answer(w, timeout)
	// A guest may answer first and read then: one that agrees, or has asked for the body, is taken to want it.
	x.control.writing.Store(true)
	x.body.expect.settle(a.body != nil && (a.status < 300 || in.Wanted()))
	x.control.writing.Store(false)
	x.whole = x.write(w, a, timeout)
	if !x.whole {
		return false
	}
	x.deaf() // the client is free to go: who reads what it has sent hears of that
	if x.body.begin() {
		x.whole = x.sendEnd(w, a, timeout)
	}
	return x.whole
}

// sendEnd sends an answer to its end although the handler goes on: the guest has not let go of the request. HTTP/2 has no way
// to do that, and leaves the end for later.
func (x *exchange) sendEnd(w http.ResponseWriter, a answer, timeout time.Duration) bool {
	x.control.writeUntil(time.Now().Add(timeout))
	err := x.await(x.control.rc.Flush)
	_, sized := w.Header()[contentLength]
	chunked := x.r.ProtoMajor == 1 && x.r.ProtoMinor > 0 && !sized && !bodiless(x.r.Method, a.status)
	if c, ok := connOf(x.r).(*watched); ok && chunked && err == nil && (a.body == nil || len(a.body.Trailers().TrailerHeader()) == 0) {
		err = x.await(c.endBody)
	}
	if err != nil {
		x.ctx.Cancel(errGone)
	}
	return err == nil
}

// answer waits for the answer and writes what the guest sends before it.
func (x *exchange) answer(w http.ResponseWriter, timeout time.Duration) answer {
	gone := x.r.Context().Done()
	for {
		select {
		case <-x.decided:
			return x.reply
		case i := <-x.informs:
			_ = x.send(timeout, func() error { x.body.expect.inform(w, i.status, i.header); return nil })
			close(i.done)
		case <-gone:
			x.ctx.Cancel(errGone)
			gone = nil
		}
	}
}

// listen has the exchange cancelled if the client goes away, and if it takes nothing until the timer stuck is stopped. The
// server's goroutine begins it before it may have to wait for the client to take something, or for the guest with its body.
func (x *exchange) listen(timeout time.Duration) {
	if x.stuck != nil {
		x.stuck.Reset(timeout)
		return
	}
	x.unhear = context.AfterFunc(x.r.Context(), func() { x.ctx.Cancel(errGone) })
	x.stuck = time.AfterFunc(timeout, func() {
		x.ctx.Cancel(errSlow)
		x.control.writeUntil(time.Now())
	})
}

func (x *exchange) flush(timeout time.Duration) error { return x.send(timeout, x.control.rc.Flush) }

// deaf ends what listen has begun.
func (x *exchange) deaf() {
	if x.stuck != nil {
		x.unhear()
		x.stuck.Stop()
	}
}

// turnAway answers a request that no guest sees.
func (t *Trigger) turnAway(w http.ResponseWriter, r *http.Request, control *control, status int) {
	if r.ProtoMajor == 1 && r.Body != http.NoBody {
		// net/http reads on before it answers, to use the connection again, and would wait for ever.
		control.readUntil(time.Now().Add(leftoverTime))
	}
	write(w, failure(status), false)
	t.hurry(control, time.Time{})
}

// hurry bounds how long the server may take to send what it still holds: until the deadline of the invocation, but a second
// at least. In HTTP/1 the server lifts the bound itself after that; in HTTP/2 it is that of the stream.
func (t *Trigger) hurry(control *control, deadline time.Time) {
	now := time.Now()
	until := now.Add(t.config.WriteTimeout)
	if least := now.Add(time.Second); !deadline.IsZero() && deadline.Before(until) {
		if until = deadline; until.Before(least) {
			until = least
		}
	}
	control.writeUntil(until)
}

// abort breaks the transfer off, in the server's way. HTTP/1.0 ends a body of no said length by closing the connection: there the
// connection is reset instead. A socket in a file cannot be reset, so there such a body that breaks off ends like a whole one: RFC 9112 §8 has no
// other sign for it. Clients that must know speak HTTP/1.1, or go by a content-length.
func (t *Trigger) abort(r *http.Request) {
	if c, ok := connOf(r).(interface{ SetLinger(int) error }); ok && r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		_ = c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// write writes an answer of ours.
func write(w http.ResponseWriter, a answer, empty bool) int64 {
	a.head(w.Header(), empty)
	w.WriteHeader(a.status)
	n, _ := io.WriteString(w, a.text)
	return int64(n)
}

// heldBack is how much of an answer net/http keeps at first, so that writing it waits for nobody.
const heldBack = 2 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// write writes the answer while the guest makes its body, and says whether the answer is whole. What the guest has written
// is sent at once when nothing more is there, and together with what comes with it otherwise.
func (x *exchange) write(w http.ResponseWriter, a answer, timeout time.Duration) bool {
	if a.status == 0 {
		return false
	}
	empty := bodiless(x.r.Method, a.status)
	if a.body == nil {
		if x.r.ProtoMajor == 1 && (a.status == http.StatusRequestEntityTooLarge || a.status == http.StatusBadRequest && a.fields == nil) {
			w.Header().Set("Connection", "close") // nobody reads the rest
		}
		x.sent.Add(write(w, a, empty))
		return true
	}
	defer a.body.Close()
	a.head(w.Header(), empty)
	w.WriteHeader(a.status)
	x.body.expect.silence(w)
	lost := func(err error) bool {
		x.ctx.Cancel(errGone)
		a.body.Disconnect(&wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err})
		return false
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for unsent := true; ; {
		if unsent {
			runtime.Gosched() // lets a guest that is about to write or to finish do so
			if !a.body.More() {
				if err := x.flush(timeout); err != nil {
					return lost(err)
				}
				unsent = false
			}
		}
		n, err := a.body.Read(*buf)
		switch {
		case err == io.EOF:
			if trailers := a.body.Trailers().TrailerHeader(); len(trailers) > 0 {
				if err := x.flush(timeout); err != nil { // a head that is still held back would get a length instead of chunks
					return lost(err)
				}
				for k, v := range trailers {
					w.Header()[http.TrailerPrefix+k] = v
				}
			}
			return true
		case err != nil:
			x.broken = err
			_ = x.flush(timeout)
			return false
		case empty:
			continue
		}
		var k int
		if int(x.sent.Load())+n > heldBack {
			err = x.send(timeout, func() (err error) { k, err = w.Write((*buf)[:n]); return err })
		} else {
			k, err = w.Write((*buf)[:n])
		}
		x.sent.Add(int64(k))
		if err != nil {
			return lost(err)
		}
		unsent = true
	}
}
