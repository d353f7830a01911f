package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/ending"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestListens: each form of --listen is served, all of them at once, and a line says what each has become: a bare port is on the loopback alone,
// one after a colon on every interface.
func TestListens(t *testing.T) {
	const guest = "rust-http-full-p2"
	socket := filepath.Join(t.TempDir(), "s")
	forms := []struct{ listen, says string }{
		{"0", `http://127\.0\.0\.1:[1-9][0-9]*`},
		{":0", `http://(\[::\]|0\.0\.0\.0):[1-9][0-9]*`}, // the latter where there is no IPv6
		{"0.0.0.0:0", `http://0\.0\.0\.0:[1-9][0-9]*`},
		{"127.0.0.1:0", `http://127\.0\.0\.1:[1-9][0-9]*`},
		{"unix:" + socket, regexp.QuoteMeta("unix:" + socket)},
	}
	if runtime.GOOS == "windows" {
		forms = forms[:len(forms)-1]
	}
	args := []string{"up", "--admin", "0", testref.File(t, guest)} // whose line comes after the others
	for _, f := range forms {
		args = append(args, "--listen", f.listen)
	}
	cmd := exec.Command(binary, args...)
	ending.Prepare(cmd)
	s := waitReady(t, cmd)
	s.waitForConsole("\nadmin on http://")
	lines := regexp.MustCompile(`(?m)^serving `+guest+` on (\S+)$`).FindAllStringSubmatch(s.stderr(), -1)
	if len(lines) != len(forms) {
		t.Fatalf("%d addresses have %d lines: %s", len(forms), len(lines), s.stderr())
	}
	for i, f := range forms {
		said := lines[i][1]
		if !regexp.MustCompile(`^` + f.says + `$`).MatchString(said) {
			t.Errorf("--listen %s: %s", f.listen, said)
		}
		path, isSocket := strings.CutPrefix(said, "unix:")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if isSocket {
				network, addr = "unix", path
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}}}
		url := said
		if isSocket {
			url = "http://socket"
		}
		resp, err := client.Get(url + "/hello")
		if err != nil {
			t.Errorf("--listen %s: %v", f.listen, err)
			continue
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != "hello from "+guest+"\n" {
			t.Errorf("--listen %s: %q %v", f.listen, got, err)
		}
	}
}
