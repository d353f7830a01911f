package http

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// front makes exchanges of requests, for the Trigger and for a Handler.
type front struct {
	log                       *slog.Logger
	readTimeout, writeTimeout time.Duration
	rejected                  func(context.Context, Rejection) // nil: nobody asks
}

// serve answers one request that came to the trigger's own server.
func (t *Trigger) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{r: r}
	x.control.rc = *http.NewResponseController(w)
	defer x.control.end()
	withTLS(r)
	if c, ok := connOf(r).(*framedConn); ok {
		c.serving.Store(true)
	}
	if r.ProtoMajor == 1 && ambiguous(connOf(r)) {
		closeAfterReply(w)
	}
	start := t.front.begin()
	if !t.front.accept(x, w, start) {
		return
	}
	path := routePath(r)
	var allowed []string
	for found := false; !found; {
		if x.route, allowed = t.findFor(x, path); x.route == nil {
			t.config.Logger.DebugContext(r.Context(), "no route for a request", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path)
			t.front.rejectUnrouted(w, r, &x.control, start, allowed)
			return
		}
		found, x.entered = t.table.enter(x.route, x)
	}
	x.name = x.route.pattern.text
	dropMount(r.Header)
	if x.route.spin {
		x.route.tellMount(r, path, x.clientAddress())
	}
	if r.ProtoMajor == 1 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") && r.Body != http.NoBody {
		x.body.expect.writer = w
	}
	t.front.exchange(x, w)
}

// accept says whether the head of a request that has begun at start is valid, and answers one that is not.
func (f *front) accept(x *exchange, w http.ResponseWriter, start time.Time) bool {
	r := x.r
	if why := headFault(r); why != "" {
		f.log.DebugContext(r.Context(), "a request is malformed", "client", r.RemoteAddr, "why", why)
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		f.reject(w, r, &x.control, start, http.StatusBadRequest)
		return false
	}
	if r.Method == http.MethodConnect {
		// RFC 9110 §9.3.6: the bytes after a 2xx are those of a tunnel, which no guest can serve: its handler has a request and a response. They
		// would be read as the next request.
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		f.reject(w, r, &x.control, start, http.StatusNotImplemented)
		return false
	}
	if r.ProtoMajor == 2 {
		delete(r.Header, "Host") // it repeats :authority
	}
	return true
}

// exchange has an instance answer a request whose route is found. It runs on the server's goroutine, the only one that writes
// the answer, and returns when the answer is complete; the invocation may go on.
func (f *front) exchange(x *exchange, w http.ResponseWriter) {
	r := x.r
	// The invocation may outlive the answer, so it has the values of the server's context but does not end with it.
	x.nesting = nesting{Context: r.Context(), target: x.route.component, outer: x.outer}
	if x.outer != nil {
		x.nesting.depth = x.outer.depth + 1
	}
	x.ctx.BeginApart(&x.nesting)
	x.informs, x.decided, x.written = make(chan inform), make(chan struct{}), make(chan struct{})
	x.body.x, x.body.src, x.body.control, x.body.timeout = x, r.Body, &x.control, f.readTimeout
	x.body.cond.L = &x.body.mu
	x.beginGRPC()
	if r.Body == http.NoBody {
		x.body.end = io.EOF
	}
	if most := x.route.maxBody; most > 0 && r.Body != http.NoBody {
		x.body.src = http.MaxBytesReader(nil, r.Body, most) // it must not touch w on the guest's goroutine; finish does
	}
	if x.refused = x.route.refuse(r); x.refused != nil {
		x.ctx.Cancel(x.refused)
	}
	if x.entered = x.entered || x.route.enter(x); !x.entered {
		x.refused = drainingTrap()
		x.ctx.Cancel(x.refused)
	}
	x.duplex = x.control.rc.EnableFullDuplex() == nil || r.ProtoMajor != 1 // HTTP/2 is always
	x.in.Init(r, &x.body)
	x.invoked.Add(1)
	go x.invoke()

	defer x.endUnfinished() // also where w panics, as a writer of a handler around this one may
	if !x.respond(w, f.writeTimeout) && x.told == "" {
		abort(r)
	}
	x.body.finish(w, r)
	f.boundFlush(&x.control, x.deadline)
}

