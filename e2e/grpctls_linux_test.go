package e2e

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/tests/tlstest"
)

// TestGRPCOverTLS: both ways by HTTP/2 that TLS has agreed on. The file is for Linux, where SSL_CERT_FILE has the roots that a process trusts.
func TestGRPCOverTLS(t *testing.T) {
	cert, key := tlstest.Write(t, t.TempDir(), "tls", "localhost")
	server, err := credentials.NewServerTLSFromFile(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := echoServer(t, grpc.Creds(server))
	s := up(t, []string{"SSL_CERT_FILE=" + cert}, "--tls-cert", cert, "--tls-key", key, "--allow-http", "https://"+at, testref.File(t, "rust-grpc-p3"))
	if !strings.HasPrefix(s.base, "https://127.0.0.1:") {
		t.Fatal(s.base)
	}
	c, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(s.base, "https://"), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(tlstest.Roots(t, cert), "localhost")))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	checkServedStreams(t, c)
	chat := stream(within(t, "x-forward", "https://"+at), t, c, "Chat")
	for i := range 5 {
		m := words()
		if err := errors.Join(chat.SendMsg(words(strconv.Itoa(i))), chat.RecvMsg(m)); err != nil || m.Paths[0] != strconv.Itoa(i) {
			t.Fatalf("message %d: %v, %v", i, m, err)
		}
	}
	_ = chat.CloseSend()
	if _, err := received(chat); err != io.EOF {
		t.Error(err)
	}
}
