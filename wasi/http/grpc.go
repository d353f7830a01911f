package http

import (
	"context"
	"net/http"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
)

// errGRPCTimeout is the cause with which the exchange of a call by gRPC ends at its deadline.
var errGRPCTimeout = &Error{Code: ResponseTimeout}

// grpcDeadline sets what the host says in the head of a request of gRPC: that its client takes trailers, which gRPC demands and no guest
// can know of its connection, and how much of its time is left. The timeout is the guest's own where that is less. limited is false for
// any other request, and where nothing bounds the call.
func grpcDeadline(ctx context.Context, r *OutgoingRequest) (left time.Duration, limited bool) {
	h := r.Header()
	if !grpchttp.Is(h) {
		return 0, false
	}
	h["Te"] = []string{"trailers"}
	left, limited = grpchttp.TimeoutOf(h)
	at, ok := ctx.Deadline()
	if !ok {
		return left, limited
	}
	if until := time.Until(at); !limited || until < left {
		if _, set := h[grpchttp.Timeout]; set && !limited {
			return until, true // what the guest has written is no timeout, which is for the server to say
		}
		h[grpchttp.Timeout] = []string{grpchttp.FormatTimeout(until)}
		return until, true
	}
	return left, limited
}

// Trailers are those of a response whose body has come to its end; nil where it has not, or has none. They are the network's, for
// observers, and must not be changed.
func (x *Exchange) Trailers() http.Header {
	if !x.ready.Ready() || x.body == nil {
		return nil
	}
	return x.body.trailers()
}
