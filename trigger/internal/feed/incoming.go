package feed

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
)

// incoming is a message that is handled: a host.MessageSubject.
type incoming struct {
	f       *Feed
	m       *messaging.Message
	attempt int
	size    int
}

var _ host.MessageSubject = (*incoming)(nil)

// MessageSystem implements host.MessageSubject.
func (i *incoming) MessageSystem() string { return i.f.System }

// MessageDestination implements host.MessageSubject.
func (i *incoming) MessageDestination() string { return i.f.Destination }

// MessageGroup implements host.MessageSubject.
func (i *incoming) MessageGroup() string { return i.f.Group }

// MessageHeader implements host.MessageSubject.
func (i *incoming) MessageHeader(name string) string { return i.m.Header[name] }

// MessageSize implements host.MessageSubject.
func (i *incoming) MessageSize() int { return i.size }

// MessageAttempt implements host.MessageSubject.
func (i *incoming) MessageAttempt() int { return i.attempt }

func (i *incoming) run(ctx context.Context, inst *component.Instance) error {
	return i.f.Handle(ctx, inst, i.m)
}

// settleTime bounds what a broker is told about one message.
const settleTime = 5 * time.Second

// The fields of a message that was given up.
const (
	FieldSubject  = "vitrine-subject"  // where it came
	FieldReason   = "vitrine-reason"   // why it was not handled, in a word
	FieldAttempts = "vitrine-attempts" // how often it came
)

// settle tells the broker what has become of a message. It is called after the handler and within its event.
func (f *Feed) settle(ctx context.Context, d messaging.Delivery, in *incoming, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err == nil {
		f.report(ctx, "a message was handled, and the broker could not be told so: it may come again", d.Done(ctx))
		return
	}
	stopping := errors.Is(err, cm.ErrStopping)
	reason := reasonOf(err)
	if f.Durable && (stopping || reason != messaging.ReasonReject && in.attempt < f.Attempts) {
		after := backoff(f.Retry, in.attempt, maxRetry)
		if stopping {
			after = 0
		}
		f.report(ctx, "a message was not handled, and the broker could not be told so: it comes again when the broker has waited long enough", d.Retry(ctx, after))
		return
	}
	if f.Bury != nil {
		if err := f.Bury(ctx, in.givenUp(reason)); err != nil {
			f.report(ctx, "a message that was given up could not be sent to "+f.DeadLetter, err)
			if f.Durable && d.Retry(ctx, maxRetry) == nil {
				return
			}
		}
	}
	f.report(ctx, "a message was given up, and the broker could not be told so: it may come again", d.Done(ctx))
}

// givenUp is the message that goes to the dead letters, with fields that say why.
func (i *incoming) givenUp(reason string) *messaging.Message {
	header := map[string]string{}
	maps.Copy(header, i.m.Header)
	maps.Copy(header, map[string]string{FieldSubject: i.m.Subject, FieldReason: reason, FieldAttempts: strconv.Itoa(i.attempt)})
	return &messaging.Message{Subject: i.f.DeadLetter, Body: i.m.Body, Header: header}
}

func (f *Feed) report(ctx context.Context, what string, err error) {
	if err != nil {
		f.Log.WarnContext(ctx, what, "system", f.System, "reason", err)
	}
}

// reasonOf says in a word why a message was not handled.
func reasonOf(err error) string {
	var answer *cm.AnswerError
	var trap *cm.Trap
	switch {
	case errors.As(err, &answer):
		return answer.Reason
	case errors.As(err, &trap):
		return "trap." + string(trap.Code)
	}
	return messaging.ReasonError
}
