package http

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// AddressError says that an address of [Config] is none.
type AddressError struct{ Address string }

// Error says what is wanted.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%q: want HOST:PORT, :PORT or 0.0.0.0:PORT, PORT, or unix:PATH", e.Address)
}

// parseAddress returns an address in net.Listen's form: a port alone is loopback, an empty host every interface, an IPv4
// address IPv4 alone.
func parseAddress(s string) (network, addr string, err error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return "", "", &AddressError{s}
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = "127.0.0.1", s
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", &AddressError{s}
	}
	network = "tcp"
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		network = "tcp4"
	}
	return network, net.JoinHostPort(host, port), nil
}

// listen opens one address.
func listen(s string) (net.Listener, error) {
	network, addr, err := parseAddress(s)
	if err != nil {
		return nil, err
	}
	if network == "unix" && addr[0] != '@' {
		return listenUnix(addr)
	}
	return net.Listen(network, addr)
}

// socketFile is a listener on a socket in a file, which goes with it: unless another one stands in its place by then.
type socketFile struct {
	net.Listener
	path string
	made fs.FileInfo
	once sync.Once
}

// listenUnix listens on a socket in a file. A socket that no process listens on any more is replaced; any other file is an error.
func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: err}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	made, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, err
	}
	if l, ok := l.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
	return &socketFile{Listener: l, path: path, made: made}, nil
}

// Close removes the file, if it is still the one that was made.
func (s *socketFile) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(s.made, now) {
			os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}

// removeStale removes a socket on which no process listens.
func removeStale(path string) error {
	was, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case was.Mode().Type() != fs.ModeSocket:
		return errors.New("the file exists and is no socket")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return syscall.EADDRINUSE // a process listens, or may
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(was, now) {
		return syscall.EADDRINUSE // another process was faster
	}
	return os.Remove(path)
}

// addresses are what Config names, at least one.
func (c *Config) addresses() []string {
	return append([]string{cmp.Or(c.Listen, "127.0.0.1:0")}, c.Also...)
}

// Listen opens the addresses now instead of at the first Attach, to find out early that one is taken: all or none.
// Connections wait until Run answers them. A second call does nothing.
func (t *Trigger) Listen() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.listeners) > 0 {
		return nil
	}
	var all []net.Listener
	for _, addr := range t.config.addresses() {
		l, err := listen(addr)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return fmt.Errorf("trigger http: listen on %s: %w", addr, err)
		}
		all = append(all, l)
	}
	t.listeners = all
	return nil
}

// Addr is the first address that it listens on; nil before.
func (t *Trigger) Addr() net.Addr {
	if all := t.Addrs(); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Addrs are the addresses that it listens on, in the order of Config; none before.
func (t *Trigger) Addrs() []net.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]net.Addr, len(t.listeners))
	for i, l := range t.listeners {
		all[i] = l.Addr()
	}
	return all
}

// serveAll answers what comes on all addresses, until one fails or the server is closed.
func (t *Trigger) serveAll() error {
	t.mu.Lock()
	all := t.listeners
	t.mu.Unlock()
	failed := make(chan error, len(all))
	for _, l := range all {
		go func() { failed <- t.server.Serve(framedListener{l}) }()
	}
	err := <-failed
	for range len(all) - 1 {
		if !errors.Is(err, http.ErrServerClosed) {
			_ = t.server.Close() // the others are of no use without it
		}
		if other := <-failed; errors.Is(err, http.ErrServerClosed) {
			err = other
		}
	}
	return err
}
