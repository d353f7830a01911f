package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalled is the cause of a context that a signal has ended.
type signalled struct{ syscall.Signal }

func (s signalled) Error() string {
	if s.Signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// status is the exit status of what the signal has ended, as shells have it.
func (s signalled) status() int { return 128 + int(s.Signal) }

// interruptible gives a context that the first SIGINT or SIGTERM ends, for a cause of type signalled. From then on signals do
// what they do to any process: the second ends it at once, also where it comes before the first has been dealt with.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	came := make(chan os.Signal, 2)
	signal.Notify(came, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-came:
			signal.Stop(came)
			if s, ok := s.(syscall.Signal); ok {
				cancel(signalled{s})
			}
			select {
			case s = <-came:
				raise(s)
			default:
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(came)
		cancel(nil)
	}
}

// raise has the process do what it does at a signal that nobody takes.
func raise(s os.Signal) {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil && p != nil { // a system without such signals
		_ = p.Kill()
	}
}

// keepWriting makes a write to a pipe whose reader has gone an error like any other, also on standard output and error, where
// it would end the process.
func keepWriting() { signal.Ignore(syscall.SIGPIPE) }

// onHangup has f called whenever SIGHUP comes, which ends the process otherwise, until the returned function is called.
func onHangup(f func()) (stop func()) {
	came, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(came, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-came:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(came)
		close(done)
	}
}
