package http

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// HandlerConfig configures a Handler. The zero value has the limits, deadline and pool of a workload that sets none of them.
type HandlerConfig struct {
	// Pool is that of the component's instances, as for [component.NewPool], but: Ready is 1 where it is 0, and none where it
	// is less; Deadline is that of [workload.DefaultLimits] where it is 0, and none where it is less; Store, where it is
	// nil, is what StoreLimits makes of [workload.DefaultLimits].
	Pool component.PoolConfig
	// Adapters pass requests to components, the preferred ones first; nil: DefaultAdapters.
	Adapters []Adapter
	// Route names the events, low in cardinality, where no [http.ServeMux] in front has set the request's Pattern.
	Route string
	// Console gets a line for each failed request; nil for none.
	Console host.LogSink
	// Logger gets panics, malformed requests and instances that do not close; nil drops them.
	Logger *slog.Logger

	// MaxHeader bounds the bytes of a request's head (431 beyond); 0 is 64 KiB. MaxBody bounds the bytes of its body (413
	// beyond); 0 is 1 GiB, less than 0 is no bound. The server may have lower ones.
	MaxHeader int
	MaxBody   int64
	// ReadTimeout is how long a request's body may stand still while the guest waits for it, WriteTimeout how long the client
	// may take none of the answer; 0 is 1 min each. They need a ResponseWriter with deadlines, as a server's has.
	ReadTimeout, WriteTimeout time.Duration
}

// Handler has a component answer the requests of any server and mux: it is the trigger without its listeners and routes. Each
// request is an invocation in an instance of its pool, and an event for the interceptor that the component was linked with:
// with telemetry's it is traced, below the span that is current in the request's context, or else below that of its
// headers.
//
// The path with query that the guest sees is, byte for byte, what the client sent (Request.RequestURI), unless a handler in
// front has changed Request.URL since, as [http.StripPrefix] does, or there is no RequestURI: then it is what URL says, with a
// slash in front where that has none. The authority is Request.Host, the scheme https where Request.TLS is set.
//
// Fields that handlers in front have put into the ResponseWriter's header stay, unless the guest sends one of the same name;
// its Set-Cookie and Vary are added. What the ResponseWriter cannot do is found by [http.ResponseController], so that one that is
// wrapped should have Unwrap: without Flush the answer is sent when the server sees fit, without deadlines a client may take
// as long as the server lets it, and without full duplex a guest of HTTP/1 cannot read on once it has begun to answer. Answers
// of status 1xx go out where there is a server ([http.ServerContextKey]), and are left out otherwise.
//
// A request whose context ends is ended, and its guest interrupted; it is answered (504, 503) if the context ended at a
// deadline or for a cause, and not if the client went away. An answer that breaks off panics with [http.ErrAbortHandler], as
// net/http wants it. Where the ResponseWriter panics, the invocation is ended before the panic goes on.
//
// Safe for concurrent use. Close it before its component.
type Handler struct {
	front  front
	route  *route
	name   string
	pool   *component.Pool
	close  sync.Once
	closed error
}

var _ http.Handler = (*Handler)(nil)

// NewHandler makes a Handler for a linked component, and the instances that are to be ready; ctx bounds that. The error is a
// *[host.NoExportError] if the component has no export of the adapters, a *[host.ReadyError] if no instance can be made, or says
// which parts of the config contradict each other.
func NewHandler(ctx context.Context, linked *component.Linked, c HandlerConfig) (*Handler, error) {
	if c.Adapters == nil {
		c.Adapters = DefaultAdapters()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	adapter, err := adapterFor(c.Adapters, linked.Name(), linked)
	if err != nil {
		return nil, err
	}
	limits := workload.DefaultLimits()
	p := c.Pool
	p.Ready = max(cmp.Or(p.Ready, host.DefaultReady), 0)
	p.Deadline = max(cmp.Or(p.Deadline, limits.Deadline), 0)
	p.Logger = cmp.Or(p.Logger, c.Logger)
	if p.Store == nil {
		p.Store = host.StoreLimits(limits)
	}
	pool, err := component.NewPool(linked, p)
	if err != nil {
		return nil, err
	}
	if err := pool.Prewarm(ctx); err != nil {
		_ = pool.Close(ctx) // nothing runs in it
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &host.ReadyError{Component: linked.Name(), Err: err}
	}
	return &Handler{
		front: front{log: c.Logger, readTimeout: cmp.Or(c.ReadTimeout, time.Minute), writeTimeout: cmp.Or(c.WriteTimeout, time.Minute)},
		route: &route{matcher: matcher{pattern: pattern{text: linked.Name()}}, component: linked.Name(), handle: adapter.Handle, begin: adapter.begin, deadline: p.Deadline,
			invoker: host.NewInvoker(pool, host.InvokerConfig{Console: c.Console, Logger: c.Logger}),
			maxHead: int64(cmp.Or(c.MaxHeader, 64<<10)), maxBody: cmp.Or(c.MaxBody, 1<<30), running: map[*exchange]struct{}{}},
		name: c.Route, pool: pool,
	}, nil
}

// ServeHTTP is [http.Handler]'s. It returns when the answer is complete; the guest may go on after that, until its deadline.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{r: asSent(r), route: h.route, name: cmp.Or(routeOf(r.Pattern), h.name)}
	x.control.rc = *http.NewResponseController(w)
	defer x.control.end()
	if h.front.accept(x, w, h.front.begin()) {
		h.front.exchange(x, w)
	}
}

