package serve

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	types "github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/bindings"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/internal/message"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve/internal/bindings"
)

// Handle has h answer the component's requests; nil is http.DefaultServeMux. It is for init functions.
//
// Bodies are streams in both directions: the request's is read as the handler reads it, what the handler writes is passed on by 4 KiB, or when it
// flushes. A response that ends before that has its length as Content-Length, and one without a Content-Type has the one that its first bytes
// look like, as in package net/http; trailers, too, are as there (http.TrailerPrefix, or declared by Trailer). The context of a request is
// context.Background. A handler that panics ends the component's instance, and the host answers in its place, except with
// http.ErrAbortHandler, which breaks off the response. There are no hijackers and no informational responses.
func Handle(h http.Handler) {
	if h == nil {
		h = http.DefaultServeMux
	}
	bindings.ExportIncomingHandler(handler{h})
}

type handler struct{ http.Handler }

// Handle is wasi:http/incoming-handler's.
func (h handler) Handle(in types.IncomingRequest, out types.ResponseOutparam) {
	w := &writer{out: out, header: http.Header{}}
	r, err := request(in)
	if err != nil {
		http.Error(w, "the request's path is none", http.StatusBadRequest)
		w.finish()
		return
	}
	w.head = r.Method == http.MethodHead
	w.answer(h.Handler, r)
}

// answer has the handler answer a request.
func (w *writer) answer(h http.Handler, r *http.Request) {
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

// request makes the request, which it then owns. An error is that of the path.
func request(in types.IncomingRequest) (*http.Request, error) {
	target := "/"
	if p := in.PathWithQuery(); p != nil && *p != "" {
		target = *p
	}
	r := &http.Request{
		Method: message.MethodName(in.Method()), Header: message.HeaderOf(in.Headers()), Body: http.NoBody, RequestURI: target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Trailer: http.Header{}, ContentLength: -1,
	}
	r = r.WithContext(context.Background())
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	if a := in.Authority(); a != nil && *a != "" {
		r.Host = *a
	}
	if n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		r.ContentLength = n
	}
	var err error
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		in.Drop()
		return nil, err
	}
	body, err := in.Consume()
	if err != nil {
		in.Drop()
		return r, nil
	}
	reader, err := message.NewReader(body, in.Drop, func(f types.Fields) {
		for name, values := range message.HeaderOf(f) {
			r.Trailer[name] = values
		}
	})
	if err == nil {
		r.Body = reader
	}
	return r, nil
}

// writer is the response.
type writer struct {
	out     types.ResponseOutparam
	header  http.Header
	body    *message.Writer
	sent    []byte // what was written before the head was sent
	status  int    // 0: not said yet
	started bool   // the head was sent
	head    bool   // the request's method is HEAD
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
		w.status = status
	}
}

// pendingSize is how much is held back to know a response's length.
const pendingSize = 4096

// Write is http.ResponseWriter's.
func (w *writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.err != nil:
		return 0, w.err
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

// WriteString is io.StringWriter's.
func (w *writer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush is http.Flusher's.
func (w *writer) Flush() {
	w.WriteHeader(http.StatusOK)
	w.start(false)
	if w.err == nil {
		w.err = w.body.Flush()
	}
}

// start sends the head, and what was written before.
func (w *writer) start(whole bool) {
	if w.started || w.err != nil {
		return
	}
	w.started = true
	bodiless := w.status == http.StatusNoContent || w.status == http.StatusNotModified
	if _, said := w.header["Content-Type"]; !said && len(w.sent) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.sent))
	}
	if whole && !bodiless && w.header.Get("Content-Length") == "" && (!w.head || len(w.sent) > 0) && !w.hasTrailers() {
		w.header.Set("Content-Length", strconv.Itoa(len(w.sent)))
	}
	fields, err := message.NewFields(w.withoutTrailers())
	if err != nil {
		w.fail("the handler's header is refused: " + err.Error())
		return
	}
	response := types.NewOutgoingResponse(fields)
	if err := response.SetStatusCode(uint16(w.status)); err != nil {
		response.Drop()
		w.fail("the handler's status is refused")
		return
	}
	body, err := response.Body()
	if err == nil {
		types.ResponseOutparamSet(w.out, cabi.Result[types.OutgoingResponse, types.ErrorCode]{OK: response})
		w.body, err = message.NewWriter(body)
	}
	if w.err = err; err == nil && !w.head && len(w.sent) > 0 {
		_, w.err = w.body.Write(w.sent)
	}
	w.sent = nil
}

// fail answers that there is no response.
func (w *writer) fail(why string) {
	w.err = message.ErrClosed
	types.ResponseOutparamSet(w.out, cabi.Result[types.OutgoingResponse, types.ErrorCode]{Failed: true, Err: types.ErrorCodeInternalError(&why)})
}

// finish ends the response.
func (w *writer) finish() {
	w.WriteHeader(http.StatusOK)
	w.start(true)
	if w.body == nil {
		return
	}
	_ = w.body.Finish(w.trailers()) // the client may be gone
}

// abort breaks the response off.
func (w *writer) abort() {
	switch {
	case w.body != nil:
		w.body.Abort()
	case w.err == nil:
		w.fail("the handler has aborted")
	}
}
