package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal has cancelled.
type signalError struct{ syscall.Signal }

func (s signalError) Error() string {
	if s.Signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// status is the exit status of a process that the signal has ended, as shells report it.
func (s signalError) status() int { return 128 + int(s.Signal) }

// interruptible returns a context that the first SIGINT or SIGTERM cancels, with a cause of type signalError. After that signals
// have their default effect: the second ends the process at once, also where it comes before the first has been handled.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-received:
			signal.Stop(received)
			if s, ok := s.(syscall.Signal); ok {
				cancel(signalError{s})
			}
			select {
			case s = <-received:
				raise(s)
			default:
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel(nil)
	}
}

// raise sends s to the process itself, which no longer catches it.
func raise(s os.Signal) {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil && p != nil { // a system without such signals
		_ = p.Kill()
	}
}

// ignoreBrokenPipe makes a write to a pipe without a reader return an error also on standard output and error, where it would
// end the process.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// onHangup calls f at each SIGHUP, which otherwise ends the process, until stop is called.
func onHangup(f func()) (stop func()) {
	received, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(received, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-received:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(received)
		close(done)
	}
}
