package backend

import (
	"context"
	"errors"
	"net"

	"github.com/vitrine-wasm/vitrine/cm"
)

// FailedText is the guest's text for errors that its interface does not name.
const FailedText = "the backend failed"

// Failure splits a backend's error into the text for the guest and the cause for operators, as [cm.FailFor] takes them. The guest
// never gets a backend's own text, but that of the first of known that err wraps, that of a limit, or [FailedText].
//
// ok is false if ctx has ended. Then cause is err, for the caller to return unchanged.
func Failure(ctx context.Context, err error, known ...error) (text string, cause error, ok bool) {
	if ctx.Err() != nil {
		return "", err, false
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return k.Error(), err, true
		}
	}
	var limit *cm.LimitError
	if errors.As(err, &limit) {
		return limit.Error(), err, true
	}
	return FailedText, &cm.BackendError{Text: FailedText, Err: err}, true
}

// Errors that a backend's may wrap, for interfaces that tell guests when it makes sense to try again. Those of the network need not wrap them.
var (
	ErrUnavailable = errors.New("the server cannot be reached")
	ErrTimeout     = errors.New("the server does not answer in time")
)

// Unavailable says that err is of a server that cannot be reached, and late that it is of one that has not answered in time.
func Unavailable(err error) (unavailable, late bool) {
	var network net.Error
	if errors.Is(err, ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return false, true
	}
	var unreachable *net.OpError
	return errors.Is(err, ErrUnavailable) || errors.As(err, &unreachable), false
}
