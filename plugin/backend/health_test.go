package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TestDownReason: errors that say that a backend cannot be used, and others, which it has answered with.
func TestDownReason(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}
	for want, errs := range map[string][]error{
		"":                         {nil, errors.New("WRONGTYPE"), fs.ErrNotExist, &fs.PathError{Op: "open", Err: fs.ErrNotExist}, ErrCursor},
		workload.BackendConnection: {refused, fmt.Errorf("x: %w", io.EOF), io.ErrUnexpectedEOF, net.ErrClosed},
		workload.BackendTimeout:    {context.DeadlineExceeded, os.ErrDeadlineExceeded, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}},
		workload.BackendDNS:        {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}},
		workload.BackendStorage:    {&fs.PathError{Op: "write", Err: syscall.ENOSPC}, syscall.EIO},
		workload.BackendDenied:     {fmt.Errorf("x: %w", &DownError{workload.BackendDenied, io.EOF})},
	} {
		for _, err := range errs {
			if got := DownReason(err); got != want {
				t.Errorf("%v: %q, wanted %q", err, got, want)
			}
		}
	}
}

// askable answers when it is told to.
type askable struct{ up atomic.Bool }

func (a *askable) Ping(context.Context) error {
	if a.up.Load() {
		return nil
	}
	return io.EOF
}

// notifying tells of its connection.
type notifying struct{ f func(error) }

func (n *notifying) Notify(f func(error)) func() {
	n.f = f
	return func() { n.f = nil }
}

// TestWatch: what a backend's calls make of its state, and how it becomes up again without a call.
func TestWatch(t *testing.T) {
	known := errors.New("no such store")
	synctest.Test(t, func(t *testing.T) {
		b := &askable{}
		b.up.Store(true)
		w := newWatch(b)
		defer w.close()
		synctest.Wait()
		b.up.Store(false)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		w.Met(ended, io.EOF)
		w.Met(t.Context(), fmt.Errorf("%w: %w", known, io.EOF), known)
		w.Met(t.Context(), errors.New("WRONGTYPE"))
		if s := w.health.State(); s.Down() || !s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
		down := time.Now()
		w.Met(t.Context(), io.EOF)
		time.Sleep(time.Minute)
		w.Met(t.Context(), context.DeadlineExceeded) // still down
		if s := w.health.State(); s.Error != workload.BackendConnection || s.Since != down {
			t.Errorf("%+v", s)
		}
		b.up.Store(true)
		time.Sleep(askMost + time.Second)
		synctest.Wait()
		if s := w.health.State(); s.Down() || s.Since == down {
			t.Errorf("%+v", s)
		}
		w.Met(t.Context(), io.EOF)
		w.Met(t.Context(), nil) // of a call that began before
		if s := w.health.State(); !s.Down() {
			t.Errorf("after a call that succeeded beside one that failed: %+v", s)
		}
		b.up.Store(false)
		time.Sleep(settleTime)
		w.Met(t.Context(), nil)
		if s := w.health.State(); s.Down() {
			t.Errorf("after a call that succeeded: %+v", s)
		}
	})
	synctest.Test(t, func(t *testing.T) { // down from the start, before any call
		b := &askable{}
		w := newWatch(b)
		defer w.close()
		synctest.Wait()
		if s := w.health.State(); s.Error != workload.BackendConnection {
			t.Errorf("%+v", s)
		}
		b.up.Store(true)
		time.Sleep(askMost)
		synctest.Wait()
		if s := w.health.State(); s.Down() {
			t.Errorf("%+v", s)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(struct{}{})
		defer w.close()
		w.Met(t.Context(), io.EOF)
		time.Sleep(forgetTime - time.Second)
		if !w.health.State().Down() {
			t.Error("it is up too early")
		}
		time.Sleep(2 * time.Second)
		if w.health.State().Down() {
			t.Error("one that cannot be asked is down for ever")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := &notifying{}
		w := newWatch(b)
		b.f(errors.New("not connected"))
		w.Met(t.Context(), io.EOF)
		time.Sleep(time.Hour)
		if s := w.health.State(); s.Error != workload.BackendConnection {
			t.Errorf("%+v", s)
		}
		b.f(nil)
		if w.health.State().Down() {
			t.Error("the connection is there, and it is down")
		}
		w.close()
		if b.f != nil {
			t.Error("it is notified after its end")
		}
	})
	(*Watch)(nil).Met(t.Context(), io.EOF)
}
