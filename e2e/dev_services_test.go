//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDevSwapsServices: while a service is replaced again and again, no request that it is sent fails: those that come between the end of the old
// one and the start of the new one wait, and say so. Each of the old ones ends.
func TestDevSwapsServices(t *testing.T) {
	dir := t.TempDir()
	manifest := func(version int) {
		t.Helper()
		file := filepath.Join(dir, "vitrine.yaml")
		text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, version: 1.0.%d}
spec:
  components:
    - {name: svc, source: {file: %q}, args: [svc, pending]}
  services: [{component: svc}]
  triggers: [{http: {path: /, component: svc}}]
`, version, guestPath(t, "rust-service-p3"))
		if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			t.Fatal(err)
		}
	}
	manifest(0)
	s := serving(t, "dev", nil, "--trace", dir)
	s.expect("/", "", 200, "runs 1 requests 1\n")
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	answered, failed := 0, 0
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, text, err := s.get("/", "")
				mu.Lock()
				if answered++; status != 200 || err != nil || !strings.HasPrefix(text, "runs 1 requests ") {
					if failed++; failed < 5 {
						t.Errorf("%d %q %v", status, text, err)
					}
				}
				mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	const swaps = 8
	for n := range swaps {
		before := strings.Count(s.stderr(), "ready ")
		manifest(n + 1)
		for end := time.Now().Add(2 * time.Minute); strings.Count(s.stderr(), "ready ") == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it is not replaced: %.4000s", s.stderr())
			}
		}
	}
	close(stop)
	clients.Wait()
	t.Logf("%d requests, %d failed, %d swaps", answered, failed, swaps)
	s.waitForConsole("service wait")
	for end := time.Now().Add(time.Minute); strings.Count(s.stderr(), "\nservice run ") < swaps; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d runs have ended, want %d", strings.Count(s.stderr(), "\nservice run "), swaps)
		}
	}
}
