package cli

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Interruptible makes a writer that may block for ever (a pipe that nobody reads, a stopped terminal) fit for
// [Config.Stdout]: a write ends with its context. The bytes of one that was given up may still arrive, before those of
// later writes; while it blocks, later writes wait for it. Safe for concurrent use.
func Interruptible(w io.Writer) func(ctx context.Context, p []byte) error {
	turn := make(chan struct{}, 1) // holds a token while nobody writes
	turn <- struct{}{}
	var buf []byte // of whoever has the token
	return func(ctx context.Context, p []byte) error {
		if ctx.Done() == nil {
			<-turn
			defer func() { turn <- struct{}{} }()
			_, err := w.Write(p)
			return err
		}
		defer cm.Waiting(ctx)()
		select {
		case <-turn:
		case <-ctx.Done():
			return &wasiio.Interrupted{Cause: context.Cause(ctx)}
		}
		buf = append(buf[:0], p...) // p is the guest's again when this returns
		mine, done := buf, make(chan error, 1)
		go func() {
			_, err := w.Write(mine)
			turn <- struct{}{}
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