// endUnfinished ends the guest's part of an exchange that is not whole, before its transfer is broken off.
func (x *exchange) endUnfinished() {
	if x.whole {
		return
	}
	x.body.abandon()
	x.invoked.Wait()
	x.body.cutReads()
}

// respond waits for the answer and writes it, and says whether it is whole. However it ends, the invocation does not
// wait for it any more.
func (x *exchange) respond(w http.ResponseWriter, timeout time.Duration) bool {
	defer close(x.written)
	defer x.unwatch()
	defer func() {
		if !x.responded { // w has panicked
			x.ctx.Cancel(errGone)
		}
	}()
	x.whole = x.sendAnswer(w, timeout)
	x.responded = true
	return x.whole
}

func (x *exchange) sendAnswer(w http.ResponseWriter, timeout time.Duration) (whole bool) {
	a := x.answer(w, timeout)
	// A guest may answer before it reads: if the status is not an error, or the guest has asked for the body, it is taken to want the body.
	x.control.writing.Store(true)
	x.body.expect.decide(a.body != nil && (a.status < 300 || x.in.BodyRequested()))
	x.control.writing.Store(false)
	if !x.write(w, a, timeout) {
		return false
	}
	x.unwatch() // the client may go away now: reads of the request's body get that error
	if x.body.afterAnswer() {
		return x.sendEnd(w, a, timeout)
	}
	return true
}

// sendEnd sends an answer to its end although the handler goes on, because the guest has not closed the request. In HTTP/2 that is not
// possible, and the end is sent later.
func (x *exchange) sendEnd(w http.ResponseWriter, a answer, timeout time.Duration) bool {
	x.control.writeUntil(time.Now().Add(timeout))
	err := x.await(x.control.flush)
	_, sized := w.Header()[contentLength]
	chunked := x.r.ProtoMajor == 1 && x.r.ProtoMinor > 0 && !sized && !bodiless(x.r.Method, a.status)
	if c, ok := connOf(x.r).(*framedConn); ok && chunked && err == nil && (a.body == nil || len(a.body.Trailers().TrailerHeader()) == 0) {
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
			x.ctx.Cancel(whyGone(x.r.Context()))
			gone = nil
		}
	}
}

// watchClient has the exchange cancelled if the client goes away, and if it takes nothing until takeTimer is stopped. The
// server's goroutine begins it before it may have to wait for the client to take something, or for the guest with its body.
func (x *exchange) watchClient(timeout time.Duration) {
	if x.takeTimer != nil {
		x.takeTimer.Reset(timeout)
		return
	}
	x.unwatchContext = context.AfterFunc(x.r.Context(), func() {
		// A read of net/http's own that interrupt ends looks to it as a client that has left.
		if x.body.interrupted.Load() {
			return
		}
		x.ctx.Cancel(whyGone(x.r.Context()))
		if b := x.current.Load(); b != nil { // a guest that has answered cannot be cancelled: this tells it
			b.Disconnect(&wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: context.Cause(x.r.Context())})
		}
	})
	x.takeTimer = time.AfterFunc(timeout, func() {
		x.ctx.Cancel(errSlow)
		x.control.writeUntil(time.Now())
	})
}

// flush has what was written sent now. A writer without Flush sends it later.
func (x *exchange) flush(timeout time.Duration) error {
	return x.send(timeout, x.control.flush)
}

// unwatch ends what watchClient has begun.
func (x *exchange) unwatch() {
	if x.takeTimer != nil {
		x.unwatchContext()
		x.takeTimer.Stop()
	}
}

