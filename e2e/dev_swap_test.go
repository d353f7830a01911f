//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDevBuildsWhatHasChanged: only the component whose files have changed is built, and what needs it; one whose build has failed is built again
// with the next change, wherever that is, and SIGHUP builds all.
func TestDevBuildsWhatHasChanged(t *testing.T) {
	dir, write := devFolder(t, "rust-http-full-p2")
	guest := guestPath(t, "rust-http-full-p2")
	manifest := `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
`
	for _, name := range []string{"a", "b", "c"} {
		needs := map[string]string{"c": ", needs: [b]"}[name]
		manifest += fmt.Sprintf("  - {name: %s, source: {file: %s.wasm}, build: {command: [sh, -c, 'echo building; test ! -s %s.src || exit 7; cp %s %s.wasm'], watch: [%s.src]%s}}\n", name, name, name, guest, name, name, needs)
		write(name+".src", "")
	}
	write("vitrine.yaml", manifest+"  triggers:\n  - http: {path: /, component: a}\n  - http: {path: /b, component: b}\n  - http: {path: /c, component: c}\n")
	s := serving(t, "dev", nil, dir)
	counts := func() string {
		text := s.stderr()
		return fmt.Sprintf("a %d b %d c %d", strings.Count(text, "a | building\n"), strings.Count(text, "b | building\n"), strings.Count(text, "c | building\n"))
	}
	builds := func(what, want string, updates int) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
			done := len(regexp.MustCompile(`(?m)^ready |what was built before goes on`).FindAllString(s.stderr(), -1))
			if done == updates && counts() == want {
				return
			}
			if time.Now().After(end) || done > updates {
				t.Fatalf("%s: %d updates, %s; want %d, %s\n%s", what, done, counts(), updates, want, s.stderr())
			}
		}
	}
	touch := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name+".src"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	builds("the first", "a 1 b 1 c 1", 1)
	touch("a", "fail")
	builds("a fails", "a 2 b 1 c 1", 2)
	touch("b", "fail")
	builds("b fails, and a still does", "a 3 b 2 c 1", 3)
	touch("b", "")
	builds("b is as it was, c needs it, a still fails", "a 4 b 3 c 2", 4)
	touch("a", "")
	builds("a alone", "a 5 b 3 c 2", 5)
	write("vitrine.yaml", strings.Replace(manifest, "echo building; test ! -s a.src", "echo building; true; test ! -s a.src", 1)+"  triggers:\n  - http: {path: /, component: a}\n")
	builds("the build of a is another", "a 6 b 3 c 2", 6)
}

// TestDevSwapsTimersAndMessages: while a workload is replaced again and again, each message that is sent is handled once, and each tick of a timer
// is one run.
func TestDevSwapsTimersAndMessages(t *testing.T) {
	dir := t.TempDir()
	manifest := func(version int) {
		t.Helper()
		text := fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, version: 1.0.%d}
spec:
  components:
    - {name: shop, source: {file: %q}, grants: {messaging: {"jobs.>": {}}, keyvalue: {default: {scope: workload}}}}
    - {name: work, source: {file: %q}, grants: {messaging: {"jobs.>": {}}, keyvalue: {default: {scope: workload}}}}
    - {name: tick, source: {file: %q}, args: [cli, time]}
  triggers:
    - http: {path: /, component: shop}
    - messaging: {subject: jobs.*, component: work}
    - timer: {every: 50ms, queue: 1000, component: tick}
`, version, guestPath(t, "rust-messages-p2"), guestPath(t, "rust-messages-p2"), guestPath(t, "rust-cli-hostile"))
		file := filepath.Join(dir, "vitrine.yaml")
		if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			t.Fatal(err)
		}
	}
	manifest(0)
	s := serving(t, "dev", nil, "--trace=timer*", dir)
	const swaps, each = 5, 40
	for n := range swaps {
		before := strings.Count(s.stderr(), "ready ")
		manifest(n + 1)
		for range each { // while it is replaced
			if status, text, err := s.get("/publish?subject=jobs.x", "note"); status != 200 || err != nil {
				t.Fatalf("%d %q %v", status, text, err)
			}
		}
		for end := time.Now().Add(2 * time.Minute); strings.Count(s.stderr(), "ready ") == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it is not replaced: %s", s.stderr())
			}
		}
	}
	s.eventually("/get?key=count:jobs.x", fmt.Sprint(swaps*each))
	s.expect("/get?key=count:jobs.x", "", 200, fmt.Sprint(swaps*each)) // and no more
	if strings.Contains(s.stderr(), "missed") || strings.Contains(s.stderr(), "messages were lost") {
		t.Errorf("ticks or messages were lost: %s", s.stderr())
	}
}
