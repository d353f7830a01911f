package backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Notifier is an optional interface of backends that know the state of their connection. f is called when the connection is lost, with the
// reason, which has no secrets, and with nil when it is there again; at once where it is lost already. It must not block. stop ends that.
type Notifier interface {
	Notify(f func(err error)) (stop func())
}

// Pinger is an optional interface of backends that can be asked whether they are there. A backend is asked once when it is opened, so that one that is
// down from the start is known to be, and now and then while it is down, so that it counts as up without a call of a component's. One that cannot be asked counts as up half a minute after a failure, unless its connection is lost.
type Pinger interface {
	Ping(ctx context.Context) error
}

// DownError says that a backend cannot be used, where its error alone would not show that. Backends return errors that wrap it.
type DownError struct {
	Reason string // one of those of [workload.BackendState]
	Err    error
}

// Error is the text of Err.
func (e *DownError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *DownError) Unwrap() error { return e.Err }

// DownReason is why a backend that fails with err is down; "" where err does not say that it is: it has answered.
func DownReason(err error) string {
	var down *DownError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var op *net.OpError
	var path *fs.PathError
	var number syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &down):
		return down.Reason
	case errors.As(err, &dns):
		return workload.BackendDNS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return workload.BackendTimeout
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &name), errors.As(err, &alert), errors.As(err, &record):
		return workload.BackendTLS
	case errors.As(err, &op), errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return workload.BackendConnection
	case errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist), errors.As(err, &number):
		return workload.BackendStorage
	}
	return ""
}

// Watch is what becomes known of a backend by its calls. Safe for concurrent use; a nil Watch notes nothing.
type Watch struct {
	health host.Health
	ping   func(context.Context) error // nil: it cannot be asked
	lost   atomic.Bool                 // the connection, by what the backend's Notify says
	stop   func()                      // of Notify; may be nil
	down   atomic.Bool                 // a call has failed, or the connection is lost

	mu     sync.Mutex
	failed time.Time // the last call that has failed
	asking sync.WaitGroup
	asks   bool
	ended  context.Context
	end    context.CancelFunc
}

func newWatch(b any) *Watch {
	w := &Watch{}
	w.ended, w.end = context.WithCancel(context.Background())
	if p, ok := b.(Pinger); ok {
		w.ping = p.Ping
	}
	if n, ok := b.(Notifier); ok {
		w.stop = n.Notify(func(err error) {
			w.lost.Store(err != nil)
			if err == nil {
				w.up()
				return
			}
			w.down.Store(true)
			reason := DownReason(err)
			if reason == "" {
				reason = workload.BackendConnection
			}
			w.health.Down(reason)
		})
	}
	if w.ping != nil {
		w.asking.Go(func() {
			if reason := w.absent(); reason != "" {
				w.fails(reason)
			}
		})
	}
	return w
}

// close ends it, and waits for what it has begun.
func (w *Watch) close() {
	w.mu.Lock()
	w.end()
	w.mu.Unlock()
	w.asking.Wait()
	if w.stop != nil {
		w.stop()
	}
}

// Met notes how a call of the backend has ended: err is nil, the backend's, or one of known, which say nothing of the backend, as does any
// error after the end of ctx.
func (w *Watch) Met(ctx context.Context, err error, known ...error) {
	if w == nil {
		return
	}
	if err == nil {
		if w.down.Load() && w.settled() {
			w.up()
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return
		}
	}
	if reason := DownReason(err); reason != "" {
		w.fails(reason)
	}
}

// fails notes that the backend is down.
func (w *Watch) fails(reason string) {
	w.mu.Lock()
	w.failed = time.Now()
	w.mu.Unlock()
	w.down.Store(true)
	w.health.Down(reason)
	w.ask()
}

func (w *Watch) up() {
	w.down.Store(false)
	w.health.Up()
}

// settled says whether no call has failed for a while: while a server goes or comes, some calls find it there and others do not, in any order.
func (w *Watch) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.failed) >= settleTime
}

// The time between two questions; without a failure, for a backend to count as up; and that until a backend that cannot be asked counts as up.
const (
	askFirst   = time.Second
	askMost    = 15 * time.Second
	askTimeout = 5 * time.Second
	settleTime = time.Second
	forgetTime = 30 * time.Second
)

// ask asks a backend that is down until it is up.
func (w *Watch) ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asks || w.ended.Err() != nil {
		return
	}
	w.asks = true
	w.asking.Go(func() {
		for wait := askFirst; ; wait = min(2*wait, askMost) {
			d := wait/2 + rand.N(wait/2)
			if w.ping == nil {
				d = forgetTime
			}
			select {
			case <-time.After(d):
			case <-w.ended.Done():
				return
			}
			if w.down.Load() && w.answers() && w.settled() {
				w.up()
			}
			if w.isUp() {
				return
			}
		}
	})
}

// isUp says whether asking is over.
func (w *Watch) isUp() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asks = w.down.Load() // who finds it down from now on asks anew
	return !w.asks
}

// answers says whether the backend is there, as far as it can be asked.
func (w *Watch) answers() bool {
	if w.ping == nil {
		return !w.lost.Load()
	}
	return w.absent() == "" && w.ended.Err() == nil
}

// absent asks the backend, and says why it is down; "" where it is not, or where the watch has ended.
func (w *Watch) absent() string {
	ctx, cancel := context.WithTimeout(w.ended, askTimeout)
	defer cancel()
	reason := DownReason(w.ping(ctx))
	if w.ended.Err() != nil {
		return ""
	}
	return reason
}
