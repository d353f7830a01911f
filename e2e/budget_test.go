package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// budgeted starts a server of two components, each with instances of some 1.1 MB, and 12 MiB for all of them.
func budgeted(t *testing.T, flags ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: two}
spec:
  components:
    - {name: greedy, source: {file: %[1]s}}
    - {name: good, source: {file: %[1]s}}
  triggers:
    - http: {path: /hello, component: good}
    - http: {path: /sleep, component: good}
    - http: {path: /, component: greedy}
`, testref.File(t, "rust-http-full-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return up(t, nil, append([]string{"--admin", "0", "--memory-budget", "12Mi"}, append(flags, file)...)...)
}

// TestMemoryBudgetGrowth: a guest that wants more than the budget has gets no more memory, its request is answered by 503, and neighbours live;
// what it had is given back.
func TestMemoryBudgetGrowth(t *testing.T) {
	s := budgeted(t)
	o := operate(t, s)
	stop := s.probeNeighbour()
	for range 3 {
		resp, err := http.Get(s.base + "/alloc?mb=40")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	if n, err := stop(); err != nil || n == 0 {
		t.Errorf("the neighbour: %d answers, %v", n, err)
	}
	s.waitForConsole("the memory budget of the process has no room (--memory-budget)")
	if status, text, err := s.get("/alloc?mb=4", ""); err != nil || status != 200 {
		t.Errorf("what fits: %d %q %v", status, text, err)
	}
	if page := o.await("/metrics", "\nvitrine_memory_budget_refused{"); !strings.Contains(page, "\nvitrine_memory_budget_limit_bytes{") || !regexp.MustCompile(`vitrine_memory_budget_refused\{[^\n]*\} [1-9]`).MatchString(page) {
		t.Errorf("metrics: %s", page)
	}
	if code, got := o.ask("GET", "/workloads", ""); code != 200 || !strings.Contains(got, `"limit": 12582912`) {
		t.Errorf("/workloads: %d %s", code, got)
	}
}

// TestMemoryBudgetQueue: where instances take all of the budget, a request waits until one ends; nobody fails.
func TestMemoryBudgetQueue(t *testing.T) {
	s := budgeted(t)
	var all sync.WaitGroup
	for n := range 14 { // ten have room at once
		path := []string{"/sleep?ms=300", "/join?n=1&ms=300"}[n%2]
		all.Go(func() {
			if status, text, err := s.get(path, ""); err != nil || status != 200 {
				t.Errorf("%d %q %v", status, text, err)
			}
		})
	}
	all.Wait()
}

// TestMemoryBudgetIdle: idle instances of one component make room for those of another.
func TestMemoryBudgetIdle(t *testing.T) {
	s := budgeted(t, "--idle", "1h")
	for _, path := range []string{"/sleep?ms=200", "/join?n=1&ms=200", "/sleep?ms=200"} {
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				if status, text, err := s.get(path, ""); err != nil || status != 200 {
					t.Errorf("%d %q %v", status, text, err)
				}
			})
		}
		all.Wait()
	}
}

// TestMemoryBudgetFull: a request that waits for memory for too long gets 503.
func TestMemoryBudgetFull(t *testing.T) {
	s := budgeted(t)
	var all sync.WaitGroup
	statuses := make(chan int, 14)
	for range 14 {
		all.Go(func() {
			status, text, err := s.get("/join?n=1&ms=8000", "")
			if err != nil || status != 200 && status != 503 {
				t.Errorf("%d %q %v", status, text, err)
			}
			statuses <- status
		})
	}
	all.Wait()
	close(statuses)
	refused := 0
	for status := range statuses {
		if status == 503 {
			refused++
		}
	}
	if refused == 0 || refused > 10 {
		t.Errorf("%d of 14 were refused", refused)
	}
}

// TestMemoryBudgetMistakes: a size that is none is a mistake in the flag.
func TestMemoryBudgetMistakes(t *testing.T) {
	for _, bad := range []string{"0", "lots", "-1"} {
		if code, _, errs := run(t, "", "up", "--memory-budget", bad, testref.File(t, "rust-http-full-p2")); code != 2 || !strings.Contains(errs, "--memory-budget") {
			t.Errorf("%s: %d %s", bad, code, errs)
		}
	}
}
