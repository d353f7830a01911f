package http

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// errExpired is the cause with which an exchange ends at the deadline that its client has set. Copies of this trap end the guest.
var errExpired = cm.Trapf(cm.TrapCancel, "the client's deadline (grpc-timeout) has passed")

// beginGRPC notes that a request is one of gRPC, and has the client's deadline end its invocation. x.ctx has begun and nobody else has it.
func (x *exchange) beginGRPC() {
	if x.r.ProtoMajor != 2 || !grpchttp.Is(x.r.Header) {
		return
	}
	x.grpc = true
	if d, ok := grpchttp.TimeoutOf(x.r.Header); ok {
		x.ctx.SetTimeout(d, func() error { return errExpired })
	}
	// A stream may rest for as long as the call may take; a client that has gone is noticed by its connection.
	if d := x.route.deadline; d > 0 {
		x.body.timeout = max(x.body.timeout, d)
	} else {
		x.body.timeout = math.MaxInt64
	}
}

// grpcFailure is an answer of the host's as clients of gRPC understand it: head and trailers in one, with status 200.
func grpcFailure(a answer) answer {
	code, text := grpchttp.CodeOfHTTP(a.status), strings.TrimSuffix(a.text, "\n")
	f := wasihttp.FieldsFromHeader(http.Header{
		"Content-Type":   {grpchttp.ContentType},
		grpchttp.Status:  {strconv.Itoa(int(code))},
		grpchttp.Message: {grpchttp.EscapeMessage(text)},
	})
	return answer{status: http.StatusOK, fields: f}
}

// trailersOnly says whether an answer's head is its trailers as well. It must end the answer then: clients do not take a head for an end
// that comes by itself.
func (x *exchange) trailersOnly(a *answer) bool { return x.grpc && a.fields.Has(grpchttp.Status) }

// tellBroken ends an answer that is not whole with a status in its trailers: to a client of gRPC only OK is the end of a whole one.
func (x *exchange) tellBroken(w http.ResponseWriter, err error) {
	code, text := grpchttp.Internal, "the component failed"
	var known *wasihttp.Error
	switch {
	case !x.deadline.IsZero() && !time.Now().Before(x.deadline):
		code, text = grpchttp.DeadlineExceeded, "the component took too long"
	case errors.Is(context.Cause(&x.ctx), cm.ErrStopping):
		code, text = grpchttp.Unavailable, "shutting down, try again later"
	case errors.As(err, &known) && known != wasihttp.ErrUnfinished:
		code = grpchttp.CodeOfHTTP(known.Status())
	}
	x.told = strconv.Itoa(int(code))
	w.Header()[http.TrailerPrefix+grpchttp.Status] = []string{x.told}
	w.Header()[http.TrailerPrefix+grpchttp.Message] = []string{grpchttp.EscapeMessage(text)}
}

// HTTPAnswerField implements [host.HTTPAnswer].
func (x *exchange) HTTPAnswerField(name string) string {
	select {
	case <-x.decided:
	default:
		return ""
	}
	a := &x.reply
	if a.fields == nil {
		return ""
	}
	if a.body != nil {
		select {
		case <-x.written:
			if x.told != "" && strings.EqualFold(name, grpchttp.Status) {
				return x.told
			}
			if t := a.body.Trailers(); t != nil && x.whole {
				if v := t.Get(name); len(v) > 0 {
					return v[0]
				}
			}
		default:
		}
	}
	if v := a.fields.Get(name); len(v) > 0 {
		return v[0]
	}
	return ""
}
