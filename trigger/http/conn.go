package http

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// connKey is a connection's place in the contexts of its requests.
type connKey struct{}

// connOf is the connection that a request came on.
func connOf(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	return c
}

// framedConn is a connection whose framing is checked.
type framedConn struct {
	net.Conn
	tls     *tls.ConnectionState // nil: none
	framing framing
	wrote   func(p []byte) // is told what is written; nil: nobody is
	serving atomic.Bool    // what is written is the answer of a handler; false: net/http's own, to a head that it has not accepted
	sent    int            // how many of the bytes that net/http writes next have been sent already
}

// Read is net.Conn's.
func (c *framedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.framing.observe(p[:n])
	return n, err
}

// CloseWrite and SetLinger are optional methods that net/http and this package call.
func (c *framedConn) CloseWrite() error {
	if c, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetLinger is [net.TCPConn.SetLinger].
func (c *framedConn) SetLinger(sec int) error {
	below := c.Conn
	if s, ok := below.(*tls.Conn); ok {
		below = s.NetConn()
	}
	if c, ok := below.(interface{ SetLinger(int) error }); ok {
		return c.SetLinger(sec)
	}
	return errors.ErrUnsupported
}

// ambiguous says whether the framing of the bytes that came on a connection is ambiguous.
func ambiguous(c net.Conn) bool {
	w, ok := c.(*framedConn)
	return ok && w.framing.ambiguous.Load()
}

// framedListener accepts framedConns.
type framedListener struct{ net.Listener }

// Accept is net.Listener's.
func (l framedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framedConn{Conn: c}, nil
}

// lastChunk ends a body that is sent in chunks.
const lastChunk = "0\r\n\r\n"

// endBody ends the answer while its handler runs on. net/http sends the last chunk only when the handler returns:
// so it is sent here, and skipped there. Everything that the handler has written must have been flushed.
func (c *framedConn) endBody() error {
	n, err := io.WriteString(c.Conn, lastChunk)
	c.sent = n
	return err
}

// Write is net.Conn's. Only the goroutine that serves a request writes.
func (c *framedConn) Write(p []byte) (int, error) {
	n := min(c.sent, len(p))
	c.sent -= n
	if n == len(p) && n > 0 {
		return n, nil
	}
	if c.wrote != nil && !c.serving.Load() { // the bytes of an answer are a guest's, who may imitate a refusal
		c.wrote(p[n:])
	}
	m, err := c.Conn.Write(p[n:])
	return n + m, err
}

// isGone says whether the client or the connection has gone: otherwise the read of a body failed because the body is malformed.
func isGone(err error) bool {
	var broken net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose), errors.As(err, &broken):
		return true
	}
	for _, words := range []string{"unexpected EOF", "client disconnected", "stream error", "connection error", "connection lost"} {
		if strings.Contains(err.Error(), words) { // net/http exports no other way to recognise them
			return true
		}
	}
	return false
}

// closeAfterReply has net/http close the connection once the answer is complete. To read a request that is
// over its limit is the only way to do this when the head has been sent.
func closeAfterReply(w http.ResponseWriter) {
	_, _ = http.MaxBytesReader(w, io.NopCloser(oneByte{}), 0).Read(make([]byte, 1))
}

type oneByte struct{}

func (oneByte) Read(p []byte) (int, error) { return copy(p, "x"), nil }
