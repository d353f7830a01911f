package http

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

var (
	_ host.Trigger  = (*Trigger)(nil)
	_ host.Chainer  = (*Trigger)(nil)
	_ host.Replacer = (*Trigger)(nil)
)

// cutTrap is the cause with which an exchange is cut when draining has taken too long, and drainingTrap that with which a request
// is refused that comes after draining has begun. Each exchange has its own: a trap is filled in on its way out.
func cutTrap() error {
	return cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping)
}

func drainingTrap() error {
	return cm.Trapf(cm.TrapCancel, "%w: no more requests are taken", cm.ErrStopping)
}

// Trigger serves the HTTP triggers of any number of workloads on the same addresses. Safe for concurrent use.
type Trigger struct {
	config Config
	front  front
	table  table
	server *http.Server

	certificates certificates
	own          *certificate // of Config; nil: none

	mu        sync.Mutex
	listeners []listener
	attached  chan struct{} // closed at the first Attach
	once      sync.Once
	silent    map[net.Conn]struct{} // connections on which nothing has come yet
	closing   bool
}

// New makes a trigger. It listens from the first Attach on, or from Listen, and answers once Run runs.
func New(c Config) *Trigger {
	t := &Trigger{config: c.filled(), attached: make(chan struct{}), silent: map[net.Conn]struct{}{}}
	t.front = front{log: t.config.Logger, readTimeout: t.config.ReadTimeout, writeTimeout: t.config.WriteTimeout, rejected: t.config.Rejected}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	t.server = &http.Server{
		Handler: http.HandlerFunc(t.serve),
		// OPTIONS * is a request like any other.
		DisableGeneralOptionsHandler: true,

		Protocols:         &protocols,
		TLSConfig:         &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, // for net/http to serve HTTP/2 on connections that are secured here
		ReadHeaderTimeout: t.config.HeaderTimeout,
		IdleTimeout:       t.config.IdleTimeout,
		MaxHeaderBytes:    t.config.MaxHeader,
		ErrorLog:          log.New(&serverLog{t.config.Logger}, "", 0),
		ConnState:         t.connState,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if framed, ok := c.(*framedConn); ok {
				t.front.watch(ctx, framed)
			}
			return context.WithValue(ctx, connKey{}, c)
		},
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: t.config.WriteTimeout},
	}
	return t
}

// Type is "http".
func (t *Trigger) Type() string { return TypeName }

// Attach is host.Trigger's: it adds the routes of w, all or none. A workload without HTTP triggers adds nothing and opens
// nothing. Detaching answers 503 on the routes while they drain, and 404 after.
func (t *Trigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return t.attach(w, inv, nil)
}

// Replace implements host.Replacer: the routes of w take the place of all that the workload has, at once.
func (t *Trigger) Replace(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return t.attach(w, inv, func(r *route) bool { return r.workload == w.ID() })
}

