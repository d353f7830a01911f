package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible gives a context that the first SIGINT or SIGTERM ends. From then on signals do what they do to any
// process: the second ends it at once.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