// Pool returns the pool of its instances, whose settings can be changed while it serves. Close closes it.
func (h *Handler) Pool() *component.Pool { return h.pool }

// Stats returns the state of its pool.
func (h *Handler) Stats() component.PoolStats { return h.pool.Stats() }

// Close answers new requests with 503, waits for running ones until ctx ends, then cuts them, and closes all instances. The error says
// that some were cut, or that an invocation does not end. A second Close waits for the first and returns the same. It does not stop the
// server: shut that down first, so that connections end.
func (h *Handler) Close(ctx context.Context) error {
	h.close.Do(func() {
		h.pool.StopPrewarm() // an exchange ends when its instance is ready again
		drained := h.route.drain(ctx)
		h.closed = errors.Join(drained, h.pool.Close(ctx))
	})
	return h.closed
}

// routeOf is the path of a pattern of [http.ServeMux], "GET example.com/shop/{id}".
func routeOf(pattern string) string {
	if at := strings.IndexByte(pattern, '/'); at >= 0 {
		return pattern[at:]
	}
	return pattern
}

// asSent is a copy of r as the trigger's own server would have received it, with the changes of handlers in front.
func asSent(r *http.Request) *http.Request {
	sent := new(http.Request)
	*sent = *r
	if sent.URL == nil {
		sent.URL = &url.URL{}
	}
	sent.RequestURI = target(sent)
	sent.Host = cmp.Or(r.Host, sent.URL.Host)
	sent.Method = cmp.Or(r.Method, http.MethodGet)
	if sent.ProtoMajor == 0 {
		sent.Proto, sent.ProtoMajor, sent.ProtoMinor = "HTTP/1.1", 1, 1
	}
	switch {
	case r.Header == nil:
		sent.Header = http.Header{}
	case r.ProtoMajor == 2 && r.Header["Host"] != nil: // accept deletes it
		sent.Header = r.Header.Clone()
	}
	if r.Body == nil {
		sent.Body = http.NoBody
	}
	return sent
}

// target is the target of a request: RequestURI where URL still says the same.
func target(r *http.Request) string {
	switch {
	case r.Method == http.MethodConnect:
		return cmp.Or(r.RequestURI, r.URL.Host, r.Host)
	case r.RequestURI == "*" && (r.URL.Path == "*" || r.URL.Path == ""):
		return r.RequestURI
	case r.RequestURI != "" && untouched(r):
		return r.RequestURI
	}
	uri := r.URL.RequestURI()
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	return uri
}

// untouched says whether URL is what RequestURI says.
func untouched(r *http.Request) bool {
	path, query, has := strings.Cut(r.RequestURI, "?")
	if query != r.URL.RawQuery {
		return false
	}
	if path == r.URL.EscapedPath() && has == (r.URL.ForceQuery || query != "") && strings.HasPrefix(path, "/") {
		return true
	}
	u, err := url.ParseRequestURI(r.RequestURI) // a malformed target is refused, not repaired
	return err != nil || u.Path == r.URL.Path && u.RawPath == r.URL.RawPath && u.ForceQuery == r.URL.ForceQuery
}
