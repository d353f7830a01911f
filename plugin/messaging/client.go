package messaging

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/workload"
)

// client sends the messages of one component.
type client struct {
	routes    []Route
	component string
	lines     *host.Lines
}

// The time that a call may take: a publish without an answer of the broker's, and a request whose guest says nothing of it.
const (
	publishTime = 5 * time.Second
	requestTime = 10 * time.Second
)

type answeringKey struct{}

// answering is where an answer to the message that is being handled may go.
type answering struct {
	subject string
	route   Route
}

// Answering is ctx for the handling of a message that has come by a route: the component may publish on the subject on which the sender waits
// for an answer, reply. Empty: the sender does not wait.
func Answering(ctx context.Context, reply string, r Route) context.Context {
	if reply == "" {
		return ctx
	}
	return context.WithValue(ctx, answeringKey{}, answering{reply, r})
}

// AnswerDestination is what an answer's destination is called for observers: subjects of answers are random.
const AnswerDestination = "answer"

// route is how a component may send to a subject; else ErrDenied, and the operator is told.
func (c *client) route(ctx context.Context, subject string) (Route, error) {
	if err := CheckSubject(subject); err != nil {
		return Route{}, err
	}
	if r, ok := find(c.routes, subject); ok {
		return r, nil
	}
	if a, ok := ctx.Value(answeringKey{}).(answering); ok && a.subject == subject {
		a.route.Pattern = AnswerDestination
		return a.route, nil
	}
	c.lines.Log(ctx, denied(c.component, subject))
	return Route{}, ErrDenied
}

// denied is the line about a message that no grant of a component allows. What comes after a subject's first dot may be a name that is
// nobody's business.
func denied(component, subject string) host.LogLine {
	pattern := subject
	if first, _, more := strings.Cut(subject, "."); more {
		pattern = first + ".>"
	}
	return host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"a message to %s is not granted; to allow it, add %q to grants.messaging of component %s, with its broker", pattern, pattern, component)}
}

// prepare makes the message that goes out: with what observers add to it.
func prepare(ctx context.Context, r Route, m *Message) error {
	if len(m.Body) > MaxBody {
		return ErrTooLarge
	}
	if m.Reply != "" {
		if err := CheckSubject(m.Reply); err != nil {
			return err
		}
	}
	out := host.OutgoingMessageFrom(ctx)
	out.Sent(r.Backend.System(), r.Pattern, len(m.Body))
	if out != nil {
		m.Header = maps.Clone(out.Header)
	}
	return nil
}

func (c *client) publish(ctx context.Context, m *Message) error {
	r, err := c.route(ctx, m.Subject)
	if err != nil {
		return err
	}
	if err := prepare(ctx, r, m); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	err = r.Bus.Publish(bounded, m)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = &backend.DownError{Reason: workload.BackendTimeout, Err: fmt.Errorf("%w: it did not answer within %s", ErrUnavailable, publishTime)}
	}
	r.met(ctx, err)
	return err
}

func (c *client) request(ctx context.Context, m *Message, within time.Duration) (*Message, error) {
	r, err := c.route(ctx, m.Subject)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, r, m); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answer, err := r.Bus.Request(bounded, m)
	if bounded.Err() == nil {
		r.met(ctx, err)
	}
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return nil, ErrTimeout
	}
	return answer, err
}

// met tells the backend's watch how a call has ended.
func (r *Route) met(ctx context.Context, err error) {
	if errors.Is(err, ErrUnavailable) && backend.DownReason(err) == "" {
		err = &backend.DownError{Reason: workload.BackendConnection, Err: err}
	}
	r.Watch.Met(ctx, err, guestErrors...)
}

// guestErrors are the errors that guests get, by a case of the interface's error or by their text.
var guestErrors = []error{ErrSubject, ErrDenied, ErrTimeout, ErrTooLarge, ErrQuota}

// failure splits an error into the one of guestErrors that the guest gets, or nil with the text for it, and the cause for operators. ok is
// false where the invocation has ended.
func failure(ctx context.Context, err error) (known error, text string, cause error, ok bool) {
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		return ErrUnavailable, ErrUnavailable.Error(), &cm.BackendError{Text: ErrUnavailable.Error(), Err: err}, true
	}
	text, cause, ok = backend.Failure(ctx, err, guestErrors...)
	for _, e := range guestErrors {
		if errors.Is(err, e) {
			known = e
			break
		}
	}
	return known, text, cause, ok
}
