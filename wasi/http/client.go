package http

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Default timeouts of an exchange.
const (
	DefaultConnectTimeout = 30 * time.Second
	DefaultReadTimeout    = 10 * time.Minute
)

// ClientConfig configures a Client. The zero value denies every request.
type ClientConfig struct {
	// Allow says whether a request may go to scheme://host:port. Nil denies everything.
	Allow func(scheme, host, port string) bool
	// Local returns what answers requests to scheme://host:port within the process, in place of a connection; if the function or its
	// result is nil, they go out. Allow is not asked for requests that Local answers. The exchanges have the same timeouts, limits and
	// errors as others. host is in lower case, and port is never empty.
	Local func(scheme, host, port string) LocalServer
	// PriorKnowledge says whether an http request to host:port goes by HTTP/2 without TLS, which the server is known to speak (RFC 9113
	// §3.3). Nil: none does. host is in lower case, and port is never empty.
	PriorKnowledge func(host, port string) bool
	// TLS is for https; nil trusts the system's roots.
	TLS *tls.Config
	// Dial makes connections; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Denied is called with the destination of each request that Allow refuses, before the guest has its error; may be nil. ctx is that of
	// the guest's call.
	Denied func(ctx context.Context, scheme, host, port string)
	// Limits bound the messages of this client's guest. Fields bounds the head of a response as well; its default is 1 MiB.
	Limits Limits
}

// Client sends requests over connections of its own: HTTP/1.1 or HTTP/2, with TLS for https. It follows no redirects, keeps
// no cookies, uses no proxy, and adds or removes no encoding. Of a request of gRPC (content-type application/grpc) it sets te, and
// grpc-timeout to what is left until the deadline of the guest's call, unless the guest has set less. Safe for concurrent use.
type Client struct {
	allow     func(scheme, host, port string) bool
	local     func(scheme, host, port string) LocalServer
	known     func(host, port string) bool // ClientConfig.PriorKnowledge
	denied    func(ctx context.Context, scheme, host, port string)
	transport *http.Transport
	http2     *http.Transport // for PriorKnowledge
	limits    Limits
}

// Limits returns those of the client's configuration.
func (c *Client) Limits() Limits { return c.limits }

// NewClient makes a client.
func NewClient(c ClientConfig) *Client {
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	t := &http.Transport{
		DialContext:            c.Dial,
		TLSClientConfig:        c.TLS,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: cmp.Or(int64(c.Limits.Fields), 1<<20),
		// Each connection keeps both. Most heads fit, and larger pieces of bodies go past them.
		ReadBufferSize:  1 << 10,
		WriteBufferSize: 1 << 10,
	}
	if c.Allow == nil {
		c.Allow = func(_, _, _ string) bool { return false }
	}
	if c.PriorKnowledge == nil {
		c.PriorKnowledge = func(_, _ string) bool { return false }
	}
	http2 := t.Clone()
	http2.Protocols = new(http.Protocols)
	http2.Protocols.SetUnencryptedHTTP2(true)
	return &Client{allow: c.Allow, local: c.Local, known: c.PriorKnowledge, denied: c.Denied, transport: t, http2: http2, limits: c.Limits}
}

// Close closes idle connections. Exchanges under way go on.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	c.http2.CloseIdleConnections()
	return nil
}

// Options are the guest's timeouts; nil is the default.
type Options struct{ Connect, FirstByte, BetweenBytes *time.Duration }

// Exchange is one request and its response.
type Exchange struct {
	ctx       reqctx.Context
	caller    reqctx.Subscription // of the end of Await's context
	transport http.RoundTripper
	req       *http.Request // nil when it has been sent

	ready    wasiio.Flag
	resp     *IncomingResponse
	err      *Error
	timeout  Options
	phase    phaseTimer
	maxBody  uint64      // 0: no bound
	deadline *time.Timer // of a call by gRPC; nil: none

	start time.Time
	head  time.Duration // until RoundTrip returned; valid once Ready has happened
	body  *responseBody // likewise; nil without a response

	end  sync.Once
	done func(resp *http.Response, err error)
}

// Check returns the error with which the client would refuse to send r, or nil. ctx is that of the guest's call.
func (c *Client) Check(ctx context.Context, r *OutgoingRequest) error {
	scheme, host, port, err := r.check()
	if err != nil {
		return err
	}
	if c.server(r) == nil && !c.allow(scheme, strings.ToLower(host), port) {
		if c.denied != nil {
			c.denied(ctx, scheme, host, port)
		}
		return &Error{Code: RequestDenied, Err: fmt.Errorf("%s://%s is not granted", scheme, net.JoinHostPort(host, port))}
	}
	return nil
}

