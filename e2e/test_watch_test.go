//go:build unix

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/ending"
)

// TestTestWatch: vitrine test --watch tests again after a change of a source, of the tests and of the manifest; a build and a file of tests that fail are said,
// and it goes on. SIGINT ends it with 0.
func TestTestWatch(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	report := filepath.Join(t.TempDir(), "report.xml")
	tests := func(want string) {
		write("vitrine.test.yaml", "apiVersion: vitrine.dev/v1alpha1\nkind: Test\ntests:\n  - {name: greets, request: {path: /hello}, expect: {contains: ["+want+"]}}\n")
	}
	tests("full")
	cmd := exec.Command(binary, "test", "--watch", "--log-level", "error", "--junit", report, dir)
	ending.Prepare(cmd)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var mu sync.Mutex
	var said strings.Builder
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			mu.Lock()
			fmt.Fprintln(&said, lines.Text())
			mu.Unlock()
		}
	}()
	defer cmd.Process.Kill()
	rounds := 0
	round := func(what string, wants ...string) {
		t.Helper()
		rounds++
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			all := strings.Split(said.String(), "waiting for a change\n")
			mu.Unlock()
			if len(all) > rounds {
				for _, want := range wants {
					if !strings.Contains(all[rounds-1], want) {
						t.Errorf("%s: %q is not in %s", what, want, all[rounds-1])
					}
				}
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: it has not ended: %q", what, all)
			}
		}
	}
	round("the first", "ok   greets", "1 of 1 test passed")
	write("source", guestPath(t, "rust-http-p2"))
	round("another source", "FAIL greets", "0 of 1 test passed")
	tests("p2")
	round("other tests", "ok   greets")
	write("source", "/no/such/file")
	round("a build that fails", "vitrine: the build failed", "sh -c failed with status 1")
	write("source", guestPath(t, "rust-http-full-p2"))
	round("a build that succeeds", "ok   greets")
	write("vitrine.test.yaml", "kind: Nonsense\n")
	round("a mistake in the tests", "the file of tests has ")
	tests("nobody")
	round("tests that fail", "FAIL greets")
	if text, err := os.ReadFile(report); err != nil || !strings.Contains(string(text), `failures="1"`) {
		t.Errorf("the report is not of the last tests: %v %s", err, text)
	}
	write("vitrine.yaml", "kind: Nonsense\n")
	round("a mistake in the manifest", "the manifest has ")
	write("vitrine.yaml", manifestOf("[sh, -c, 'cp $(cat source) shop.wasm']"))
	tests("full")
	round("all is well", "1 of 1 test passed")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v after SIGINT", err)
	}
}
