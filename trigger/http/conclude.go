package http

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// conclude ends the guest's part of an exchange, which has ended with err in ctx: it waits until the guest's answer is written or ctx ends,
// and returns the exchange's error. An invocation has not succeeded before its answer has been sent.
func (x *exchange) conclude(ctx context.Context, err error) error {
	x.abortBody() // no guest code is left that could write or finish it
	answered := x.status.Load() != 0
	if answered {
		<-x.written
	}
	if answered && x.whole && x.failed == nil {
		return err
	}
	var exit *cm.ExitError
	switch {
	case errors.As(err, &exit):
		return &cm.AnswerError{Reason: "exit", Err: err,
			Detail: fmt.Sprintf("the handler called exit with status %d before its answer was complete", exit.Code)}
	case err != nil:
		return err
	case ctx.Err() != nil:
		return causeOf(ctx)
	case x.failed != nil:
		return &cm.AnswerError{Reason: x.failed.Code.String(), Answered: true, Err: x.failed,
			Detail: "the handler answered with an error: " + x.failed.Error()}
	case !answered:
		return &cm.AnswerError{Reason: "no-response", Detail: "the handler returned and has set no response"}
	}
	return x.unfinished()
}

// unfinished says why a body that the guest began was not finished.
func (x *exchange) unfinished() error {
	why := x.broken
	if why == nil {
		why = wasihttp.ErrUnfinished
	}
	var known *wasihttp.Error
	if errors.As(why, &known) && known.Code == wasihttp.ResponseBodySize && known.Text == "" && known.Number != nil {
		return &cm.AnswerError{Reason: "body-size", Err: why,
			Detail: fmt.Sprintf("the handler's body is not as long as its content-length says: %d bytes", *known.Number)}
	}
	return &cm.AnswerError{Reason: "unfinished-body", Err: why, Detail: "the handler's answer broke off: " + why.Error()}
}

// causeOf is why ctx has ended. If that is a trap, which may have ended other invocations too, it is wrapped in a new one, because a trap
// is filled in on its way out.
func causeOf(ctx context.Context) error {
	cause := context.Cause(ctx)
	var trap *cm.Trap
	if errors.As(cause, &trap) {
		return &cm.Trap{Code: trap.Code, Detail: trap.Detail, Err: cause}
	}
	return cause
}