// Start sends r, which must pass [Client.Check], and returns at once. The exchange has the values of ctx, but outlives it:
// it lasts until the response's body has been read or closed, until it fails, or until [Exchange.Cancel]. done is called
// exactly once at its end, with the response if there was one, and the error if it failed. The host reads ahead of the guest
// (readAhead), so that [Exchange.Times] can tell the server's time from the guest's.
func (c *Client) Start(ctx context.Context, r *OutgoingRequest, o Options, done func(*http.Response, error)) *Exchange {
	x := c.exchange(ctx, r, o, done)
	go x.run()
	return x
}

// exchange is Start for an exchange that is not under way before run, or Await.
func (c *Client) exchange(ctx context.Context, r *OutgoingRequest, o Options, done func(*http.Response, error)) *Exchange {
	until, limited := grpcDeadline(ctx, r)
	x := &Exchange{transport: c.transportFor(ctx, r), req: r.request(), timeout: o, done: done, maxBody: c.limits.Body, start: time.Now()}
	x.phase.exchange = x
	// The trace is below the exchange's context, for net/http derives others from that, which is cheap only where nothing lies between.
	x.ctx.BeginApart(httptrace.WithClientTrace(ctx, x.phase.trace()))
	if limited {
		x.deadline = time.AfterFunc(until, func() { x.ctx.Cancel(errGRPCTimeout) })
	}
	return x
}

// Await sends the request of [Exchanges.Begin], and returns when the response's head is there, or the exchange has failed; Result says which.
// The error is the cause of ctx, whose end cancels the exchange.
//
// A request without a body is sent on this goroutine, which saves one for each that waits. One with a body is not: the transport does not
// return from a request that is cancelled while it reads the body, and what the body is read from may be stuck.
func (x *Exchange) Await(ctx context.Context) error {
	if x.req.Body != nil && x.req.Body != http.NoBody {
		go x.run()
		if err := wasiio.Wait(ctx, x.Ready()); err != nil {
			x.Cancel()
			return err
		}
		return nil
	}
	defer cm.Waiting(ctx)()
	x.caller.Begin(ctx, (*callerGone)(x))
	x.sendHead()
	if x.body != nil {
		go x.body.pump()
	}
	if !x.caller.End() {
		x.Cancel() // also if the function has not run yet
		return context.Cause(ctx)
	}
	return nil
}

// callerGone is an exchange whose caller does not wait any more.
type callerGone Exchange

// OnDone implements reqctx.Listener. To close what has come may take a while.
func (x *callerGone) OnDone() { go (*Exchange)(x).Cancel() }

// transportFor returns what carries r, which has passed Check.
func (c *Client) transportFor(ctx context.Context, r *OutgoingRequest) http.RoundTripper {
	if server := c.server(r); server != nil {
		return localTransport{server(ctx)}
	}
	if scheme, host, port, err := r.check(); err == nil && scheme == "http" && c.known(strings.ToLower(host), port) {
		return c.http2
	}
	return c.transport
}

// request converts r for net/http.
func (r *OutgoingRequest) request() *http.Request {
	h := r.Header()
	trailer := declaredTrailers(h)
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // net/http would add its own
	}
	u := r.sentURL()
	req := &http.Request{Method: r.method, URL: u, Header: h, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if r.body == nil {
		return req
	}
	r.body.Attach(false)
	n, known := r.body.KnownLength()
	if r.body.Trailers() != nil {
		known = false // only a body of unknown length has trailers
	}
	if known && n == 0 && r.body.from == nil { // a source is read to its end, of which nothing comes
		req.Body = http.NoBody
		return req
	}
	req.ContentLength = -1
	if known {
		req.ContentLength = n
	}
	req.Trailer = trailer
	req.Body = &requestBody{r.body, trailer}
	return req
}

// declaredTrailers removes the trailer field from h and returns the names that it announces. The map is never nil: net/http
// sends its content after the body.
func declaredTrailers(h http.Header) http.Header {
	t := http.Header{}
	for _, v := range h["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); validName(name) && !framingField(strings.ToLower(name)) {
				t[http.CanonicalHeaderKey(name)] = nil
			}
		}
	}
	delete(h, "Trailer")
	return t
}

// framingField says whether a field (in lower case) must not be a trailer: RFC 9110 §6.5.1.
func framingField(name string) bool {
	switch name {
	case "content-length", "trailer", "host", "content-encoding", "content-type", "content-range":
		return true
	}
	return forbiddenField(name)
}

