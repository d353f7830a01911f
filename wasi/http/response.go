package http

import (
	"context"
	"fmt"
	"net/http"
)

// OutgoingResponse is a response of a guest. Not safe for concurrent use, nor to be copied after Init.
type OutgoingResponse struct {
	status  int
	headers *Fields
	own     Fields // what headers points to, if a guest has made them
	body    *OutgoingBody
	maxBody uint64
}

// NewOutgoingResponse makes a response with status 200, which owns the headers.
func NewOutgoingResponse(h *Fields) *OutgoingResponse {
	r := &OutgoingResponse{}
	r.Init(h)
	return r
}

// Init is NewOutgoingResponse for one that is a part of something else.
func (r *OutgoingResponse) Init(h *Fields) {
	r.status, r.own = http.StatusOK, h.frozen()
	r.headers = &r.own
}

// LimitBody bounds the bytes of the body. Call it before Body.
func (r *OutgoingResponse) LimitBody(most uint64) { r.maxBody = most }

// Status is the status code.
func (r *OutgoingResponse) Status() int { return r.status }

// SetStatus fails unless code is that of a final response: RFC 9110 §15 defines 200 to 599; other three-digit codes are
// allowed.
func (r *OutgoingResponse) SetStatus(code int) error {
	if code < 200 || code > 999 {
		return fmt.Errorf("status %d: not between 200 and 999", code)
	}
	r.status = code
	return nil
}

// Headers returns the immutable headers.
func (r *OutgoingResponse) Headers() *Fields { return r.headers }

// Body returns the response's body, which the first call makes.
func (r *OutgoingResponse) Body() *OutgoingBody {
	if r.body == nil {
		r.body = newOutgoingBody(r.headers, ResponseBodySize, r.maxBody)
	}
	return r.body
}

// HasBody says whether Body was called.
func (r *OutgoingResponse) HasBody() bool { return r.body != nil }

// Responder sends the response to one request.
type Responder interface {
	// Inform sends an informational (1xx) response and returns when it has been written. It may be called any number of
	// times before Respond or Fail. It does nothing if the client's protocol has no such responses.
	Inform(ctx context.Context, status int, h *Fields) error
	// Respond starts to send the response and returns without waiting for its body. Called at most once.
	Respond(r *OutgoingResponse)
	// Fail responds for a handler that returned an error instead. Called at most once, and not after Respond.
	Fail(err *Error)
}

// IncomingResponse is a response that a client has received.
type IncomingResponse struct {
	resp    *http.Response
	headers *Fields
	body    *IncomingBody
}

// Status is the status code.
func (r *IncomingResponse) Status() int { return r.resp.StatusCode }

// Headers returns the response's fields, the same at each call.
func (r *IncomingResponse) Headers() *Fields {
	if r.headers == nil {
		r.headers = FieldsFromHeader(r.resp.Header)
	}
	return r.headers
}

// Body returns the response's body. Its exchange lasts until it has been read or closed.
func (r *IncomingResponse) Body() *IncomingBody { return r.body }

// Forward makes an answer of a response: with its status and headers, which cannot be changed, and without its body.
func (r *IncomingResponse) Forward() *OutgoingResponse {
	return &OutgoingResponse{status: r.Status(), headers: r.Headers()}
}

// Bodyless says that the response has no body, not even an empty one of unknown length.
func (r *IncomingResponse) Bodyless() bool { return r.resp.Body == http.NoBody }
