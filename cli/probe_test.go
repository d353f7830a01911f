package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A probe says what it was told, and where; a password in a URL is in no message.
func TestProbe(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/livez" {
			_, _ = w.Write([]byte("ok\n"))
			return
		}
		http.Error(w, "workload shop is failed: \x1b[31mno file\nredis is down", http.StatusServiceUnavailable)
	}))
	defer s.Close()
	addr := strings.TrimPrefix(s.URL, "http://")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"probe", "--live", addr}, ExitOK, "ok\n"},
		{[]string{"probe", "--live", s.URL}, ExitOK, "ok\n"},
		{[]string{"probe", addr}, ExitFailed, "redis is down"},
		{[]string{"probe", strings.Replace(s.URL, "http://", "http://bob:hunter2@", 1)}, ExitFailed, "redis is down"},
		{[]string{"probe", "http://bob:hunter2@127.0.0.1:1/"}, ExitFailed, "there is no answer"},
		{[]string{"probe", "http://bob:hunter2@%zz"}, ExitUsage, "the address is no URL"},
		{[]string{"probe", "unix:/nowhere/at/all"}, ExitFailed, "there is no answer"},
		{[]string{"probe"}, ExitUsage, "VITRINE_ADMIN"},
	} {
		status, stdout, stderr := runCLI(c.args...)
		if out := stdout + stderr; status != c.status || !strings.Contains(out, c.want) || strings.Contains(out, "hunter2") || strings.Contains(out, "\x1b") {
			t.Errorf("%q: status %d, want %d and %q: %s", c.args, status, c.status, c.want, out)
		}
	}
}

// An address in use names the flag that gave it.
func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	for _, flag := range []string{"--listen", "--admin", "--view"} {
		args := []string{"up", "--listen", "127.0.0.1:0", "testdata/ok.wasm"}
		if flag == "--listen" {
			args = args[:1:1]
			args = append(args, "testdata/ok.wasm")
		}
		status, _, stderr := runCLI(append(args, flag+"="+addr, "--view-dir=off")...)
		if status != ExitUsage || !strings.Contains(stderr, "cannot listen on "+addr) || !strings.Contains(stderr, "where: "+flag) || !strings.Contains(stderr, "with "+flag) {
			t.Errorf("%s: status %d: %s", flag, status, stderr)
		}
	}
}
