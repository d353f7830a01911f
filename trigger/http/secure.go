package http

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// transport is which of http and https a listener speaks.
type transport uint8

const (
	byCertificate transport = iota // https where there is a certificate
	plain
	secure
)

// secureListener accepts connections with TLS. net/http would do it, too, but has to know the framing of HTTP/1, so that the handshake is
// done here: of the connections that it returns those by HTTP/2 are *tls.Conn, which net/http wants, and others framedConn.
type secureListener struct {
	net.Listener
	config  *tls.Config
	timeout time.Duration // of a handshake
	failed  func(c net.Conn, err error)

	once   sync.Once
	ready  chan accepted
	ctx    context.Context // ends when the listener is closed
	cancel context.CancelFunc
	all    sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

func newSecureListener(l net.Listener, config *tls.Config, timeout time.Duration, failed func(net.Conn, error)) *secureListener {
	s := &secureListener{Listener: l, config: config, timeout: timeout, failed: failed, ready: make(chan accepted)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Accept implements net.Listener. Handshakes are done at the same time: a slow client keeps no other waiting.
func (s *secureListener) Accept() (net.Conn, error) {
	s.once.Do(func() { s.all.Go(s.acceptAll) })
	select {
	case a := <-s.ready:
		return a.conn, a.err
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (s *secureListener) acceptAll() {
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			s.hand(nil, err) // net/http tries again after one that passes
			if errors.Is(err, net.ErrClosed) || s.ctx.Err() != nil {
				return
			}
			continue
		}
		s.all.Go(func() { s.shake(c) })
	}
}

// hand hands a connection to Accept.
func (s *secureListener) hand(c net.Conn, err error) {
	select {
	case s.ready <- accepted{c, err}:
	case <-s.ctx.Done():
		if c != nil {
			c.Close()
		}
	}
}

func (s *secureListener) shake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	c := tls.Server(raw, s.config)
	if err := c.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = plain.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nThis address speaks https.\n")
		}
		raw.Close()
		s.failed(raw, err)
		return
	}
	state := c.ConnectionState()
	if state.NegotiatedProtocol == "h2" {
		s.hand(c, nil)
		return
	}
	s.hand(&framedConn{Conn: c, tls: &state}, nil)
}

// looksLikeHTTP says whether the first bytes of a connection are those of a method.
func looksLikeHTTP(head [5]byte) bool {
	for _, c := range head {
		if c < 'A' || c > 'Z' {
			return c == ' ' || c == '/'
		}
	}
	return true
}

// Close implements net.Listener. It ends the handshakes that are under way and waits for them.
func (s *secureListener) Close() error {
	s.cancel()
	err := s.Listener.Close()
	s.all.Wait()
	return err
}

// secured is a listener as net/http is to have it.
func (t *Trigger) secured(l net.Listener, how transport) net.Listener {
	if how == plain || how == byCertificate && !t.isSecure() {
		return framedListener{l}
	}
	return newSecureListener(l, t.tls(), t.config.HeaderTimeout, func(c net.Conn, err error) {
		t.config.Logger.Debug("a TLS handshake failed", "client", c.RemoteAddr().String(), "error", err.Error())
	})
}

// isSecure says whether listeners speak https that do not say otherwise.
func (t *Trigger) isSecure() bool { return t.config.TLS != nil || t.certificates.some() }

// tls is the configuration of connections.
func (t *Trigger) tls() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.config.TLS != nil {
		c = t.config.TLS.Clone()
	}
	if len(c.NextProtos) == 0 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	if c.GetCertificate == nil && len(c.Certificates) == 0 && c.GetConfigForClient == nil {
		c.GetCertificate = t.certificates.choose
	}
	return c
}

// withTLS gives a request by HTTP/1 the state of its connection, which net/http does for connections that it secures itself.
func withTLS(r *http.Request) {
	if c, ok := connOf(r).(*framedConn); ok && c.tls != nil {
		r.TLS = c.tls
	}
}
