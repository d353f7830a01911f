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
	return fmt.Sprintf("%q: want HOST:PORT, :PORT or 0.0.0.0:PORT, PORT, or unix:PATH, perhaps with ?mode=0660 after it; http:// or https:// may be in front", e.Address)
}

// address is where to listen, in net.Listen's form.
type address struct {
	network, addr string
	how           transport
	mode          fs.FileMode // of a socket's file; 0: what the umask leaves
}

// parseAddress parses an address: a port alone is loopback, an empty host every interface, an IPv4 address IPv4 alone.
func parseAddress(s string) (a address, err error) {
	rest := s
	for prefix, how := range map[string]transport{"http://": plain, "https://": secure} {
		if after, ok := strings.CutPrefix(s, prefix); ok {
			rest, a.how = after, how
		}
	}
	if path, ok := strings.CutPrefix(rest, "unix:"); ok {
		return parseUnix(s, path, a)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = "127.0.0.1", rest
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return a, &AddressError{s}
	}
	a.network, a.addr = "tcp", net.JoinHostPort(host, port)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		a.network = "tcp4"
	}
	return a, nil
}

// parseUnix parses the path of a socket.
func parseUnix(s, path string, a address) (address, error) {
	a.network, a.addr = "unix", path
	if a.how == byCertificate {
		a.how = plain
	}
	if at := strings.LastIndex(path, "?mode="); at >= 0 {
		mode, err := strconv.ParseUint(path[at+len("?mode="):], 8, 32)
		if err != nil || mode == 0 || mode > 0o777 {
			return a, &AddressError{s}
		}
		a.addr, a.mode = path[:at], fs.FileMode(mode)
	}
	if a.addr == "" {
		return a, &AddressError{s}
	}
	return a, nil
}

// Listen listens on an address as [Config].Listen has them: a port alone is loopback, an empty host every interface; unix:PATH is a socket.
func Listen(address string) (net.Listener, error) {
	a, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	return a.listen()
}

// listen opens one address.
func (a *address) listen() (net.Listener, error) {
	if a.network == "unix" && a.addr[0] != '@' {
		return listenUnix(a.addr, a.mode)
	}
	return net.Listen(a.network, a.addr)
}

// socketFile is a listener on a socket in a file, which goes with it: unless another one stands in its place by then.
type socketFile struct {
	net.Listener
	path string
	made fs.FileInfo
	once sync.Once
}

// listenUnix listens on a socket in a file. A socket that no process listens on any more is replaced; any other file is an error. A mode is set
// at once, and before a connection is accepted.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: err}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if mode != 0 {
		if err := os.Chmod(path, mode); err != nil {
			l.Close()
			return nil, err
		}
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
	var all []listener
	for _, s := range t.config.addresses() {
		a, err := parseAddress(s)
		var l net.Listener
		if err == nil {
			l, err = a.listen()
		}
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return fmt.Errorf("trigger http: listen on %s: %w", s, err)
		}
		all = append(all, listener{l, a.how})
	}
	t.listeners = all
	return nil
}

// listener is an open address.
type listener struct {
	net.Listener
	how transport
}

// Endpoints are the addresses that it listens on as URLs, in the order of Config: http://HOST:PORT, https://HOST:PORT, unix:PATH. Which
// of http and https is spoken is known once the workloads are attached. None before Listen.
func (t *Trigger) Endpoints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]string, len(t.listeners))
	for i, l := range t.listeners {
		switch {
		case l.Addr().Network() == "unix":
			all[i] = "unix:"
		case l.how == secure || l.how == byCertificate && t.isSecure():
			all[i] = "https://"
		default:
			all[i] = "http://"
		}
		all[i] += l.Addr().String()
	}
	return all
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
		go func() { failed <- t.server.Serve(t.secured(l.Listener, l.how)) }()
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
