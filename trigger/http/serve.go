package http

import (
	"context"
	"io"
	"net"
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
	route := t.table.find(r.URL.Path)
	control := &control{rc: http.NewResponseController(w)}
	defer control.end()
	if route == nil {
		t.turnAway(w, r, control, http.StatusNotFound)
		return
	}
	// The invocation may outlive the answer, so that it must not end with the server's context; it has its values.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	x := &exchange{r: r, route: route, ctx: ctx, cancel: cancel,
		informs: make(chan inform), answers: make(chan answer, 1), written: make(chan struct{}), ended: make(chan struct{})}
	x.body = &requestBody{src: r.Body, control: control, timeout: t.config.ReadTimeout, cancel: cancel}
	if route.maxBody > 0 && r.Body != http.NoBody {
		x.body.src = http.MaxBytesReader(w, r.Body, route.maxBody)
	}
	if x.refused = route.refuse(r); x.refused != nil {
		cancel(x.refused)
	}
	if r.ProtoMajor == 1 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") && r.Body != http.NoBody {
		x.body.expect.writer = w
	}
	if !route.enter(x) {
		cancel(nil)
		t.turnAway(w, r, control, http.StatusServiceUnavailable)
		return
	}
	_ = control.rc.EnableFullDuplex() // HTTP/1 only; HTTP/2 is always
	in := wasihttp.NewIncomingRequest(r, x.body)
	disarm := context.AfterFunc(r.Context(), func() { cancel(errGone) })
	go x.invoke(ctx, t, in)

	written := sync.OnceFunc(func() { close(x.written) })
	defer written() // whatever happens here, the invocation must not wait for ever
	defer x.body.closed.Store(true)
	a := x.answer(w, control, t.config.WriteTimeout)
	// A guest may answer first and read then: one that agrees, or has asked for the body, is taken to want it.
	x.body.expect.settle(a.body != nil && (a.status < 300 || in.Wanted()))
	ok := x.write(w, control, a, t.config.WriteTimeout)
	disarm()
	written()
	if !ok {
		<-x.ended
		x.body.cut()
		t.abort(r)
	}
	x.body.release(w, r)
	t.hurry(r, control)
}

// answer waits for the answer and writes what the guest sends before it.
func (x *exchange) answer(w http.ResponseWriter, control *control, timeout time.Duration) answer {
	for {
		select {
		case a := <-x.answers:
			return a
		case i := <-x.informs:
			stuck := time.AfterFunc(timeout, func() {
				x.cancel(errSlow)
				control.writeUntil(time.Now())
			})
			x.body.expect.inform(w, i.status, i.header)
			stuck.Stop()
			close(i.done)
		}
	}
}

// turnAway answers a request that no guest sees.
func (t *Trigger) turnAway(w http.ResponseWriter, r *http.Request, control *control, status int) {
	if r.ProtoMajor == 1 && r.Body != http.NoBody {
		// net/http reads on before it answers, to use the connection again, and would wait for ever.
		control.readUntil(time.Now().Add(leftoverTime))
	}
	write(w, failure(status))
	t.hurry(r, control)
}

// hurry bounds how long the server may take to send what it still holds. It lifts the bound itself after that; in HTTP/2
// its own bound for writes holds.
func (t *Trigger) hurry(r *http.Request, control *control) {
	if r.ProtoMajor == 1 {
		control.writeUntil(time.Now().Add(t.config.WriteTimeout))
	}
}

// abort breaks the transfer off, in the server's way. HTTP/1.0 ends a body by closing the connection: there the
// connection is reset instead.
func (t *Trigger) abort(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*net.TCPConn); ok && r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		_ = c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// write writes an answer of ours.
func write(w http.ResponseWriter, a answer) int64 {
	copyHeader(w.Header(), a.header)
	w.WriteHeader(a.status)
	n, _ := io.WriteString(w, a.text)
	return int64(n)
}

func copyHeader(dst, src http.Header) {
	for k, v := range src {
		dst[k] = v
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// write writes the answer while the guest makes its body, and says whether the answer is whole. What the guest has written
// is sent at once when nothing more is there, and together with what comes with it otherwise.
func (x *exchange) write(w http.ResponseWriter, control *control, a answer, timeout time.Duration) bool {
	if a.status == 0 {
		return false
	}
	if _, ok := a.header["Content-Type"]; !ok {
		w.Header()["Content-Type"] = nil // net/http would guess one
	}
	if a.body == nil {
		x.sent.Add(write(w, a))
		return true
	}
	defer a.body.Close()
	empty := bodiless(x.r.Method, a.status)
	if a.status == http.StatusNoContent {
		a.header.Del("Content-Length")
	}
	copyHeader(w.Header(), a.header)
	w.WriteHeader(a.status)
	x.body.expect.silence(w)
	stuck := time.AfterFunc(timeout, func() {
		x.cancel(errSlow)
		control.writeUntil(time.Now())
	})
	stuck.Stop()
	defer stuck.Stop()
	lost := func(err error) bool {
		x.cancel(errGone)
		a.body.Disconnect(&wasihttp.Error{Code: wasihttp.ConnectionTerminated, Err: err})
		return false
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for unsent := true; ; {
		if unsent {
			runtime.Gosched() // lets a guest that is about to write or to finish do so
			if !a.body.More() {
				stuck.Reset(timeout)
				err := control.rc.Flush()
				stuck.Stop()
				if err != nil {
					return lost(err)
				}
				unsent = false
			}
		}
		n, err := a.body.Read(*buf)
		switch {
		case err == io.EOF:
			if trailers := a.body.Trailers().TrailerHeader(); len(trailers) > 0 {
				_ = control.rc.Flush() // a head that is still held back would get a length instead of chunks
				for k, v := range trailers {
					w.Header()[http.TrailerPrefix+k] = v
				}
			}
			return true
		case err != nil:
			_ = control.rc.Flush()
			return false
		case empty:
			continue
		}
		stuck.Reset(timeout)
		k, err := w.Write((*buf)[:n])
		stuck.Stop()
		x.sent.Add(int64(k))
		if err != nil {
			return lost(err)
		}
		a.body.Taken()
		unsent = true
	}
}