// TrailerHeader converts trailers for net/http, without fields that must not be trailers. Nil-safe.
func (f *Fields) TrailerHeader() http.Header {
	if f == nil {
		return nil
	}
	h := f.Header()
	for k := range h {
		if framingField(strings.ToLower(k)) {
			delete(h, k)
		}
	}
	return h
}

// requestBody passes the trailers to net/http when the body ends.
type requestBody struct {
	*OutgoingBody
	trailer http.Header
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.OutgoingBody.Read(p)
	if err == io.EOF {
		for k, v := range b.Trailers().TrailerHeader() {
			b.trailer[k] = v
		}
	}
	return n, err
}

// run is the exchange, on a goroutine of its own.
func (x *Exchange) run() {
	x.sendHead()
	if x.body != nil {
		x.body.pump()
	}
}

// sendHead sends the request, and returns when the head of the response is there, or the exchange has failed.
func (x *Exchange) sendHead() {
	ctx, req := &x.ctx, x.req
	x.req = nil
	x.phase.start(valueOr(x.timeout.Connect, DefaultConnectTimeout), errConnectTimeout)
	resp, err := x.transport.RoundTrip(req.WithContext(ctx))
	x.phase.end()
	x.head = time.Since(x.start)
	if err == nil && ctx.Err() != nil { // a timeout or cancellation was first
		resp.Body.Close()
		err = ctx.Err()
	}
	switch {
	case err != nil:
	case resp.StatusCode == http.StatusSwitchingProtocols:
		resp.Body.Close()
		err = &Error{Code: UpgradeFailed}
	case resp.StatusCode < 200: // net/http takes 099 for a status
		resp.Body.Close()
		err = &Error{Code: ProtocolError}
	}
	if err != nil {
		x.err = errorFrom(ctx, unwrapURL(err), false)
		x.finish(nil, x.err)
		x.ready.Set()
		return
	}
	body := newResponseBody(ctx, x, resp)
	x.resp, x.body = &IncomingResponse{resp: resp}, body
	x.resp.body = NewIncomingBody(body, func() http.Header { return resp.Trailer }, func(err error) *Error {
		return errorFrom(ctx, err, true)
	})
	x.ready.Set()
	if ctx.Err() != nil { // cancelled while the response arrived
		x.resp.body.Close()
	}
}

// unwrapURL removes the address from an error's text.
func unwrapURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

func valueOr(d *time.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return max(*d, 0)
}

// Ready is the event of the response's head or the error.
func (x *Exchange) Ready() wasiio.Pollable { return &x.ready }

// Result returns the response or the error after Ready.
func (x *Exchange) Result() (*IncomingResponse, error) {
	if x.err != nil {
		return nil, x.err
	}
	return x.resp, nil
}

// Cancel ends the exchange if it is under way. Safe for concurrent and repeated calls.
func (x *Exchange) Cancel() {
	x.ctx.Cancel(errCancelled)
	if x.ready.Ready() && x.resp != nil {
		x.resp.body.Close()
	}
}

// Times are the durations of an exchange.
type Times struct {
	Head    time.Duration // until the response's head or the error
	Total   time.Duration // until the last byte, the error, or the guest's drop
	Stalled time.Duration // part of Total in which the guest's back-pressure stopped the body
}

// Times are valid after the end of the exchange. Before it, they are the times so far.
func (x *Exchange) Times() Times {
	if !x.ready.Ready() {
		took := time.Since(x.start)
		return Times{Head: took, Total: took}
	}
	if x.body == nil {
		return Times{Head: x.head, Total: x.head}
	}
	return x.body.times()
}

// finish reports the end and releases the connection.
func (x *Exchange) finish(resp *http.Response, err error) {
	x.end.Do(func() {
		if x.deadline != nil {
			x.deadline.Stop()
		}
		x.done(resp, err)
		x.ctx.Cancel(errCancelled)
	})
}

// phaseTimer cancels an exchange when one of its phases takes too long.
type phaseTimer struct {
	exchange *Exchange

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// trace is how net/http tells of the phases.
func (w *phaseTimer) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { w.stop() },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			w.start(valueOr(w.exchange.timeout.FirstByte, DefaultReadTimeout), errReadTimeout)
		},
		GotFirstResponseByte: func() { w.stop() },
	}
}

func (w *phaseTimer) start(d time.Duration, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if !w.ended {
		w.timer = time.AfterFunc(d, func() { w.exchange.ctx.Cancel(cause) })
	}
}

func (w *phaseTimer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *phaseTimer) end() {
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
