package artifact

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// How often an operation is tried, how long it waits between two tries, and how long a registry may say nothing.
const (
	maxTries     = 4
	firstBackoff = 300 * time.Millisecond // doubles
	maxWait      = 30 * time.Second       // of what Retry-After asks for
	silence      = 30 * time.Second       // also how long it may take nothing of what it is sent
)

// ask does an operation on a registry, again where a later try may have another answer. What it returns is a *RegistryError, an error of this
// package that do has returned, or the context's.
func (s *Store) ask(ctx context.Context, ref Reference, doing string, tries int, do func(context.Context) error) error {
	for try := 1; ; try++ {
		heard := &heard{}
		err := do(context.WithValue(ctx, heardKey{}, heard))
		if err == nil {
			return nil
		}
		var integrity *IntegrityError
		if errors.As(err, &integrity) {
			return integrity
		}
		var format *FormatError
		if errors.As(err, &format) {
			return format
		}
		failed := &RegistryError{Reference: ref.String(), Doing: doing, Tries: try, Err: cause(err)}
		var answer *transport.Error
		if errors.As(err, &answer) {
			failed.Status = answer.StatusCode
		}
		wait := s.cfg.backoff << (try - 1)
		wait += rand.N(wait/2 + 1)
		if asked := time.Duration(heard.wait.Load()); asked > wait {
			wait = asked
		}
		if try >= tries || failed.final() || isRefused(err) || ctx.Err() != nil {
			return failed
		}
		if wait > maxWait {
			failed.Err = fmt.Errorf("the registry asks to wait for %s: %w", wait.Round(time.Second), failed.Err)
			return failed
		}
		s.cfg.Logger.InfoContext(ctx, "the registry is asked again", "reference", ref.String(), "in", wait.Round(time.Millisecond).String(), "reason", failed.why())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			failed.Err = fmt.Errorf("%w, after: %w", ctx.Err(), failed.Err)
			return failed
		}
	}
}

// cause is err without the URLs of requests, which may hold the query of a storage with a key in it. A request for a token, within
// another, has one, too.
func cause(err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	return err
}

// cutError says that a connection has ended before the answer on it has.
type cutError struct{ error }

func (e *cutError) Unwrap() error { return e.error }

// isCut says whether an error is one of the connection rather than of what came over it.
func isCut(err error) bool {
	var cut *cutError
	return errors.As(err, &cut)
}

// isRefused says whether an error is one that this side decides, and would decide again.
func isRefused(err error) bool {
	var plain *plainError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	var login *CredentialsError
	return errors.Is(err, errLarge) || errors.As(err, &plain) || errors.As(err, &login) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &record) ||
		errors.As(err, &dns) && dns.IsNotFound
}

// mostKey is the place in a context of how many bytes an answer may have, an int64; errLarge says that one has more. The registry's client has a
// bound of its own, but reads a hundred megabytes of what is to be a manifest.
type mostKey struct{}

var errLarge = errors.New("the answer is larger than " + strconv.Itoa(maxManifest) + " bytes")

// heard is what a registry has said besides its answer; heardKey is its place in a context.
type heard struct{ wait atomic.Int64 }
type heardKey struct{}

// plainError says that a request would go without TLS to another machine.
type plainError struct{ host string }

func (e *plainError) Error() string {
	return fmt.Sprintf("%s would be asked without TLS, which is allowed for this machine only", e.host)
}

// stalledError says that a connection has stopped, in the middle of what is sent or of the answer.
type stalledError struct {
	sending bool
	after   time.Duration
}

func (e *stalledError) Error() string {
	if e.sending {
		return "the registry has taken nothing for " + e.after.String()
	}
	return "the registry has sent nothing for " + e.after.String()
}

// guarded is the transport of all requests to registries, and to where they redirect. It refuses those without TLS that are not allowed, ends requests and answers that
// have stopped to move, and notes how long a registry asks to wait.
type guarded struct {
	base    *http.Transport
	plain   bool
	silence time.Duration
}

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain && !loopback(r.URL.Host) {
		return nil, &plainError{r.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	resp, err := g.base.RoundTrip(g.watched(r.WithContext(ctx), cancel))
	if err != nil {
		if stalled := (*stalledError)(nil); errors.As(context.Cause(ctx), &stalled) {
			err = stalled
		}
		cancel(nil)
		return nil, err
	}
	if h, ok := ctx.Value(heardKey{}).(*heard); ok && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		h.wait.Store(int64(retryAfter(resp.Header.Get("Retry-After"))))
	}
	most, _ := ctx.Value(mostKey{}).(int64)
	timer := time.AfterFunc(g.silence, func() { cancel(&stalledError{false, g.silence}) })
	resp.Body = &lively{ReadCloser: resp.Body, most: most, silence: g.silence, ctx: ctx, cancel: cancel, timer: timer}
	return resp, nil
}

// watched is the request, r, whose body may be taken slowly, and must not stop to be taken.
func (g *guarded) watched(r *http.Request, cancel context.CancelCauseFunc) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	watch := func(body io.ReadCloser) io.ReadCloser {
		timer := time.AfterFunc(g.silence, func() { cancel(&stalledError{true, g.silence}) })
		timer.Stop() // until there is a connection that it is read for
		return &taken{ReadCloser: body, silence: g.silence, timer: timer}
	}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return watch(body), nil
		}
	}
	r.Body = watch(r.Body)
	return r
}

// taken is a body that is sent: from one read to the next there is a time, in which the connection has to take what was read.
type taken struct {
	io.ReadCloser
	silence time.Duration
	timer   *time.Timer
}

func (t *taken) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.timer.Stop() // from here on, there is the time for the answer
	} else {
		t.timer.Reset(t.silence)
	}
	return n, err
}

func (t *taken) Close() error {
	t.timer.Stop()
	return t.ReadCloser.Close()
}

// retryAfter reads the field's value, in seconds or as a date (RFC 9110, 10.2.3); 0 where it says nothing.
func retryAfter(text string) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// lively is a body whose every read has a time, and which may have a bound.
type lively struct {
	io.ReadCloser
	most, had int64 // bytes; without a bound most is 0
	silence   time.Duration
	ctx       context.Context
	cancel    context.CancelCauseFunc
	timer     *time.Timer
}

func (l *lively) Read(p []byte) (int, error) {
	l.timer.Reset(l.silence)
	n, err := l.ReadCloser.Read(p)
	l.timer.Stop()
	if l.had += int64(n); l.most > 0 && l.had > l.most {
		return n, errLarge
	}
	if err != nil && err != io.EOF {
		if stalled := (*stalledError)(nil); errors.As(context.Cause(l.ctx), &stalled) {
			err = stalled
		}
		err = &cutError{err}
	}
	return n, err
}

func (l *lively) Close() error {
	l.timer.Stop()
	err := l.ReadCloser.Close()
	l.cancel(nil)
	return err
}
