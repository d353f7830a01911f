package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// LocalServer makes the handler of one request that is answered within the process. ctx is that of the host function that the
// guest has called, and the call is made on its goroutine; the handler runs on another one, with a context that ends with the
// exchange. Its ResponseWriter is an [http.Flusher], has trailers and deadlines of writes, and cannot be hijacked; a write waits for the
// reader. A handler that panics with an *[Error] gives the guest that one.
type LocalServer func(ctx context.Context) http.Handler

// server returns the handler that answers r within the process; nil if r goes to the network.
func (c *Client) server(r *OutgoingRequest) LocalServer {
	if c.local == nil {
		return nil
	}
	scheme, host, port, err := r.check()
	if err != nil {
		return nil
	}
	return c.local(scheme, strings.ToLower(host), port)
}

// LocalTransport is a transport whose requests h answers within the process.
func LocalTransport(h http.Handler) http.RoundTripper { return localTransport{h} }

// localTransport calls a handler for each request, without a connection.
type localTransport struct{ handler http.Handler }

// RoundTrip returns when the handler has written the head of its response, or has returned.
func (t localTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	// Who sends the request ends it, but not what is still to come of its body when the handler has returned: an exchange is over when its response has been read.
	ctx, cancelFor := context.WithCancelCause(context.WithoutCancel(req.Context()))
	cancel := func() { cancelFor(nil) }
	goOn := context.AfterFunc(req.Context(), func() { cancelFor(context.Cause(req.Context())) })
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	body := &sentBody{ReadCloser: req.Body, all: func() {
		if trace.WroteRequest != nil {
			trace.WroteRequest(httptrace.WroteRequestInfo{})
		}
	}}
	if req.Body == nil || req.Body == http.NoBody {
		body.ReadCloser = http.NoBody
		body.once.Do(body.all)
	}
	w := newLocalWriter(req)
	handling, leave := context.WithCancel(ctx)
	w.leave = leave
	closeBody := func() { _ = body.Close() } // ends the handler's read that is under way
	context.AfterFunc(ctx, closeBody)
	stop := context.AfterFunc(handling, closeBody)
	context.AfterFunc(req.Context(), func() { _ = w.out.CloseWithError(context.Cause(req.Context())) })
	go func() {
		defer cancel()
		err := serveLocal(t.handler, w, received(handling, req, body))
		goOn()
		stop() // a client that has read the response may close it before it has sent the rest
		w.end(err)
		linger(body, cancel)
	}()
	select {
	case <-w.sent:
		if trace.GotFirstResponseByte != nil {
			trace.GotFirstResponseByte()
		}
		return w.resp, w.failed
	case <-ctx.Done():
		<-w.refuse(context.Cause(ctx))
		return w.resp, w.failed
	}
}

// What a handler leaves of a request's body is taken to this extent, as servers on the network do, so that a client that is about to send a small rest gets the
// response, and no error of its write.
const (
	lingerSize = 256 << 10
	lingerTime = 500 * time.Millisecond
)

func linger(body io.Reader, end func()) {
	defer time.AfterFunc(lingerTime, end).Stop()
	_, _ = io.CopyN(io.Discard, body, lingerSize)
}

// serveLocal calls the handler. A panic is an error.
func serveLocal(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Error:
			err = p
		default:
			if p == any(http.ErrAbortHandler) {
				err = &Error{Code: ConnectionTerminated, Err: http.ErrAbortHandler}
				return
			}
			err = &Error{Code: InternalError, Err: fmt.Errorf("a panic in the handler within the process: %v", p)}
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// received is the request as a server would receive it.
func received(ctx context.Context, req *http.Request, body io.ReadCloser) *http.Request {
	in := req.Clone(ctx)
	if in.Body = body; req.Body == nil || req.Body == http.NoBody {
		in.Body = http.NoBody // as it is for a server
	}
	in.RequestURI = req.URL.RequestURI()
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery}
	in.Trailer = req.Trailer // the sender writes into this map at the end of the body
	for k, v := range in.Header {
		if len(v) == 0 {
			delete(in.Header, k)
		}
	}
	return in
}

// sentBody notes when the whole body has been read.
type sentBody struct {
	io.ReadCloser
	once sync.Once
	all  func()
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.once.Do(b.all)
	}
	return n, err
}