func (t *Trigger) attach(w *workload.Spec, inv host.Invoker, replaced func(*route) bool) (func(context.Context) error, error) {
	var routes []*route
	for _, trigger := range w.Triggers {
		if trigger.Type != t.Type() {
			continue
		}
		r, err := t.newRoute(w, &trigger, inv)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	if len(routes) > 0 {
		if err := t.Listen(); err != nil {
			return nil, err
		}
		if err := t.checkSecure(routes); err != nil {
			return nil, err
		}
	}
	if err := t.table.add(routes, replaced); err != nil {
		return nil, err
	}
	for _, r := range routes {
		if r.certificate != nil {
			t.certificates.add(r.certificate)
		}
		t.once.Do(func() { close(t.attached) })
	}
	return func(ctx context.Context) error {
		errs := make([]error, len(routes))
		var all sync.WaitGroup
		for i, r := range routes {
			all.Go(func() {
				errs[i] = t.drain(ctx, r)
				t.table.remove(r)
				t.certificates.remove(r.certificate)
			})
		}
		all.Wait()
		return errors.Join(errs...)
	}, nil
}

func (t *Trigger) newRoute(w *workload.Spec, spec *workload.TriggerSpec, inv host.Invoker) (*route, error) {
	config, err := configOf(spec)
	if err != nil {
		return nil, err
	}
	match, err := newMatcher(&config)
	if err != nil {
		return nil, err
	}
	r := &route{matcher: match, spin: config.SpinHeaders, component: spec.Target(), workload: w.ID(), invoker: inv,
		deadline: workload.DefaultLimits().Deadline,
		maxHead:  int64(t.config.MaxHeader), maxBody: t.config.MaxBody, running: map[*exchange]struct{}{}}
	if err := r.serves(t, spec, config.Static); err != nil {
		return nil, fmt.Errorf("trigger http: path %q: %w", config.Path, err)
	}
	if c := w.Component(spec.Component); c != nil {
		limits := c.Limits.Filled()
		r.maxHead, r.deadline = min(r.maxHead, int64(limits.Headers)), limits.Deadline
		r.maxBody = int64(min(cmp.Or(c.Limits.Body, uint64(max(r.maxBody, 0))), math.MaxInt64))
	}
	trusted := config.TrustedProxies
	if len(trusted) == 0 {
		trusted = t.config.TrustedProxies
	}
	if r.proxies, err = parseProxies(trusted); err != nil {
		return nil, fmt.Errorf("trigger http: trusted proxies: %w", err)
	}
	if config.TLS.given() {
		if r.certificate, err = newCertificate(config.TLS, t.config.Logger); err != nil {
			return nil, fmt.Errorf("trigger http: path %q: %w", config.Path, err)
		}
	}
	return r, nil
}

// serves finds what answers the requests: a folder, or the component that the trigger names.
func (r *route) serves(t *Trigger, spec *workload.TriggerSpec, static string) error {
	if static != "" {
		var err error
		r.files, err = openFiles(static)
		return err
	}
	linked, err := r.invoker.Linked(spec.Target())
	if err != nil {
		return err
	}
	adapter, err := adapterFor(t.config.Adapters, spec.Component, linked)
	if err != nil {
		return err
	}
	r.handle, r.begin = adapter.Handle, adapter.begin
	return nil
}

// checkSecure reads Config.Certificate, and says whether listeners that are to speak https have a certificate.
func (t *Trigger) checkSecure(routes []*route) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.config.Certificate.given() && t.own == nil {
		if key, problem := t.config.Certificate.check(); problem != "" {
			return fmt.Errorf("trigger http: tls: %s: %s", key, problem)
		}
		own, err := newCertificate(t.config.Certificate, t.config.Logger)
		if err != nil {
			return fmt.Errorf("trigger http: %w", err)
		}
		t.own = own
		t.certificates.add(own)
	}
	has := t.isSecure() || slices.ContainsFunc(routes, func(r *route) bool { return r.certificate != nil })
	for _, l := range t.listeners {
		if l.how == secure && !has {
			return fmt.Errorf("trigger http: https://%s has no certificate: give --tls-cert and --tls-key, or write tls: {cert: FILE, key: FILE} in an http trigger", l.Addr())
		}
	}
	return nil
}

// Run is host.Trigger's. When ctx ends it stops accepting, lets exchanges go on for Config.Grace, cuts the rest and
// returns nil. It must be called once.
func (t *Trigger) Run(ctx context.Context) error {
	select {
	case <-t.attached:
	case <-ctx.Done():
		return t.close()
	}
	failed := make(chan error, 1)
	go func() { failed <- t.serveAll() }()
	select {
	case err := <-failed:
		if errors.Is(err, http.ErrServerClosed) { // Shutdown was called; it waits for the rest
			return nil
		}
		return fmt.Errorf("trigger http: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(t.config.Grace, t.table.longest()))
	defer cancel()
	_ = t.Shutdown(grace) // that some were cut is no error of Run
	<-failed
	return nil
}

// Shutdown stops accepting and waits until all exchanges have ended, work after the answer included; when ctx ends it cuts
// those that are left, and says so; their clients have cutTime to take what they are sent.
func (t *Trigger) Shutdown(ctx context.Context) error {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_ = t.server.Shutdown(ctx) // waits for connections only; the routes know what goes on after an answer
	}()
	t.closeSilent()
	routes := t.table.all()
	errs := make([]error, len(routes), len(routes)+1)
	var all sync.WaitGroup
	for i, r := range routes {
		all.Go(func() { errs[i] = t.drain(ctx, r) })
	}
	all.Wait()
	<-drained
	// An exchange has ended when its invocation has, which may be before its answer is in the connection. Where ctx has ended, nothing has waited for that.
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
	defer cancel()
	_ = t.server.Shutdown(flush)
	return errors.Join(append(errs, t.close())...)
}

// drain is the route's, and logs that requests were cut, since nobody else says how many: that is no error of Run.
func (t *Trigger) drain(ctx context.Context, r *route) error {
	err := r.drain(ctx)
	if err != nil {
		t.config.Logger.Warn("requests were cut: the time to drain is over", "workload", string(r.workload), "error", err)
	}
	return err
}

// connState keeps track of connections that have only been opened: net/http would wait some seconds for each of them when
// it shuts down. It also notes the end of each answer.
func (t *Trigger) connState(c net.Conn, s http.ConnState) {
	if framed, ok := c.(*framedConn); ok && s == http.StateIdle { // the answer has been written
		framed.serving.Store(false)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s != http.StateNew:
		delete(t.silent, c)
	case t.closing:
		c.Close()
	default:
		t.silent[c] = struct{}{}
	}
}

func (t *Trigger) closeSilent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for c := range t.silent {
		c.Close()
	}
}

func (t *Trigger) close() error {
	t.mu.Lock()
	all := t.listeners
	t.mu.Unlock()
	err := t.server.Close()
	for _, l := range all {
		l.Close()
	}
	return err
}
