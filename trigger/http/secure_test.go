package http

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/tlstest"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// asked answers with what the guest sees of a request, its body included.
func asked(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
	b, err := io.ReadAll(in.Body())
	if err != nil {
		return err
	}
	return text(ctx, out, 200, fmt.Sprintf("%s %s %s %s", in.Scheme(), in.HTTPRequest().Proto, in.Authority(), b))
}

// secured starts a trigger with a config and routes, and runs it until the end of the test.
func secured(t *testing.T, c Config, routes ...Route) *Trigger {
	t.Helper()
	c.Adapters = handler(asked)
	tr := New(c)
	w := spec()
	for _, r := range routes {
		w.Triggers = append(w.Triggers, workload.TriggerSpec{Type: TypeName, Component: "guest", Config: r})
	}
	if _, err := tr.Attach(t.Context(), w, &invoker{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return tr
}

// askTLS sends a request by one version of HTTP with TLS, on a connection of its own, and returns the answer and the certificate's name.
func askTLS(t *testing.T, addr, name string, config *tls.Config, h2 bool, body string) (text, certificate string, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config.Clone(), Protocols: new(http.Protocols), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}}
	defer transport.CloseIdleConnections()
	transport.Protocols.SetHTTP1(!h2)
	transport.Protocols.SetHTTP2(h2)
	req, err := http.NewRequest("POST", "https://"+name+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.TLS.PeerCertificates[0].Subject.CommonName, err
}

// TestHTTPS: by HTTP/1.1 and HTTP/2, with the certificate of the name that is asked for.
func TestHTTPS(t *testing.T) {
	dir := t.TempDir()
	shopCert, shopKey := tlstest.Write(t, dir, "shop", "shop.example", "*.shop.example")
	blogCert, blogKey := tlstest.Write(t, dir, "blog", "blog.example")
	tr := secured(t, Config{Also: []string{"http://127.0.0.1:0", "unix:" + filepath.Join(dir, "s")}},
		Route{Path: "/", TLS: CertificateFiles{Cert: shopCert, Key: shopKey}}, Route{Path: "/", Host: "blog.example", TLS: CertificateFiles{Cert: blogCert, Key: blogKey}})
	config := &tls.Config{RootCAs: tlstest.Roots(t, shopCert, blogCert)}
	addr := tr.Addrs()[0].String()
	for name, want := range map[string]string{"shop.example": "shop", "a.shop.example": "shop", "blog.example": "blog", "127.0.0.1": "shop"} {
		for _, h2 := range []bool{false, true} {
			got, certificate, err := askTLS(t, addr, name, config, h2, "body")
			if want := fmt.Sprintf("https %s %s body", map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[h2], name); err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
			if certificate != want {
				t.Errorf("%s has the certificate of %s", name, certificate)
			}
		}
	}
	if got := strings.Join(tr.Endpoints(), " "); got != fmt.Sprintf("https://%s http://%s unix:%s", tr.Addrs()[0], tr.Addrs()[1], tr.Addrs()[2]) {
		t.Error(got)
	}
	resp, err := http.Post("http://"+tr.Addrs()[1].String(), "", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(b), "http HTTP/1.1 ") {
		t.Errorf("%s", b)
	}
	// One connection, several requests, one of them with a body in chunks: the framing below TLS is followed as without it.
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: config.RootCAs, ServerName: "shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for i := range 3 {
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "https HTTP/1.1 shop.example ab" || resp.Close {
			t.Errorf("request %d: %s, %v, closed %t", i, b, err, resp.Close)
		}
	}
}

// TestHandshakes: clients that are slow, mute or speak http keep no other waiting, and end with the listener.
func TestHandshakes(t *testing.T) {
	cert, key := tlstest.Write(t, t.TempDir(), "a", "a.example")
	tr := secured(t, Config{Certificate: CertificateFiles{Cert: cert, Key: key}}, Route{Path: "/"})
	addr := tr.Addr().String()
	for range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write([]byte{22, 3, 1, 0})
	}
	config := &tls.Config{RootCAs: tlstest.Roots(t, cert)}
	if _, _, err := askTLS(t, addr, "a.example", config, true, ""); err != nil {
		t.Error(err)
	}
	if _, _, err := askTLS(t, addr, "a.example", &tls.Config{RootCAs: config.RootCAs, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, false, ""); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	resp, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(b), "speaks https") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

