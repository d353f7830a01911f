package telemetry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// outcome is what telemetry records of a call's end. The zero value is a call that returned.
type outcome struct {
	errorType string // error.type; empty when it is no error
	blame     cm.Blame
	limit     string // the operator's limit that the guest has reached, fatal or not
	client    bool   // the client's fault, for which the span's status stays unset (semantic conventions, http-spans.md)
	message   string
	trap      *cm.Trap
	cancelled bool // the caller has gone, which is no error
	exit      int  // exit code of a command + 1; 0 if it did not exit
}

// errorTypeHost is the error.type of a failed host function, whether or not the engine has made a trap of it.
const errorTypeHost = "trap." + string(cm.TrapHost)

// errorTypeShutdown is the error.type of calls that the host's shutdown has ended or refused.
const errorTypeShutdown = "shutdown"

// failed says whether the span's status is error.
func (v *outcome) failed() bool { return v.errorType != "" }

// classify classifies the end of a call.
func classify(end *cm.End) outcome {
	err := end.Err
	if end.Outcome == cm.OK && err == nil {
		// A command that has exited has returned; its exit error is the call's value.
		if err, _ = end.Value.(error); err == nil {
			return outcome{}
		}
	}
	var answer *cm.AnswerError
	if errors.As(err, &answer) {
		return classifyAnswer(answer)
	}
	var exit *cm.ExitError
	if errors.As(err, &exit) {
		v := outcome{exit: int(exit.Code) + 1}
		if exit.Code != 0 {
			v.errorType, v.message = "exit", exit.Error()
		}
		return v
	}
	if end.Outcome == cm.OK && end.Err == nil {
		return outcome{}
	}
	var trap *cm.Trap
	if errors.As(err, &trap) {
		v := outcome{trap: trap, blame: trap.Blame(), limit: trap.Limit(), message: redact.Text(trap.Error())}
		switch {
		case errors.Is(trap, cm.ErrStopping):
			v.cancelled, v.errorType, v.limit = trap.Code == cm.TrapCancel, errorTypeShutdown, ""
		case trap.Code == cm.TrapCancel:
			v.cancelled = true
		case v.blame == cm.BlameLimit:
			v.errorType = string(trap.Code)
		default:
			v.errorType = "trap." + string(trap.Code)
		}
		return v
	}
	switch {
	case end.Outcome == cm.Cancelled || errors.Is(end.Err, context.Canceled):
		return outcome{cancelled: true}
	case errors.Is(end.Err, context.DeadlineExceeded):
		return outcome{errorType: string(cm.TrapDeadline), blame: cm.BlameLimit, limit: string(cm.TrapDeadline), message: redact.Text(end.Err.Error())}
	case end.Err != nil:
		return outcome{errorType: errorTypeHost, blame: cm.BlameHost, message: redact.Text(end.Err.Error())}
	case end.Outcome == cm.Trapped:
		return outcome{errorType: "trap", blame: cm.BlameGuest}
	}
	return outcome{errorType: "aborted", blame: cm.BlameHost}
}

// classifyAnswer classifies the end of an event for which the guest gave no valid answer.
func classifyAnswer(answer *cm.AnswerError) outcome {
	v := outcome{errorType: answer.Reason, message: redact.Text(answer.Error())}
	if !answer.Answered {
		v.blame = cm.BlameGuest
	}
	var exit *cm.ExitError
	if errors.As(answer, &exit) {
		v.exit = int(exit.Code) + 1
	}
	var limit *cm.LimitError
	if errors.As(answer, &limit) {
		v.limit = limit.Limit
	}
	return v
}

// errorTypeBackend is the error.type of a failed backend, of which the guest gets an error result.
const errorTypeBackend = "backend"

// setBackend records the failure of a host function's backend, and reports whether there is one. The guest continues.
func (v *outcome) setBackend(end *cm.End) bool {
	var backend *cm.BackendError
	if end.Cause == nil || v.failed() || !errors.As(end.Cause, &backend) {
		return false
	}
	v.errorType, v.blame, v.message = errorTypeBackend, cm.BlameHost, redact.Text(cm.Detail(end.Cause))
	return true
}

// describeCause records on a span, which is locked, the host's cause of an error that the guest got as a result.
func describeCause(s *span.Span, cause error) {
	if cause != nil {
		s.Str(attrResultCause, redact.Text(cm.Detail(cause)))
	}
}

// annotate records the outcome on a span.
func (v *outcome) annotate(s *span.Span) {
	if !v.cancelled && v.exit == 0 && v.limit == "" && !v.failed() {
		return
	}
	s.Lock()
	if v.cancelled {
		s.Str(attrOutcome, cm.Cancelled.String())
	}
	if v.exit > 0 {
		s.Int(attrExitCode, int64(v.exit-1))
	}
	if v.failed() {
		s.Str(attrErrorType, v.errorType)
		if v.blame != "" {
			s.Str(attrBlame, string(v.blame))
		}
	}
	if v.limit != "" {
		s.Str(attrLimit, v.limit)
	}
	s.Unlock()
	if v.failed() && !v.client {
		s.SetStatus(codes.Error, v.message)
	}
}

// exception emits the log record of a trap, a failed backend or a missing answer, in the span of ctx (semantic conventions,
// exceptions-logs.md).
func (p *providers) exception(ctx context.Context, component string, v *outcome) {
	if p.logger == nil {
		return
	}
	var r log.Record
	r.SetEventName(semconv.ExceptionEventName)
	r.SetTimestamp(time.Now())
	r.SetSeverity(log.SeverityError)
	r.SetSeverityText("ERROR")
	r.SetBody(attribute.StringValue(v.message))
	r.AddAttributes(
		semconv.ExceptionType(v.errorType),
		semconv.ExceptionMessage(v.message),
		keyComponent.String(component),
	)
	if v.blame != "" {
		r.AddAttributes(keyBlame.String(string(v.blame)))
	}
	if v.trap != nil {
		r.AddAttributes(keyTrapCode.String(string(v.trap.Code)))
	}
	switch { // for a panic, the host's stack
	case v.trap == nil:
	case v.trap.HostStack != "":
		r.AddAttributes(semconv.ExceptionStacktrace(v.trap.HostStack))
	case len(v.trap.Stack) > 0:
		r.AddAttributes(semconv.ExceptionStacktrace(strings.Join(v.trap.Stack, "\n")))
	}
	p.logger.Emit(ctx, r)
}

// reported keeps the last traps and limits that were reported, so that of all the calls that one of them ends only the innermost
// reports it.
type reported struct {
	mu     sync.Mutex
	recent [32]error // traps and limits, by pointer
	next   int
}

// first says whether err was not seen before.
func (r *reported) first(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.recent[:], err) {
		return false
	}
	r.recent[r.next] = err
	r.next = (r.next + 1) % len(r.recent)
	return true
}
