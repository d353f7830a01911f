package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
)

// Access is a request by HTTP that has ended, for a log with a line for each: what its span says, also where no span is recorded. Method and
// Path are the client's own words, of any length and with any characters in them.
type Access struct {
	Start       time.Time
	Duration    time.Duration
	Method      string
	Path        string // without the query
	Route       string // the pattern that it was matched by; empty where none was
	Status      int    // of the answer; 0 where the client had gone before there was one
	RequestSize int64  // of the bodies, in bytes
	AnswerSize  int64

	Namespace, Workload, Component string

	// ErrorType is the span's error.type: "trap.unreachable", "deadline", "overload", the status of a call by gRPC; empty where the
	// request has not failed, and where its status is all that is known.
	ErrorType string
}

// access hands a request that has ended to Config.Access. ctx has the request's trace; method is the one that came.
func (t *Telemetry) access(ctx context.Context, id identity, c *cm.Call, s host.HTTPSubject, method string, v *outcome) {
	if t.cfg.Access == nil {
		return
	}
	a := Access{
		Start: c.Start, Duration: time.Since(c.Start), Method: method, Route: s.HTTPRoute(), Status: s.HTTPStatus(),
		Namespace: id.namespace, Workload: id.workload, Component: string(c.Boundary.Callee),
	}
	if r := s.HTTPRequest(); r != nil && r.URL != nil {
		a.Path = r.URL.Path
	}
	a.RequestSize, a.AnswerSize = s.HTTPBodySizes()
	if v.errorType != strconv.Itoa(a.Status) {
		a.ErrorType = v.errorType
	}
	t.cfg.Access(ctx, a)
}

// classifyRequest classifies the end of a request; called is the status of a call by gRPC, nil where it is none or its status is not known.
func classifyRequest(s host.HTTPSubject, rpc bool, end *cm.End) (v outcome, status int, called *rpcStatus) {
	v, status = classify(end), s.HTTPStatus()
	if !v.failed() && status >= 500 {
		v.errorType = strconv.Itoa(status)
	}
	if rpc {
		if called = statusAnswered(s); called != nil && !v.failed() && called.code.ServerError() {
			v.errorType = called.code.String()
		}
	}
	if v.trap != nil && (called != nil && called.code == grpchttp.ResourceExhausted || status == http.StatusRequestEntityTooLarge || status == http.StatusRequestHeaderFieldsTooLarge) {
		v.client = v.trap.Code == cm.TrapBody || v.trap.Code == cm.TrapHeaders
	}
	return v, status, called
}
