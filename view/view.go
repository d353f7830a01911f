// Package view is the viewer: a store of telemetry, an HTTP server with its API and page, and, where it is asked for, a receiver of OTLP.
package view

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/view/internal/api"
	"github.com/vitrine-wasm/vitrine/view/internal/forward"
	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
	"github.com/vitrine-wasm/vitrine/view/internal/web"
)

// DefaultAddress is where the page is unless another address is asked for. OTLPHTTP and OTLPGRPC are OTLP's own.
const (
	DefaultAddress = "127.0.0.1:4319"
	OTLPHTTP       = "127.0.0.1:4318"
	OTLPGRPC       = "127.0.0.1:4317"
)

// ErrInUse says that another process has Config.Dir.
var ErrInUse = store.ErrInUse

// ErrForward says that Config.Forward is no destination.
var ErrForward = errors.New("nothing can be sent on")

// ErrFolder says that Config.Dir cannot be used.
var ErrFolder = errors.New("the folder cannot be used")

// Drop is how many items of a signal were lost before they reached the store, and why.
type Drop struct {
	Signal, Reason string
	Count          int64
}

// Config of Open. The zero value is usable.
type Config struct {
	// Address is where to serve the page and the API: HOST:PORT; empty: DefaultAddress, or any free port of loopback if that is in use. An
	// address that other machines can reach needs the token in [Viewer.URL].
	Address string
	// Receive has OTLP taken from other programs at the address, and at OTLPHTTP and OTLPGRPC unless these are empty.
	Receive            bool
	OTLPHTTP, OTLPGRPC string
	// Forward is where to send on, as it came, what is received from other programs, by OTLP: http:// or https://HOST:PORT for HTTP with
	// protobuf, grpc:// or grpcs://HOST:PORT for gRPC; empty: nowhere. ForwardHeaders are sent with each request, and may have
	// credentials. A destination that is slow or down delays nobody: what does not fit a queue is dropped, and counted.
	Forward        string
	ForwardHeaders map[string]string
	// Dir is where the store's files are, made with the rights 0700 if it is not there; empty: a temporary folder that Close removes.
	// One process has a folder at a time: Open fails with ErrInUse if another has it.
	Dir string
	// MaxBytes is how much the store's files may take, and MaxAge how old what is in them may become; what is oldest goes first.
	// 0: 256 MiB, 24 hours.
	MaxBytes int64
	MaxAge   time.Duration

	Title, Version string
	Logger         *slog.Logger // slog.Default when nil
}

// Viewer is a viewer that serves. Safe for concurrent use.
type Viewer struct {
	// URL is the page's, with the token if there is one.
	URL string

	store     *store.Store
	forward   *forward.Forwarder // nil: nothing is sent on
	receiver  *ingest.Receiver
	sampler   *ingest.Sampler
	inFlight  export.InFlight
	servers   []*http.Server
	grpc      *grpc.Server
	listeners []net.Listener
	wg        sync.WaitGroup

	mu        sync.Mutex
	dropped   func() []Drop
	workloads func() []Workload
}

