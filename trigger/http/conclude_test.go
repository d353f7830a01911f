package http

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// TestGuestsThatDoNotAnswer: each way in which a guest returns without a whole answer has a name, and says itself in words;
// the client is told nothing of it.
func TestGuestsThatDoNotAnswer(t *testing.T) {
	part := func(declared string, end func(*wasihttp.OutgoingBody) error) guest {
		return func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			var fields []string
			if declared != "" {
				fields = []string{"content-length", declared}
			}
			b, w := respond(out, 200, fields...)
			_ = wasiio.WriteAndFlush(ctx, w, []byte("some"))
			return end(b)
		}
	}
	for name, c := range map[string]struct {
		guest        guest
		status       int
		reason, says string
		given        bool
	}{
		"no response": {guest: func(context.Context, *wasihttp.IncomingRequest, wasihttp.Responder) error { return nil },
			status: 500, reason: "no-response", says: "has set no response"},
		"an error": {guest: func(_ context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			out.Fail(wasihttp.Errorf(wasihttp.InternalError, "the cupboard is bare"))
			return nil
		}, status: 500, reason: "internal-error", says: "the cupboard is bare", given: true},
		"an upstream's error": {guest: func(_ context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			out.Fail(&wasihttp.Error{Code: wasihttp.ConnectionRefused})
			return nil
		}, status: 502, reason: "connection-refused", says: "connection-refused", given: true},
		"exit": {guest: func(context.Context, *wasihttp.IncomingRequest, wasihttp.Responder) error {
			return &cm.ExitError{Code: 3}
		},
			status: 500, reason: "exit", says: "exit with status 3"},
		"exit with 0": {guest: func(context.Context, *wasihttp.IncomingRequest, wasihttp.Responder) error { return &cm.ExitError{} },
			status: 500, reason: "exit", says: "exit with status 0"},
		"exit in the middle": {guest: part("", func(*wasihttp.OutgoingBody) error { return &cm.ExitError{Code: 1} }),
			status: 200, reason: "exit", says: "exit with status 1"},
		"dropped body": {guest: part("", func(b *wasihttp.OutgoingBody) error { b.Abort(wasihttp.ErrUnfinished); return nil }),
			status: 200, reason: "unfinished-body", says: "before it was finished"},
		"body left open": {guest: part("", func(*wasihttp.OutgoingBody) error { return nil }),
			status: 200, reason: "unfinished-body", says: "before it was finished"},
		"too short": {guest: part("10", func(b *wasihttp.OutgoingBody) error { _ = b.Finish(nil); return nil }),
			status: 200, reason: "body-size", says: "content-length says: 4 bytes"},
		"too long": {guest: part("3", func(b *wasihttp.OutgoingBody) error { _ = b.Finish(nil); return nil }),
			status: 200, reason: "body-size", says: "content-length says: 4 bytes"},
		"exit behind a whole answer": {guest: part("", func(b *wasihttp.OutgoingBody) error { _ = b.Finish(nil); return &cm.ExitError{} }),
			status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, Config{}, nil, c.guest)
			for _, proto := range []string{"1.1", "1.0"} {
				_, r := raw(t, f, "GET / HTTP/"+proto+"\nHost: h\nConnection: close\n\n")
				var answer strings.Builder
				_, _ = r.WriteTo(&answer)
				if strings.Contains(answer.String(), "bare") || strings.Contains(answer.String(), "exit") {
					t.Errorf("the client is told %q", answer.String())
				}
				e := f.inv.end(t)
				var why *cm.AnswerError
				if c.reason == "" {
					if errors.As(e.err, &why) {
						t.Errorf("ended with %v", e.err)
					}
					return
				}
				if !errors.As(e.err, &why) || why.Reason != c.reason || !strings.Contains(why.Error(), c.says) || why.Answered != c.given || e.status != c.status {
					t.Errorf("status %d, %+v: %v", e.status, why, e.err)
				}
			}
		})
	}
}
