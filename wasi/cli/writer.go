package cli

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Interruptible wraps a writer that may block for ever (a full pipe, a stopped terminal) for [Config.Stdout]: a write ends
// with its context. The bytes of an interrupted write may still be written, before those of later writes, which wait for it.
// Safe for concurrent use.
func Interruptible(w io.Writer) func(ctx context.Context, p []byte) error {
	token := make(chan struct{}, 1) // empty while a write is under way
	token <- struct{}{}
	var buf []byte // belongs to the holder of the token
	return func(ctx context.Context, p []byte) error {
		if ctx.Done() == nil {
			<-token
			defer func() { token <- struct{}{} }()
			_, err := w.Write(p)
			return err
		}
		defer cm.Waiting(ctx)()
		select {
		case <-token:
		case <-ctx.Done():
			return &wasiio.Interrupted{Cause: context.Cause(ctx)}
		}
		buf = append(buf[:0], p...) // p is the guest's again when this returns
		copied, done := buf, make(chan error, 1)
		go func() {
			_, err := w.Write(copied)
			token <- struct{}{}
			done <- err
		}()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return &wasiio.Interrupted{Cause: context.Cause(ctx)}
		}
	}
}