// Open opens the store and listens; the viewer serves until Close.
func Open(ctx context.Context, cfg Config) (_ *Viewer, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	v := &Viewer{sampler: ingest.NewSampler()}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	main, err := v.listenForPage(ctx, cfg.Address)
	if err != nil {
		return nil, err
	}
	if v.store, err = store.Open(ctx, store.Config{Dir: cfg.Dir, MaxBytes: cfg.MaxBytes, MaxAge: cfg.MaxAge}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	_ = v.store.Mark(store.Mark{Name: "start", Text: cfg.Title}) // a store that cannot be written says so on the page
	if err = v.openForward(&cfg); err != nil {
		return nil, err
	}
	v.receiver = ingest.NewReceiver(v.store, v.forward)
	c := api.Config{Store: v.store, Page: web.Handler(), InFlight: v.inFlight.Spans, Workloads: v.running, Dropped: v.losses, Version: cfg.Version, Title: cfg.Title}
	if cfg.Receive {
		c.Receiver = v.receiver
	}
	if v.forward != nil {
		c.Forward = v.forward.Status
	}
	address := main.Addr().String()
	v.URL = "http://" + reachable(address) + "/"
	if !api.IsLoopback(address) {
		c.Token = api.NewToken()
		v.URL += "?token=" + c.Token
	}
	v.serve(cfg.Logger, main, api.New(c))
	if cfg.Receive {
		if err := v.receive(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// openForward begins to send on what will be received. The viewer's own addresses are no destination: what it sent there would come back.
func (v *Viewer) openForward(cfg *Config) (err error) {
	if cfg.Forward == "" {
		return nil
	}
	to := forward.Address(cfg.Forward)
	own := []string{cfg.OTLPHTTP, cfg.OTLPGRPC}
	for _, l := range v.listeners {
		own = append(own, l.Addr().String())
	}
	if slices.ContainsFunc(own, func(a string) bool { return a != "" && sameAddress(a, to) }) {
		return fmt.Errorf("%w: the viewer listens at %s itself: what it sent there would come back", ErrForward, to)
	}
	if v.forward, err = forward.New(forward.Config{Endpoint: cfg.Forward, Headers: cfg.ForwardHeaders}); err != nil {
		return fmt.Errorf("%w: %w", ErrForward, err)
	}
	return nil
}

// sameAddress says whether two addresses, HOST:PORT, are the same one of this machine, as far as their texts tell.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && (hostA == hostB || api.IsLoopback(a) && api.IsLoopback(b))
}

// listenForPage listens at an address, or at the default one.
func (v *Viewer) listenForPage(ctx context.Context, address string) (net.Listener, error) {
	if address != "" {
		return v.listen(ctx, address)
	}
	l, err := v.listen(ctx, DefaultAddress)
	if err != nil { // another viewer has it, most likely
		return v.listen(ctx, "127.0.0.1:0")
	}
	return l, nil
}

func (v *Viewer) listen(ctx context.Context, address string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", address)
	if err == nil {
		v.listeners = append(v.listeners, l)
	}
	return l, err
}

// receive listens where programs send OTLP by default.
func (v *Viewer) receive(ctx context.Context, cfg Config) error {
	for _, at := range []string{cfg.OTLPHTTP, cfg.OTLPGRPC} {
		if at == "" {
			continue
		}
		if !api.IsLoopback(at) {
			return fmt.Errorf("OTLP at %s: only loopback addresses take it without the token; other programs may send it to the viewer's own address, with Authorization: Bearer TOKEN", at)
		}
		l, err := v.listen(ctx, at)
		if err != nil {
			return err
		}
		if at == cfg.OTLPHTTP {
			v.serve(cfg.Logger, l, api.Guard("", v.receiver))
			continue
		}
		v.grpc = v.receiver.NewGRPC()
		v.wg.Go(func() { _ = v.grpc.Serve(l) }) // its error is that of Close
	}
	return nil
}

func (v *Viewer) serve(log *slog.Logger, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	v.servers = append(v.servers, s)
	v.wg.Go(func() { _ = s.Serve(l) }) // its error is that of Close
}

// reachable is an address as a browser needs it: one that is every interface is the machine's name.
func reachable(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, port)
}

// Consumer makes the consumer by which the process's own telemetry comes into the store.
func (v *Viewer) Consumer(ctx context.Context) (export.Consumer, error) {
	c, err := ingest.Consumer(ctx, v.store)
	c.InFlight = &v.inFlight
	return c, err
}

// Sampler is for a process of whose spans the viewer is the only consumer: it records all traces of a process that begins few, and
// a bounded number of one that begins many, so that the viewer costs the same at any load. It is based on parents (telemetry's
// Config.ParentBased). The viewer shows how many were not recorded.
func (v *Viewer) Sampler() sdktrace.Sampler { return v.sampler }

// CountDropped has the viewer show losses of telemetry.
func (v *Viewer) CountDropped(f func() []Drop) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropped = f
}

func (v *Viewer) losses() (out []api.Drop) {
	v.mu.Lock()
	f := v.dropped
	v.mu.Unlock()
	if n := v.sampler.Skipped(); n > 0 {
		out = append(out, api.Drop{Signal: "traces", Reason: "rate", Count: n})
	}
	for _, d := range v.receiver.Losses() {
		out = append(out, api.Drop(d))
	}
	if v.forward != nil {
		for _, d := range v.forward.Dropped() {
			out = append(out, api.Drop{Signal: string(d.Signal), Reason: d.Reason, Count: d.Count})
		}
	}
	if f == nil {
		return out
	}
	for _, d := range f() {
		out = append(out, api.Drop(d))
	}
	return out
}

// Mark has the page mark this moment, by a word such as reload and a text that says more. It may be called while the viewer serves.
func (v *Viewer) Mark(name, text string) error {
	return v.store.Mark(store.Mark{Name: name, Text: text})
}

// Import stores the OTLP JSON of a file: one message, or one a line. It returns how many.
func (v *Viewer) Import(path string) (int, error) { return api.ImportFile(v.store, path) }

// Close ends the servers, requests under way included, and the store. What waits to be sent on has some seconds.
func (v *Viewer) Close() error {
	var errs []error
	for _, s := range v.servers {
		errs = append(errs, s.Close())
	}
	if v.grpc != nil {
		v.grpc.Stop()
	}
	for _, l := range v.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	v.wg.Wait()
	if v.forward != nil {
		errs = append(errs, v.forward.Close())
	}
	if v.store != nil {
		errs = append(errs, v.store.Close())
	}
	return errors.Join(errs...)
}
