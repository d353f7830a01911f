package e2e

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestGoNet: a component in plain Go has connections by wasi:sockets 0.3: TLS of its own, deadlines, ends of one direction and of both, and errors that say why.
func TestGoNet(t *testing.T) {
	component := goComponent(t, "go-net")
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100_000)) }))
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	serve := func(f func(*net.TCPConn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { c.Close() })
				go f(c.(*net.TCPConn))
			}
		}()
		return l.Addr().String()
	}
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	echo := serve(func(c *net.TCPConn) { io.Copy(c, c); c.CloseWrite() })
	deaf := serve(func(*net.TCPConn) {})
	resets := serve(func(c *net.TCPConn) { io.ReadFull(c, make([]byte, 1)); c.SetLinger(0); c.Close() })
	args := []string{"run"}
	for _, granted := range []string{secure.Listener.Addr().String(), echo, deaf, resets, refused.Addr().String()} {
		args = append(args, "--allow-connect", granted)
	}
	_, port, _ := net.SplitHostPort(echo)
	args = append(args, "--allow-connect", "localhost:"+port)
	for name, value := range map[string]string{
		"TLS": secure.URL, "ECHO": echo, "DEAF": deaf, "RESET": resets, "REFUSED": refused.Addr().String(), "DENIED": "127.0.0.1:1",
		"CA": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})),
	} {
		args = append(args, "--env", name+"="+value)
	}
	code, out, problem := run(t, "", append(args, component)...)
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, problem)
	}
	want := `tls: map[HTTP/2.0 100000 bytes:20]
other authority: true
name: true 127.0.0.1
stacks that move: 0 words of other stacks have changed
echo: true
deadline: true true 1
deadline while reading: true
deadline put off: true true
write deadline: true
close while reading: true true true
half closed: all of it 0 EOF
reset: connection-reset
refused: connection-refused
denied: access-denied
dial deadline: true
cancelled: true
nonsense: true true true true true
`
	if got := strings.ReplaceAll(out, "\r", ""); got != want {
		t.Errorf("got\n%s\nwant\n%s\n%s", got, want, problem)
	}
}
