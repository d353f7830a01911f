package telemetry

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/codes"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestEventsWithoutAnswer: an event without an answer, or cut by the host's shutdown, has an error.type in its span, and one log
// record.
func TestEventsWithoutAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		err                 error
		errorType, blame, m string
	}{
		"no response": {&cm.AnswerError{Reason: "no-response", Detail: "the handler has set no response"},
			"no-response", "guest", "the handler has set no response"},
		"an error": {&cm.AnswerError{Reason: "connection-refused", Answered: true, Detail: "the handler answered with an error: token=hush"},
			"connection-refused", "", "the handler answered with an error: token=REDACTED"},
		"exit":         {&cm.AnswerError{Reason: "exit", Detail: "exit with status 3", Err: &cm.ExitError{Code: 3}}, "exit", "guest", "exit with status 3"},
		"a host error": {errors.New("no instance"), "trap.host-error", "host", "no instance"},
		"cut": {cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping),
			"shutdown", "limit", "trap: cancelled: shutting down: the time to drain is over"},
		"late": {cm.Trapf(cm.TrapOverload, "%w: c takes no more", cm.ErrStopping),
			"shutdown", "limit", "trap: overload: shutting down: c takes no more"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newHarness(t, nil)
			b.serve(&request{r: httptest.NewRequest("GET", "/", nil), route: "/", status: 500}, func(context.Context) error { return c.err })
			spans := b.ended()
			if len(spans) != 1 {
				t.Fatalf("%d spans", len(spans))
			}
			s, attrs := spans[0], map[string]string{}
			for _, a := range s.Attributes {
				attrs[string(a.Key)] = a.Value.String()
			}
			if attrs["error.type"] != c.errorType || attrs[string(keyBlame)] != c.blame || s.Status.Code != codes.Error || s.Status.Description != c.m {
				t.Errorf("error.type %q, blame %q, status %+v", attrs["error.type"], attrs[string(keyBlame)], s.Status)
			}
			if n := len(b.logs.records); n != 1 {
				t.Fatalf("%d log records", n)
			}
			r := b.logs.records[0]
			if r.Body().AsString() != c.m || r.SpanID() != s.SpanContext.SpanID() {
				t.Errorf("the record says %q", r.Body().AsString())
			}
		})
	}
}
