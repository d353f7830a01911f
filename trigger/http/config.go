package http

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

// Config configures a Trigger. The zero value listens on a free port of loopback with the limits said below.
type Config struct {
	// Listen is where to listen, 127.0.0.1:0 if empty: host:port; :port, which is every interface; an IPv4 address and a port
	// (0.0.0.0:port), which is IPv4 alone; a port, which is loopback; or unix:path, with ?mode=0660 after it for the permissions of the
	// socket's file (by default those that the umask leaves). http:// or https:// in front says which of the two is spoken there; otherwise it is
	// https where there is a certificate, and http on Unix sockets. Also are more of them.
	Listen string
	Also   []string
	// TLS is for https; nil: the certificates of the attached routes and Certificate, from TLS 1.2 on, HTTP/2 where the client speaks it.
	TLS *tls.Config
	// Certificate is for https, before those of routes.
	Certificate CertificateFiles
	// TrustedProxies are those of routes that name none; see Route.
	TrustedProxies []string
	// Adapters pass requests to components, the preferred ones first; nil: DefaultAdapters.
	Adapters []Adapter
	// Logger gets net/http's messages about connections and itself; nil drops them.
	Logger *slog.Logger
	// Rejected is told of each request that has been answered before it was known for which workload it is; nil for none. It is called on the
	// connection's goroutine, by several at once, and must not block. Every other request is an event of its workload's.
	Rejected func(context.Context, Rejection)

	// MaxHeader bounds the bytes of a request's head (431 beyond); 0 is 64 KiB. A workload's own limit can only be lower.
	MaxHeader int
	// MaxBody bounds the bytes of a request's body (413 beyond) where the workload has no limit of its own; 0 is 1 GiB,
	// less than 0 is no bound.
	MaxBody int64

	// HeaderTimeout is how long a request's head may take (0 is 10 s), IdleTimeout how long a connection may wait for its
	// next request (0 is 2 min).
	HeaderTimeout, IdleTimeout time.Duration
	// ReadTimeout is how long the client may send nothing of a request's body while the guest waits for it, and WriteTimeout how long it
	// may take nothing of the answer (0 is 1 min each). Then the exchange is broken off, with 408 if it has no answer.
	ReadTimeout, WriteTimeout time.Duration
	// Grace is how long exchanges may go on after Run's context has ended; 0 is the longest deadline of the attached workloads.
	Grace time.Duration
}

func (c Config) filled() Config {
	c.MaxHeader = cmp.Or(c.MaxHeader, 64<<10)
	c.MaxBody = cmp.Or(c.MaxBody, 1<<30)
	c.HeaderTimeout = cmp.Or(c.HeaderTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Minute)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, time.Minute)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, time.Minute)
	if c.Adapters == nil {
		c.Adapters = DefaultAdapters()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
