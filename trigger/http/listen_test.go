package http

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// TestAddresses: what an address means, by who can connect to it.
func TestAddresses(t *testing.T) {
	reaches := func(network, host string, a net.Addr) bool {
		_, port, _ := net.SplitHostPort(a.String())
		c, err := net.Dial(network, net.JoinHostPort(host, port))
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	six, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		six.Close()
	}
	for addr, want := range map[string]struct{ four, six, all bool }{
		"0":           {four: true},
		"127.0.0.1:0": {four: true},
		"0.0.0.0:0":   {four: true, all: true},
		":0":          {four: true, six: true, all: true},
		"[::]:0":      {four: true, six: true, all: true},
		"[::1]:0":     {six: true},
		"localhost:0": {four: true},
	} {
		if want.six && six == nil {
			continue // there is no IPv6 here
		}
		tr := New(Config{Listen: addr})
		if err := tr.Listen(); err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		a := tr.Addr().(*net.TCPAddr)
		if four := reaches("tcp4", "127.0.0.1", a); four != want.four {
			t.Errorf("%s (%s): IPv4 %v", addr, a, four)
		}
		if six != nil {
			if got := reaches("tcp6", "::1", a); got != want.six {
				t.Errorf("%s (%s): IPv6 %v", addr, a, got)
			}
		}
		if a.IP.IsUnspecified() != want.all {
			t.Errorf("%s listens on %s", addr, a)
		}
		tr.close()
	}
	for _, addr := range []string{"x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", ":-1", "unix:", "[::1", "http://127.0.0.1", "http://", "https:127.0.0.1:80", "ftp://127.0.0.1:80"} {
		tr := New(Config{Listen: addr})
		var bad *AddressError
		if err := tr.Listen(); !errors.As(err, &bad) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// TestSeveralAddresses: all are served, or none is opened.
func TestSeveralAddresses(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	f := start(t, Config{Also: []string{"127.0.0.1:0", "unix:" + socket}}, nil, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "here")
	})
	for _, a := range f.Addrs() {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial(a.Network(), a.String())
		}}}
		resp, err := c.Get("http://h/")
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "here" || err != nil {
			t.Errorf("%s: %q, %v", a, b, err)
		}
	}
	other := New(Config{Also: []string{f.Addr().String()}})
	if err := other.Listen(); err == nil || other.Addr() != nil {
		t.Errorf("one is taken: %v, listening on %v", err, other.Addr())
	}
	f.stop()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is left behind")
	}
}

// TestStaleSockets: a socket that nobody listens on is replaced, one that somebody listens on and what is no socket are not,
// and one that has taken the place of ours is not removed.
func TestStaleSockets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	taken := New(Config{Listen: "unix:" + path})
	if err := taken.Listen(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody listens: %v", err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	tr := New(Config{Listen: "unix:" + path})
	if err := tr.Listen(); err != nil {
		t.Fatalf("stale: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	theirs, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	tr.close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("another's socket: %v", err)
	}

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{file, link, dir} {
		if err := New(Config{Listen: "unix:" + p}).Listen(); err == nil || !strings.Contains(err.Error(), "is no socket") {
			t.Errorf("%s: %v", p, err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}
