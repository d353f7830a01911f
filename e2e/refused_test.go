package e2e

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestRefusedMemoryIsTold: the trap of a guest that gets no more memory says which limit it was and which flag sets it, and only that trap does.
func TestRefusedMemoryIsTold(t *testing.T) {
	s := up(t, nil, "--memory", "8Mi", testref.File(t, "rust-http-full-p2"))
	if status, text, err := s.get("/alloc?mb=40", ""); err != nil || status != 500 {
		t.Errorf("%d %q %v", status, text, err)
	}
	if status, text, err := s.get("/trap", ""); err != nil || status != 500 {
		t.Errorf("%d %q %v", status, text, err)
	}
	if status, text, err := s.get("/alloc?mb=2", ""); err != nil || status != 200 {
		t.Errorf("%d %q %v", status, text, err)
	}
	s.stop()
	all := s.stderr()
	const why = "memory.grow was refused: the memories of an instance may have 8388608 bytes"
	if n := strings.Count(all, why); n != 1 {
		t.Errorf("%q is there %d times:\n%s", why, n, all)
	}
	for line := range strings.Lines(all) {
		if cure := strings.Contains(line, "; give it more memory with --memory or limits.memory"); cure != strings.Contains(line, why) {
			t.Errorf("the cure is told: %v: %s", cure, line)
		}
	}
	code, out, errs := run(t, "", "run", "--memory", "8Mi", testref.File(t, "rust-cli-hostile"), "oom")
	if code != 134 || !strings.Contains(errs, why) {
		t.Errorf("%d %s\n%s", code, out, errs)
	}
}
