package http

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
)

// The causes with which an exchange is cancelled. Copies of these traps end the guest, if one has the request.
var (
	errGone = cm.Trapf(cm.TrapCancel, "the client went away")
	errSlow = cm.Trapf(cm.TrapCancel, "the client sent or took nothing for too long")
)

// whyGone is why a request's context has ended: its client went away, unless a handler around this one has ended it with a cause of
// its own or at a deadline.
func whyGone(ctx context.Context) error {
	if context.Cause(ctx) == context.Canceled {
		return errGone
	}
	return cm.EndedTrap(ctx)
}

// largeBody and largeHead are the limits' causes. Each exchange has its own, because a trap is filled in on its way out.
func largeBody(most int64) error {
	return cm.Trapf(cm.TrapBody, "the request's body is larger than %d bytes", most)
}

func largeHead(most int64) error {
	return cm.Trapf(cm.TrapHeaders, "the request's head is larger than %d bytes", most)
}

// exchange is one request and its answer: the Subject of its invocation, the Responder of its guest.
type exchange struct {
	r       *http.Request
	route   *route
	name    string         // the route's, low in cardinality
	ctx     reqctx.Context // of the invocation
	control control
	body    requestBody
	in      wasihttp.IncomingRequest
	call    host.Invocation
	// handling is the guest's call, if that has begun and the invocation has no goroutine meanwhile.
	handling *httpp3.Handling
	settled  bool
	// refused is why no guest gets the request; nil if one does.
	refused error
	entered bool // its route counts it as running

	nesting nesting        // the values of ctx
	outer   *nesting       // of the request below which another component has sent this one; nil: it came from outside
	client  netip.AddrPort // of which proxies have told; not valid: none have
	grpc    bool           // client and guest speak gRPC
	noWait  bool           // an instance of its own target might wait for the end of this one

	informs  chan inform
	decided  chan struct{} // closed when reply is the answer
	reply    answer
	written  chan struct{}       // closed when nothing more will be written
	invoked  sync.WaitGroup      // until Invoke has returned
	ended    reqctx.Subscription // of the end of the invocation, while it runs
	duplex   bool                // the server reads on while it writes
	deadline time.Time           // the invocation's; zero if it has none

	// How it went. Written by the server's goroutine before written is closed, and by the guest's.
	whole  bool            // the answer has been written to its end
	broken error           // why the guest's body ended before that; nil if it did not
	failed *wasihttp.Error // the guest's answer, in place of a response
	told   string          // the status by which a client of gRPC was told that the answer is not whole; empty: it was not

	responded bool // by the server's goroutine: no writer has panicked

	// The server's goroutine's: whether it hears that the client goes away or takes nothing.
	takeTimer      *time.Timer // nil as long as it has not waited for the client to take something
	unwatchContext func() bool // likewise; it hears no more of the client's going away

	once    sync.Once                             // the answer has been decided
	current atomic.Pointer[wasihttp.OutgoingBody] // of the answer
	status  atomic.Int64
	sent    atomic.Int64
}

// answer is the answer to be written: a guest's response, or a text of the host's. Status 0 is none: the client is gone.
type answer struct {
	status int
	fields *wasihttp.Fields       // of a guest's response
	body   *wasihttp.OutgoingBody // likewise; nil where it has none
	text   string
	file   *servedFile // in place of fields, body and text; it has the status
}

const contentLength = "Content-Length"

