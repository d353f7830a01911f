package http

import (
	"context"
	"fmt"
	"net/http"
)

// OutgoingResponse is an answer that a guest makes up. Not safe for concurrent use.
type OutgoingResponse struct {
	status  int
	headers *Fields
	body    *OutgoingBody
	maxBody uint64
}

// NewOutgoingResponse makes an answer with status 200. The headers belong to it from now on.
func NewOutgoingResponse(h *Fields) *OutgoingResponse {
	return &OutgoingResponse{status: http.StatusOK, headers: h.Frozen()}
}

// LimitBody bounds the bytes of the body; before Body is called.
func (r *OutgoingResponse) LimitBody(most uint64) { r.maxBody = most }

// Status is the status code.
func (r *OutgoingResponse) Status() int { return r.status }

// SetStatus fails unless code is that of a final answer: 200 to 599 are those that RFC 9110 §15 knows; other three-digit
// codes pass, too.
func (r *OutgoingResponse) SetStatus(code int) error {
	if code < 200 || code > 999 {
		return fmt.Errorf("status %d: not between 200 and 999", code)
	}
	r.status = code
	return nil
}

// Headers cannot be changed.
func (r *OutgoingResponse) Headers() *Fields { return r.headers }

// Body is the answer's body; the first call makes it.
func (r *OutgoingResponse) Body() *OutgoingBody {
	if r.body == nil {
		r.body = newOutgoingBody(r.headers, ResponseBodySize, r.maxBody)
	}
	return r.body
}

// HasBody says whether Body was called.
func (r *OutgoingResponse) HasBody() bool { return r.body != nil }

// Responder takes the answer to one request.
type Responder interface {
	// Inform sends an answer of status 1xx before the real one, and returns when it has been passed on. Any number of
	// times, and not after Respond or Fail. Where the client's protocol has no such answers it does nothing.
	Inform(ctx context.Context, status int, h *Fields) error
	// Respond starts to send the answer and returns without waiting for its body. Called at most once.
	Respond(r *OutgoingResponse)
	// Fail answers for a handler that gave an error instead. Called at most once, and not after Respond.
	Fail(err *Error)
}

// IncomingResponse is an answer as it came in.
type IncomingResponse struct {
	resp    *http.Response
	headers *Fields
	body    *IncomingBody
}

// Status is the status code.
func (r *IncomingResponse) Status() int { return r.resp.StatusCode }

// Headers are the answer's fields; the same at each call.
func (r *IncomingResponse) Headers() *Fields {
	if r.headers == nil {
		r.headers = FieldsFromHeader(r.resp.Header)
	}
	return r.headers
}

// Body is the answer's body. Close it, read or not: its exchange lasts until then, or until it has been read.
func (r *IncomingResponse) Body() *IncomingBody { return r.body }
