//go:build unix

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// devFolder is a workload whose build copies the component that the file source names.
func devFolder(t *testing.T, guest string) (dir string, write func(name, text string)) {
	t.Helper()
	dir = t.TempDir()
	write = func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			t.Fatal(err)
		}
	}
	write("source", guestPath(t, guest))
	write("vitrine.yaml", manifestOf("[sh, -c, 'cp $(cat source) shop.wasm']"))
	return dir, write
}

func manifestOf(command string) string {
	return `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
  - name: shop
    source: {file: shop.wasm}
    build: {command: ` + command + `, watch: [source]}
  triggers:
  - http: {path: /, component: shop}
`
}

func guestPath(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(testref.File(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// await waits until a request for /hello is answered with a text.
func (s *server) await(text string) {
	s.t.Helper()
	var got string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, got, _ = s.get("/hello", ""); strings.Contains(got, text) {
			return
		}
	}
	s.t.Fatalf("the answer stays %q; want %q\n%.4000s", got, text, s.stderr())
}

// TestDev: a change is built and served at the same address; a build, a manifest and a component that fail change nothing, and say why; a
// service of the manifest that comes is there, SIGHUP builds again.
func TestDev(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	s := serving(t, "dev", nil, "--trace", dir)
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	write("source", guestPath(t, "rust-http-p2"))
	s.await("hello rust p2")
	s.waitForConsole("after the change of " + filepath.Join(dir, "source"))
	if !regexp.MustCompile(`ready \S+ after the change of \S+ \(build \S+, start \S+\)\n`).MatchString(s.stderr()) {
		t.Errorf("it is not said how long it took: %.4000s", s.stderr())
	}
	for _, want := range []string{"workload update", "├─ workload build", "└─ workload replace", "build shop"} {
		s.waitForConsole(want)
	}

	write("source", "/no/such/file")
	s.waitForConsole("why:   shop: sh -c failed with status 1\n")
	s.waitForConsole("what was built before goes on\n")
	write("vitrine.yaml", "kind: Nonsense\n")
	s.waitForConsole("the manifest has ")
	write("source", guestPath(t, "rust-cli-p2"))
	write("vitrine.yaml", manifestOf("[sh, -c, 'cp $(cat source) shop.wasm']"))
	s.waitForConsole("component shop does not export wasi:http/handler")
	s.expect("/hello", "", 200, "hello rust p2 Method::Get /hello\n")

	write("source", guestPath(t, "rust-http-full-p2"))
	s.await("hello from rust-http-full-p2")
	write("vitrine.yaml", strings.Replace(manifestOf("[sh, -c, 'echo another command; cp $(cat source) shop.wasm']"), "path: /,", "path: /shop,", 1))
	s.waitForConsole("shop | another command\n")
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if status, _, _ := s.get("/hello", ""); status == http.StatusNotFound {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the old route stays")
		}
	}
	for n := range 3 { // and what changes after that is seen
		before := strings.Count(s.stderr(), "another command\n")
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(2 * time.Minute); strings.Count(s.stderr(), "another command\n") == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("SIGHUP builds nothing, the %d. time", n+1)
			}
		}
	}
	write("vitrine.yaml", manifestOf("[sh, -c, 'echo the last command; cp $(cat source) shop.wasm']"))
	s.waitForConsole("shop | the last command\n")

	// Without its manifest the folder holds one component alone, which is not what is developed.
	if err := os.Remove(filepath.Join(dir, "vitrine.yaml")); err != nil {
		t.Fatal(err)
	}
	s.waitForConsole(filepath.Join(dir, "vitrine.yaml") + " does not exist\n")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	write("vitrine.yaml", manifestOf("[sh, -c, 'echo the manifest is back; cp $(cat source) shop.wasm']"))
	s.waitForConsole("shop | the manifest is back\n")
}