// writeHead writes the answer's fields into a header in which handlers around this one may have put some: those of the same
// name are replaced, but for those that are lists of which each handler has its part. empty says that the message has no body on the wire, whatever
// its fields say of one.
func (a *answer) writeHead(h http.Header, empty bool) {
	delete(h, contentLength)
	if a.fields != nil {
		if len(h) == 0 {
			a.fields.AddTo(h)
		} else {
			merge(h, a.fields.Header())
		}
		switch {
		case a.status == http.StatusNoContent:
			delete(h, contentLength)
		case a.body == nil && !empty:
			h[contentLength] = []string{"0"}
		}
	} else {
		h[contentLength] = []string{strconv.Itoa(len(a.text))}
		h["Content-Type"] = []string{"text/plain; charset=utf-8"}
		if a.status == http.StatusServiceUnavailable {
			h["Retry-After"] = []string{"1"}
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
}

// merge puts the fields of a guest among those that are there.
func merge(h, fields http.Header) {
	for name, values := range fields {
		if name == "Set-Cookie" || name == "Vary" {
			values = append(h[name], values...)
		}
		h[name] = values
	}
}

// inform is an answer of status 1xx. done is closed when it has been written.
type inform struct {
	status int
	header http.Header
	done   chan struct{}
}

var (
	_ host.HTTPSubject = (*exchange)(nil)
	_ host.HTTPAnswer  = (*exchange)(nil)
	_ host.HTTPClient  = (*exchange)(nil)
)

// HTTPRequest implements host.HTTPSubject.
func (x *exchange) HTTPRequest() *http.Request { return x.r }

// HTTPRoute is the path of the trigger, or the pattern of the mux in front of a Handler.
func (x *exchange) HTTPRoute() string { return x.name }

// HTTPStatus is 0 as long as there is no answer.
func (x *exchange) HTTPStatus() int { return int(x.status.Load()) }

// HTTPBodySizes are the bytes that have come, read by the guest or not, and that have been sent.
func (x *exchange) HTTPBodySizes() (request, response int64) {
	return x.body.size.Load(), x.sent.Load()
}

// decide sets the answer if there is none yet, and says whether it did.
func (x *exchange) decide(a answer) bool {
	did := false
	x.once.Do(func() {
		did = true
		if x.grpc && a.fields == nil && a.status != 0 {
			a = grpcFailure(a)
		}
		x.status.Store(int64(a.status))
		x.current.Store(a.body)
		x.reply = a
		close(x.decided)
	})
	return did
}

// Inform is Responder's. HTTP/1.0 knows no answers of status 1xx (RFC 9110 §15.2).
func (x *exchange) Inform(ctx context.Context, status int, h *wasihttp.Fields) error {
	if !x.r.ProtoAtLeast(1, 1) || x.r.Context().Value(http.ServerContextKey) == nil { // a ResponseWriter without a server takes the first status for the last
		return nil
	}
	i := inform{status, h.Header(), make(chan struct{})}
	defer cm.Waiting(ctx)()
	select {
	case x.informs <- i:
	case <-x.written:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-i.done:
		return nil
	case <-x.written:
		return &wasihttp.Error{Code: wasihttp.ConnectionTerminated}
	}
}

// Respond is Responder's.
func (x *exchange) Respond(r *wasihttp.OutgoingResponse) {
	a := answer{status: r.Status(), fields: r.Headers()}
	if r.HasBody() {
		a.body = r.Body()
		a.body.Attach(bodiless(x.r.Method, a.status))
		a.body.Interrupted(&x.body)
	}
	if !x.decide(a) && a.body != nil {
		a.body.Disconnect(errEnded)
	}
}

// Fail is Responder's.
func (x *exchange) Fail(err *wasihttp.Error) {
	if x.decide(failure(err.Status())) {
		x.failed = err
	}
}

// failure is an answer of the host's: its text names the status, not the reason.
func failure(status int) answer {
	text := http.StatusText(status)
	switch status {
	case http.StatusBadRequest:
		text = "the request is malformed"
	case http.StatusNotFound:
		text = "no route"
	case http.StatusInternalServerError:
		text = "the component failed"
	case http.StatusGatewayTimeout:
		text = "the component took too long"
	case http.StatusServiceUnavailable:
		text = "too busy, try again later"
	case http.StatusRequestEntityTooLarge:
		text = "the request's body is too large"
	case http.StatusRequestHeaderFieldsTooLarge:
		text = "the request's head is too large"
	case http.StatusRequestTimeout:
		text = "the request came too slowly"
	}
	return answer{status: status, text: text + "\n"}
}

// invoke makes the invocation and has the host run it, or begin it.
func (x *exchange) invoke() {
	x.call = host.Invocation{
		Component: x.route.component,
		Trigger:   TypeName,
		Name:      x.name,
		Subject:   x,
		Refuse:    x.refused,
		NoWait:    x.noWait,
		Run:       x.handle,
		Settle:    func(_ context.Context, err error) { x.settle(err) },
	}
	if x.route.begin != nil {
		x.call.Parts = (*parts)(x)
	} else {
		growStack()
	}
	if x.route.files != nil {
		x.call.Alone = x.serveFile
	}
	ended := false
	defer func() {
		if !ended {
			x.over()
		}
	}()
	err := x.route.invoker.Invoke(&x.ctx, &x.call)
	if x.call.Begun() {
		ended = true
		x.handling.OnResult(func() { go x.end() })
		return
	}
	x.settleOnce(err)
}

// end is the rest of an invocation that has begun, on a goroutine of its own.
func (x *exchange) end() {
	defer x.over()
	x.settleOnce(x.call.End())
}

// over is the end of the invocation.
func (x *exchange) over() {
	x.ctx.Cancel(nil)
	if x.entered {
		x.route.leave(x)
	}
	x.invoked.Done()
}

// settleOnce settles an invocation of which the host has not done so.
func (x *exchange) settleOnce(err error) {
	if !x.settled {
		x.settle(err)
	}
}

// handle has the guest handle the request.
func (x *exchange) handle(ctx context.Context, inst *component.Instance) error {
	x.enterGuest(ctx)
	return x.leaveGuest(ctx, x.route.handle(ctx, inst, &x.in, x))
}

// parts is handle in two parts, as host.Parts.
type parts exchange

// Begin has the guest begin to handle the request.
func (p *parts) Begin(ctx context.Context, inst *component.Instance) (err error) {
	x := (*exchange)(p)
	x.enterGuest(ctx)
	if x.handling, err = x.route.begin(ctx, inst, &x.in); err != nil {
		return x.leaveGuest(ctx, err)
	}
	return nil
}

// Finish waits until the guest has handled the request.
func (p *parts) Finish(ctx context.Context) error {
	x := (*exchange)(p)
	return x.leaveGuest(ctx, x.handling.Finish(ctx, x))
}

func (x *exchange) enterGuest(ctx context.Context) {
	x.deadline, _ = ctx.Deadline()
	x.ended.Begin(ctx, x)
}

// leaveGuest ends the guest's part of the exchange, which has ended with err.
func (x *exchange) leaveGuest(ctx context.Context, err error) error {
	_ = x.body.Close() // no guest code is left that could read it
	return x.conclude(ctx, err)
}

// abortBody ends a body that its guest has left open.
func (x *exchange) abortBody() {
	if b := x.current.Load(); b != nil {
		b.Abort(wasihttp.ErrUnfinished)
	}
}

// settle answers for an invocation that has not, and waits until the answer has been written or cannot be.
func (x *exchange) settle(err error) {
	x.settled = true
	_ = x.body.Close()
	x.abortBody()
	if x.status.Load() == 0 {
		x.decide(x.failure(err))
	}
	<-x.written
	x.body.waitServed()
	x.ended.End()
}

// failure is the answer for an invocation that has ended with err and without one.
func (x *exchange) failure(err error) answer {
	status := statusOf(err, context.Cause(&x.ctx))
	if status == 0 {
		return answer{}
	}
	a := failure(status)
	if errors.Is(err, cm.ErrStopping) {
		a.text = "shutting down, try again later\n"
	}
	return a
}

// statusOf says how an invocation that ended without an answer is answered; cause is why it was cancelled, if it was.
func statusOf(err, cause error) int {
	var trap *cm.Trap
	if !errors.As(err, &trap) {
		return http.StatusInternalServerError
	}
	switch trap.Code {
	case cm.TrapDeadline:
		return http.StatusGatewayTimeout
	case cm.TrapOverload:
		return http.StatusServiceUnavailable
	case cm.TrapBody, cm.TrapHeaders:
		// It is the client's doing if the exchange was cancelled for it; a guest can make fields too large, too.
		var why *cm.Trap
		switch {
		case !errors.As(cause, &why) || why.Code != trap.Code:
		case why.Code == cm.TrapBody:
			return http.StatusRequestEntityTooLarge
		default:
			return http.StatusRequestHeaderFieldsTooLarge
		}
	case cm.TrapCancel:
		switch cause {
		case error(errGone):
			return 0
		case error(errExpired):
			return http.StatusGatewayTimeout
		case error(errSlow):
			return http.StatusRequestTimeout
		}
		return http.StatusServiceUnavailable // the host stops
	}
	return http.StatusInternalServerError
}

// bodiless says whether an answer has no body on the wire: RFC 9110 §6.4.1.
func bodiless(method string, status int) bool {
	return method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
}
