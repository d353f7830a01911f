// Package answer is the http.ResponseWriter of a component's handlers: it holds back the head until it is known, and says what is in it as package net/http does.
package answer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/head"
)

// ErrClosed is the error of writing a body that the other side has stopped reading.
var ErrClosed = errors.New("wasihttp: the other side has stopped reading the body")

// Host takes the response to one request.
type Host interface {
	// Begin takes the head, and gives the body, which is nil if the response has none. Its error says why the head is refused.
	Begin(status int, header http.Header, bodiless bool) (Body, error)
	// Fail says that there is no response. It is called in place of Begin, or when that has refused a head.
	Fail(why string)
}

// Body takes the body of a response.
type Body interface {
	io.Writer
	Flush() error
	// Finish ends the body, with trailers unless there are none.
	Finish(trailers http.Header) error
	// Abort ends the body before its end: the other side sees that it is cut.
	Abort()
}

// server is what the context of a request has as http.ServerContextKey: it says that a handler may panic with http.ErrAbortHandler, without which
// httputil.ReverseProxy ends a response that was cut as if it were whole. It is no *http.Server: a component that has that type in an interface links what its methods name,
// which is crypto/tls, and is half as large again.
type server struct{}

// Serve has a handler answer a request. The request's body is closed at the end.
func Serve(h http.Handler, r *http.Request, host Host) {
	w := &writer{host: host, header: http.Header{}, head: r.Method == http.MethodHead}
	r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, server{}))
	body := r.Body // handlers may put another one in its place
	defer func() {
		body.Close()
		switch p := recover(); p {
		case nil:
			w.finish()
		case http.ErrAbortHandler:
			w.abort()
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
}

// writer is the response.
type writer struct {
	host    Host
	header  http.Header
	body    Body
	sent    []byte      // what was written before the head was sent
	status  int         // 0: not said yet
	fields  http.Header // the header when the status was said
	length  int64       // that of the body, as they have it; -1 without
	written int64       // how much of the body the handler has written, or tried to
	started bool        // the head was sent
	head    bool        // the request's method is HEAD
	err     error
}

var (
	_ http.Flusher    = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
)

// Header is http.ResponseWriter's.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader is http.ResponseWriter's.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 && status <= 999 {
		w.status, w.fields = status, w.header.Clone()
		w.length = head.Length(w.fields)
	}
}

// pendingSize is how much is held back to know a response's length.
const pendingSize = 4096

// Write is http.ResponseWriter's.
func (w *writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.bodiless():
		return 0, http.ErrBodyNotAllowed
	case w.err != nil:
		return 0, w.err
	}
	w.written += int64(len(b))
	switch {
	case w.length >= 0 && w.written > w.length:
		return 0, http.ErrContentLength
	case !w.started && len(w.sent)+len(b) <= pendingSize:
		w.sent = append(w.sent, b...)
		return len(b), nil
	}
	w.start(false)
	if w.head || w.err != nil {
		return len(b), w.err
	}
	return w.body.Write(b)
}

// bodiless says that the status is one of responses without a body.
func (w *writer) bodiless() bool {
	return w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// WriteString is io.StringWriter's.
func (w *writer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush is http.Flusher's.
func (w *writer) Flush() {
	w.WriteHeader(http.StatusOK)
	w.start(false)
	if w.err == nil && w.body != nil {
		w.err = w.body.Flush()
	}
}

// start sends the head, and what was written before.
func (w *writer) start(whole bool) {
	if w.started || w.err != nil {
		return
	}
	w.started = true
	if _, said := w.fields["Content-Type"]; !said && len(w.sent) > 0 {
		w.fields.Set("Content-Type", http.DetectContentType(w.sent))
	}
	if whole && !w.bodiless() && w.fields.Get("Content-Length") == "" && (!w.head || len(w.sent) > 0) && !hasTrailers(w.header) {
		w.fields.Set("Content-Length", strconv.Itoa(len(w.sent)))
	}
	body, err := w.host.Begin(w.status, withoutTrailers(w.fields), w.bodiless() || w.head)
	if err != nil {
		w.err = ErrClosed
		w.host.Fail(err.Error())
		return
	}
	if w.body = body; body != nil && !w.head && len(w.sent) > 0 {
		_, w.err = body.Write(w.sent)
	}
	w.sent = nil
}

// finish ends the response.
func (w *writer) finish() {
	w.WriteHeader(http.StatusOK)
	w.start(true)
	if w.body != nil {
		_ = w.body.Finish(trailers(w.header)) // the client may be gone
	}
}

// abort breaks the response off.
func (w *writer) abort() {
	switch {
	case w.body != nil:
		w.body.Abort()
	case w.err == nil && !w.started:
		w.err = ErrClosed
		w.host.Fail("the handler has aborted")
	}
}
