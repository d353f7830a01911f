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
	"github.com/vitrine-wasm/vitrine/telemetry/internal/redact"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/span"
)

// verdict is what telemetry says of the end of a call. The zero verdict is a call that returned.
type verdict struct {
	errorType string // error.type; empty when it is no error
	blame     cm.Blame
	limit     string // the operator's limit that the guest ran into, whether it ended for it or not
	client    bool   // the client is to blame, not the server: the span has not failed (semantic conventions, http-spans.md)
	message   string
	trap      *cm.Trap
	cancelled bool // its caller went away: the end of a call, but nobody's error
	exit      int  // exit code of a command + 1; 0 when it did not ask to end
}

// errorTypeHost is how host functions fail, whether the engine made a trap of it yet or not.
const errorTypeHost = "trap." + string(cm.TrapHost)

// errorTypeShutdown is what the end of the host has cut, or turned away.
const errorTypeShutdown = "shutdown"

// failed says whether the span's status is error.
func (v *verdict) failed() bool { return v.errorType != "" }

// judge classifies the end of a call.
func judge(end *cm.End) verdict {
	err := end.Err
	if end.Outcome == cm.OK && err == nil {
		// A command that asked to end has returned; how is then the call's value.
		if err, _ = end.Value.(error); err == nil {
			return verdict{}
		}
	}
	var answer *cm.AnswerError
	if errors.As(err, &answer) {
		return judgeAnswer(answer)
	}
	var exit *cm.ExitError
	if errors.As(err, &exit) {
		v := verdict{exit: int(exit.Code) + 1}
		if exit.Code != 0 {
			v.errorType, v.message = "exit", exit.Error()
		}
		return v
	}
	if end.Outcome == cm.OK && end.Err == nil {
		return verdict{}
	}
	var trap *cm.Trap
	if errors.As(err, &trap) {
		v := verdict{trap: trap, blame: trap.Blame(), limit: trap.Limit(), message: redact.Text(trap.Error())}
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
		return verdict{cancelled: true}
	case errors.Is(end.Err, context.DeadlineExceeded):
		return verdict{errorType: string(cm.TrapDeadline), blame: cm.BlameLimit, limit: string(cm.TrapDeadline), message: redact.Text(end.Err.Error())}
	case end.Err != nil:
		return verdict{errorType: errorTypeHost, blame: cm.BlameHost, message: redact.Text(end.Err.Error())}
	case end.Outcome == cm.Trapped:
		return verdict{errorType: "trap", blame: cm.BlameGuest}
	}
	return verdict{errorType: "aborted", blame: cm.BlameHost}
}

// judgeAnswer classifies the end of an event whose guest did not give what was asked of it.
func judgeAnswer(answer *cm.AnswerError) verdict {
	v := verdict{errorType: answer.Reason, message: redact.Text(answer.Error())}
	if !answer.Given {
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

// mark tells a span of the verdict.
func (v *verdict) mark(s *span.Span) {
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

// exception emits the log record of a trap, or of an answer that was none, in the span of the call that it ended (semantic conventions,
// exceptions-logs.md).
func (p *providers) exception(ctx context.Context, component string, v *verdict) {
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
	switch { // of a panic it is the host's code that is of interest
	case v.trap == nil:
	case v.trap.HostStack != "":
		r.AddAttributes(semconv.ExceptionStacktrace(v.trap.HostStack))
	case len(v.trap.Stack) > 0:
		r.AddAttributes(semconv.ExceptionStacktrace(strings.Join(v.trap.Stack, "\n")))
	}
	p.logger.Emit(ctx, r)
}

// told remembers the last traps and limits that were reported, so that of all that one of them ends only the innermost
// reports it.
type told struct {
	mu     sync.Mutex
	recent [32]error // traps and limits, by pointer
	next   int
}

// first says whether err was not seen before.
func (r *told) first(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.recent[:], err) {
		return false
	}
	r.recent[r.next] = err
	r.next = (r.next + 1) % len(r.recent)
	return true
}
