package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// asked is what a server sees of a request.
func asked(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s te=%q timeout=%q", r.Proto, r.Header["Te"], r.Header["Grpc-Timeout"])
}

// sendTo sends a request with these header fields and returns the answer's body.
func sendTo(ctx context.Context, t *testing.T, c *Client, at string, header ...string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	h := NewFields()
	for i := 0; i+1 < len(header); i += 2 {
		if err := h.Append(header[i], header[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	r := NewOutgoingRequest(h)
	_ = r.SetScheme(u.Scheme)
	_ = r.SetAuthority(u.Host)
	if err := c.Check(ctx, r); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	x := c.Start(ctx, r, Options{}, func(*http.Response, error) { close(done) })
	if err := wasiio.Wait(t.Context(), x.Ready()); err != nil {
		t.Fatal(err)
	}
	resp, err := x.Result()
	if err != nil {
		return err.Error()
	}
	b, err := io.ReadAll(resp.Body())
	if err != nil {
		return err.Error()
	}
	<-done
	return string(b)
}

func everything(_, _, _ string) bool { return true }

// TestHTTP2: HTTP/2 is agreed on by TLS, and used without TLS where the server is known to speak it.
func TestHTTP2(t *testing.T) {
	plain := httptest.NewUnstartedServer(http.HandlerFunc(asked))
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(asked))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	known, _ := url.Parse(plain.URL)
	for _, c := range []struct {
		name, at string
		known    bool
		want     string
	}{
		{"without TLS", plain.URL, false, "HTTP/1.1"},
		{"prior knowledge", plain.URL, true, "HTTP/2.0"},
		{"by TLS", secure.URL, false, "HTTP/2.0"},
		{"prior knowledge of another server", secure.URL, true, "HTTP/2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := NewClient(ClientConfig{Allow: everything, TLS: &tls.Config{RootCAs: roots},
				PriorKnowledge: func(host, port string) bool { return c.known && host == known.Hostname() && port == known.Port() }})
			defer client.Close()
			if got, want := sendTo(t.Context(), t, client, c.at), c.want+" te=[] timeout=[]"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	// A server that does not speak it, and one that speaks TLS, answer what is an error, in time.
	old := httptest.NewServer(http.HandlerFunc(asked))
	defer old.Close()
	client := NewClient(ClientConfig{Allow: everything, PriorKnowledge: func(_, _ string) bool { return true }})
	defer client.Close()
	for _, at := range []string{old.URL, "http" + secure.URL[len("https"):]} {
		if got := sendTo(t.Context(), t, client, at); got[:5] != "http:" {
			t.Errorf("%s: %s", at, got)
		}
	}
}

// TestGRPCHead: the host says what belongs to the connection and the call in the head of a request of gRPC, and of no other.
func TestGRPCHead(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(asked))
	defer srv.Close()
	client := NewClient(ClientConfig{Allow: everything})
	defer client.Close()
	long, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		header []string
		want   string
	}{
		{"no gRPC", long, []string{"content-type", "application/json"}, "te=[] timeout=[]"},
		{"gRPC-Web", long, []string{"content-type", "application/grpc-web"}, "te=[] timeout=[]"},
		{"without a deadline", t.Context(), []string{"content-type", "application/grpc"}, `te=["trailers"] timeout=[]`},
		{"te of the guest's", t.Context(), []string{"content-type", "application/grpc+proto", "te", "gzip"}, `te=["trailers"] timeout=[]`},
		{"a timeout of the guest's", t.Context(), []string{"content-type", "application/grpc", "grpc-timeout", "5M"}, `te=["trailers"] timeout=["5M"]`},
		{"a shorter one of the guest's", long, []string{"content-type", "application/grpc", "grpc-timeout", "5M"}, `te=["trailers"] timeout=["5M"]`},
		{"a malformed one", long, []string{"content-type", "application/grpc", "grpc-timeout", "soon"}, `te=["trailers"] timeout=["soon"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, want := sendTo(c.ctx, t, client, srv.URL, c.header...), "HTTP/1.1 "+c.want; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	for _, header := range [][]string{nil, {"grpc-timeout", "2H"}} {
		got := sendTo(long, t, client, srv.URL, append(header, "content-type", "application/grpc")...)
		var value string
		if _, err := fmt.Sscanf(got, "HTTP/1.1 te=[\"trailers\"] timeout=[%q]", &value); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if d, ok := grpchttp.TimeoutOf(http.Header{grpchttp.Timeout: {value}}); !ok || d > time.Hour || d < 50*time.Minute {
			t.Errorf("%s is left of an hour", d)
		}
	}
}

// TestGRPCTimeout: the exchange of a call ends at its deadline.
func TestGRPCTimeout(t *testing.T) {
	ended := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(ended)
	}))
	defer srv.Close()
	client := NewClient(ClientConfig{Allow: everything})
	defer client.Close()
	if got := sendTo(t.Context(), t, client, srv.URL, "content-type", "application/grpc", "grpc-timeout", "20m"); got != "http: HTTP-response-timeout" {
		t.Error(got)
	}
	<-ended
}