// rejectUnrouted answers a request without a route; allowed are the methods for which there is one.
func (f *front) rejectUnrouted(w http.ResponseWriter, r *http.Request, control *control, start time.Time, allowed []string) {
	if len(allowed) == 0 {
		f.reject(w, r, control, start, http.StatusNotFound)
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
	f.reject(w, r, control, start, http.StatusMethodNotAllowed)
}

// reject answers a request that no guest gets.
func (f *front) reject(w http.ResponseWriter, r *http.Request, control *control, start time.Time, status int) {
	if r.ProtoMajor == 1 && r.Body != http.NoBody {
		// net/http would read on before it answers, to use the connection again, and could wait for ever.
		control.readUntil(time.Now().Add(leftoverTime))
	}
	sent := write(w, failure(status), false)
	f.boundFlush(control, time.Time{})
	f.tellRejected(r, start, status, sent)
}

// boundFlush bounds how long the server may take to send what it still holds: until the deadline of the invocation, but a second
// at least. In HTTP/1 the server lifts the bound itself after that; in HTTP/2 it is that of the stream.
func (f *front) boundFlush(control *control, deadline time.Time) {
	now := time.Now()
	until := now.Add(f.writeTimeout)
	if least := now.Add(time.Second); !deadline.IsZero() && deadline.Before(until) {
		if until = deadline; until.Before(least) {
			until = least
		}
	}
	control.writeUntil(until)
}

// abort breaks the transfer off, as net/http does. In HTTP/1.0 a body without a length ends when the connection is closed, so there the
// connection is reset instead. A Unix socket cannot be reset: there such a body that breaks off looks like a whole one, because RFC 9112 §8
// has no other sign for it. Clients that need to know use HTTP/1.1 or a content-length.
func abort(r *http.Request) {
	if c, ok := connOf(r).(interface{ SetLinger(int) error }); ok && r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		_ = c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// write writes an answer of the host's.
func write(w http.ResponseWriter, a answer, empty bool) int64 {
	a.writeHead(w.Header(), empty)
	w.WriteHeader(a.status)
	n, _ := io.WriteString(w, a.text)
	return int64(n)
}

// keepCase has the trigger's own server send the names of an answer's fields as the guest has written them. Handlers in front of
// another server expect net/http's spelling.
func (x *exchange) keepCase(h http.Header, a answer) {
	if a.fields != nil && x.r.ProtoMajor == 1 && connOf(x.r) != nil {
		a.fields.KeepCase(h)
	}
}

// heldBack is how much of an answer net/http keeps at first, so that writing it waits for nobody.
const heldBack = 2 << 10

// write writes the answer while the guest makes its body, and says whether the answer is whole. Bytes of the guest's are
// sent at once if no more are there, and together with those otherwise.
func (x *exchange) write(w http.ResponseWriter, a answer, timeout time.Duration) bool {
	if a.status == 0 {
		return false
	}
	if a.file != nil {
		return x.writeFile(w, a.file, timeout)
	}
	empty := bodiless(x.r.Method, a.status)
	if a.body == nil {
		if x.r.ProtoMajor == 1 && (a.status == http.StatusRequestEntityTooLarge || a.status == http.StatusBadRequest && a.fields == nil) {
			w.Header().Set("Connection", "close") // nobody reads the rest
		}
		a.writeHead(w.Header(), empty)
		x.keepCase(w.Header(), a)
		w.WriteHeader(a.status)
		n, _ := io.WriteString(w, a.text)
		x.sent.Add(int64(n))
		return true
	}
	defer a.body.Close()
	a.writeHead(w.Header(), empty)
	x.keepCase(w.Header(), a)
	w.WriteHeader(a.status)
	x.body.expect.suppress(w)
	lost := func(err error) bool {
		x.ctx.Cancel(errGone)
		a.body.Disconnect(&wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err})
		return false
	}
	buf := takeBuffer()
	defer func() { putBuffer(buf) }()
	whole := x.trailersOnly(&a) // nothing is sent before the first byte or the end
	for unsent := true; ; {
		if unsent && !whole && !a.body.Readable() {
			runtime.Gosched() // lets a guest that is about to write or to finish do so
			if !a.body.Readable() {
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
			if x.flush(timeout) == nil && x.grpc && !x.trailersOnly(&a) {
				x.tellBroken(w, err)
			}
			return false
		case empty || n == 0:
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
		buf = nextBuffer(buf, n)
		unsent, whole = true, false
	}
}