// TestCertificateIsReadAgain: a new certificate is used from the next connection on, and one that cannot be used never.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := tlstest.Write(t, dir, "a", "a.example")
	var log strings.Builder
	tr := secured(t, Config{Certificate: CertificateFiles{Cert: cert, Key: key}, Logger: slog.New(slog.NewTextHandler(&log, nil))}, Route{Path: "/"})
	name := func() string {
		t.Helper()
		_, name, err := askTLS(t, tr.Addr().String(), "a.example", &tls.Config{InsecureSkipVerify: true}, false, "")
		if err != nil {
			t.Error(err)
		}
		return name
	}
	if got := name(); got != "a" {
		t.Error(got)
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	newCert, newKey := tlstest.Write(t, dir, "b", "a.example")
	move(newCert, cert) // the key is still the old one
	if got := name(); got != "a" {
		t.Errorf("in the middle of a change: %s", got)
	}
	move(newKey, key)
	if got := name(); got != "b" {
		t.Errorf("after a change: %s", got)
	}
	if err := os.WriteFile(cert, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "b" {
		t.Errorf("with a broken file: %s", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "b" {
		t.Errorf("without a key: %s", got)
	}
	newCert, newKey = tlstest.Write(t, dir, "c", "a.example")
	move(newKey, key)
	move(newCert, cert)
	if got := name(); got != "c" {
		t.Errorf("after all that: %s", got)
	}
	if s := log.String(); strings.Count(s, "was read again") != 2 || !strings.Contains(s, "cannot be used") || strings.Contains(s, "PRIVATE") {
		t.Error(s)
	}
}

func TestCertificateMistakes(t *testing.T) {
	dir := t.TempDir()
	cert, key := tlstest.Write(t, dir, "a", "a.example")
	_, other := tlstest.Write(t, dir, "b", "b.example")
	for want, c := range map[string]CertificateFiles{
		"tls: cert: stat " + dir + "/none": {Cert: dir + "/none", Key: key},
		"tls: key: stat " + dir + "/none":  {Cert: cert, Key: dir + "/none"},
		"private key does not match":       {Cert: cert, Key: other},
		"in certificate input":             {Cert: key, Key: key},
	} {
		_, err := New(Config{}).newRoute(spec("/"), &workload.TriggerSpec{Type: TypeName, Component: "guest", Config: Route{Path: "/", TLS: c}}, &invoker{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	tr := New(Config{Listen: "https://127.0.0.1:0"})
	if _, err := tr.Attach(t.Context(), spec("/"), &invoker{}); err == nil || !strings.Contains(err.Error(), "has no certificate: give --tls-cert") {
		t.Errorf("https without a certificate: %v", err)
	}
	_ = tr.close()
	if wrong := checkRoutes([]workload.TriggerSpec{{Config: Route{Path: "/", TLS: CertificateFiles{Cert: "a"}}}}); len(wrong) != 1 || wrong[0].Key != "tls.key" {
		t.Error(wrong)
	}
}

// TestSocketMode: a Unix socket has the permissions that its address names.
func TestSocketMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	tr := secured(t, Config{Listen: "unix:" + path + "?mode=0620"}, Route{Path: "/"})
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o620 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if got := tr.Endpoints()[0]; got != "unix:"+path {
		t.Error(got)
	}
	for _, bad := range []string{"unix:a?mode=", "unix:a?mode=rw", "unix:a?mode=0", "unix:a?mode=1000", "unix:?mode=0600", "unix:"} {
		if _, err := parseAddress(bad); err == nil {
			t.Errorf("%s is an address", bad)
		}
	}
}