// localWriter makes a response from what a handler writes.
type localWriter struct {
	req    *http.Request
	header http.Header // the handler's
	pipe   *io.PipeWriter
	mu     sync.Mutex // guards deadline
	out    *io.PipeReader
	leave  func() // ends the handler's context

	// Of the handler's goroutine:
	deadline *time.Timer // of writes; nil until one is set
	begun    bool        // the head has been written
	left     int64       // bytes that the head has announced and that are not written yet; -1: any number
	trailer  http.Header // of the response; nil if it has no body

	once   sync.Once
	sent   chan struct{} // closed when resp or failed is set
	resp   *http.Response
	failed error
}

func newLocalWriter(req *http.Request) *localWriter {
	w := &localWriter{req: req, header: http.Header{}, sent: make(chan struct{}), left: -1}
	w.out, w.pipe = io.Pipe()
	return w
}

func (w *localWriter) Header() http.Header { return w.header }

// localBody is the body of the response.
type localBody struct {
	*io.PipeReader
	leave func()
}

// Close ends the handler's context, since the handler may not notice by a write that its client has gone. After the body's end it does nothing.
func (b localBody) Close() error {
	b.leave()
	return b.PipeReader.Close()
}

// refuse ends the exchange with an error, unless there is a response already.
func (w *localWriter) refuse(why error) <-chan struct{} {
	w.once.Do(func() {
		w.failed = why
		close(w.sent)
	})
	return w.sent
}

// WriteHeader sends the head. Interim responses are dropped.
func (w *localWriter) WriteHeader(status int) {
	if w.begun || status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.begun = true
	w.once.Do(func() {
		w.resp = w.response(status)
		close(w.sent)
	})
}

func (w *localWriter) response(status int) *http.Response {
	h := w.header.Clone()
	r := &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, ContentLength: -1, Body: localBody{w.out, w.leave}, Request: w.req, Trailer: declaredTrailers(h),
	}
	for k := range h {
		if strings.HasPrefix(k, http.TrailerPrefix) {
			delete(h, k)
		}
	}
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		r.ContentLength, w.left = n, n
	}
	if w.req.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		_ = w.out.CloseWithError(http.ErrBodyNotAllowed)
		r.Body, w.left = http.NoBody, -1
		return r
	}
	w.trailer = r.Trailer
	return r
}

// Write sends bytes, and waits until they have been read.
func (w *localWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.left >= 0 {
		if int64(len(p)) > w.left {
			return 0, http.ErrContentLength
		}
		w.left -= int64(len(p))
	}
	return w.pipe.Write(p)
}

// Flush sends the head.
func (w *localWriter) Flush() { w.WriteHeader(http.StatusOK) }

// SetWriteDeadline breaks the body off at t. It is for any goroutine, one at a time, until the handler has returned.
func (w *localWriter) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deadline != nil {
		w.deadline.Stop()
	}
	if !t.IsZero() {
		w.deadline = time.AfterFunc(time.Until(t), func() { _ = w.pipe.CloseWithError(os.ErrDeadlineExceeded) })
	}
	return nil
}

// EnableFullDuplex does nothing: a handler can always read while it answers.
func (w *localWriter) EnableFullDuplex() error { return nil }

var errShortAnswer = errors.New("the handler wrote less than it announced")

// end ends the response when the handler has returned.
func (w *localWriter) end(err error) {
	_ = w.SetWriteDeadline(time.Time{})
	if err != nil && !w.begun {
		w.refuse(err)
		return
	}
	if !w.begun && w.header.Get("Content-Length") == "" && w.header.Get("Trailer") == "" {
		w.header.Set("Content-Length", "0")
	}
	w.WriteHeader(http.StatusOK)
	if err == nil && w.left > 0 {
		err = &Error{Code: ResponseIncomplete, Err: errShortAnswer}
	}
	if err != nil {
		if errors.Is(err, http.ErrAbortHandler) {
			err = &Error{Code: ResponseIncomplete, Err: err}
		}
		_ = w.pipe.CloseWithError(err)
		return
	}
	if w.trailer != nil {
		w.takeTrailers()
	}
	_ = w.pipe.Close()
}

// takeTrailers makes trailers of the fields that the handler has declared or marked as such.
func (w *localWriter) takeTrailers() {
	for k, v := range w.header {
		name, marked := strings.CutPrefix(k, http.TrailerPrefix)
		if _, declared := w.trailer[k]; declared || marked && validName(name) && !framingField(strings.ToLower(name)) {
			w.trailer[http.CanonicalHeaderKey(name)] = v
		}
	}
}