// TestDevWaitsForABuild: a first build that fails ends nothing: the workload is served when it can be built.
func TestDevWaitsForABuild(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	write("source", "/no/such/file")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 600 { // when the first build has been tried
			if b, err := os.ReadFile(filepath.Join(dir, "tried")); err == nil && len(b) > 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		write("source", guestPath(t, "rust-http-full-p2"))
	}()
	write("vitrine.yaml", manifestOf("[sh, -c, 'echo x > tried; cp $(cat source) shop.wasm']"))
	s := serving(t, "dev", nil, dir)
	<-done
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
}

// TestDevUnderLoad: while a workload is built and replaced again and again, no request fails, and nothing is left behind. VITRINE_SWAPS says for how
// long there is a build every two seconds (60s); without it, the builds follow each other.
func TestDevUnderLoad(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	var longest time.Duration
	if text := os.Getenv("VITRINE_SWAPS"); text != "" {
		var err error
		if longest, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := serving(t, "dev", []string{"GOMAXPROCS=2"}, "--drain", "30s", "--admin", "127.0.0.1:0", "--log-level", "warn", dir)
	s.waitForConsole("admin on http://127.0.0.1:")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	admin := strings.TrimPrefix(regexp.MustCompile(`admin on http://127\.0\.0\.1:\d+`).FindString(s.stderr()), "admin on ")
	goroutines := func() string {
		resp, err := http.Get(admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		found := regexp.MustCompile(`(?m)^go_goroutine_count.* (\d+)$`).FindSubmatch(text)
		if err != nil || found == nil {
			t.Fatalf("%v: %.4000s", err, text)
		}
		return string(found[1])
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	failed, answered := 0, 0
	for range 4 {
		all.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond) // 200 in a second in all
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				status, text, err := s.get("/hello", "")
				mu.Lock()
				if answered++; status != 200 || !strings.HasPrefix(text, "hello") || err != nil {
					if failed++; failed < 5 {
						t.Errorf("%d %q %v", status, text, err)
					}
				}
				mu.Unlock()
			}
		})
	}
	swaps := 40
	if longest > 0 {
		swaps = int(longest / (2 * time.Second))
	}
	files := func() int {
		entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		return len(entries)
	}
	resident := func() int { // MiB; 0 where the system does not say
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
		kib := 0
		if found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text); found != nil {
			kib, _ = strconv.Atoi(string(found[1]))
		}
		return kib >> 10
	}
	first, early, small := 0, "", 0
	var took []time.Duration // from a file that is saved to the first answer of what is built from it
	began := time.Now()
	for n := range swaps {
		if longest > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * 2 * time.Second)))
		}
		guest, hello := "rust-http-p2", "hello rust p2"
		if n%2 == 1 {
			guest, hello = "rust-http-full-p2", "hello from rust-http-full-p2"
		}
		if n == swaps/2 {
			write("source", "/no/such/file") // one that fails in between
			s.waitForConsole("what was built before goes on")
		}
		saved := time.Now()
		write("source", guestPath(t, guest))
		s.await(hello)
		took = append(took, time.Since(saved))
		if n == 3 {
			first, early, small = files(), goroutines(), resident()
		}
	}
	last, late, large := files(), goroutines(), resident()
	close(stop)
	all.Wait()
	slices.Sort(took)
	t.Logf("%d requests in %.0f s, %d failed, %d swaps, a failed build between them; saved to served: p50 %s, longest %s; %d files open after 4 swaps, %d after all; goroutines %s, %s; MiB resident %d, %d",
		answered, time.Since(began).Seconds(), failed, swaps, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), first, last, early, late, small, large)
	if last > first+20 {
		t.Errorf("%d files are open, %d were after the first swaps", last, first)
	}
	if large > small+200 { // 40 of the programs that it had would be more
		t.Errorf("%d MiB are resident, %d were after the first swaps", large, small)
	}
	before, err1 := strconv.Atoi(early)
	after, err2 := strconv.Atoi(late)
	if err1 != nil || err2 != nil || after > before+50 {
		t.Errorf("%s goroutines, %s were after the first swaps", late, early)
	}
}
