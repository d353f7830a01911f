package http

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a writer that several may write to and read.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestServersOwnLines: what net/http itself says as a server goes to the trigger's logger, a line each, as severe as it is: our faults are errors, what
// clients do is for those who look for it.
func TestServersOwnLines(t *testing.T) {
	var ours, others sink
	before := log.Writer()
	log.SetOutput(&others)
	t.Cleanup(func() { log.SetOutput(before) })
	trigger := New(Config{Logger: slog.New(slog.NewJSONHandler(&ours, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	trigger.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic("a \x1b[2J\nfault")
		case "/twice":
			w.WriteHeader(200)
			w.WriteHeader(500)
		}
	})
	model := httptest.NewUnstartedServer(nil)
	model.StartTLS() // for its certificate
	defer model.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	server := trigger.server
	server.TLSConfig = &tls.Config{Certificates: model.TLS.Certificates}
	go func() { served <- server.ServeTLS(l, "", "") }()
	client := model.Client()
	for _, path := range []string{"/twice", "/panic"} { // a POST is not tried again
		if resp, err := client.Post("https://"+l.Addr().String()+path, "text/plain", nil); err == nil {
			_ = resp.Body.Close()
		}
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "this is no TLS\x1b[2J, and it is long enough for a head\r\n\r\n")
	_, _ = io.Copy(io.Discard, c) // the server has said what it has to say when it closes
	_ = c.Close()
	for range 6000 {
		if strings.Contains(ours.String(), "TLS handshake error") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	client.CloseIdleConnections()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-served

	said := map[string]string{}
	for line := range strings.Lines(ours.String()) {
		var m struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		for _, what := range []string{"superfluous response.WriteHeader", "panic serving", "TLS handshake error"} {
			if strings.Contains(m.Msg, what) {
				said[what] += m.Level
			}
		}
	}
	if said["superfluous response.WriteHeader"] != "ERROR" || said["panic serving"] != "ERROR" || said["TLS handshake error"] != "DEBUG" {
		t.Errorf("%v:\n%s", said, ours.String())
	}
	if others.String() != "" {
		t.Errorf("somebody else has it: %s", others.String())
	}
}
