package e2e

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentRecursion: the limit of the stack ends thirty concurrent requests to a guest that recurses without end. They
// use a bounded part of the process's memory, which is released, and another component serves requests meanwhile.
func TestConcurrentRecursion(t *testing.T) {
	s := hostile(t, "deadline: 60s")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	before := s.memory(t, "VmRSS")
	stop := s.probeNeighbour()
	for range 2 {
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { s.expect("/bad/r", "", 500, "the component failed\n") })
		}
		wg.Wait()
	}
	if n, err := stop(); err != nil {
		t.Errorf("after %d answers the good component failed: %v", n, err)
	}
	peak, after := s.memory(t, "VmHWM"), s.memory(t, "VmRSS")
	t.Logf("resident: %d MiB before, %d at most, %d after", before>>20, peak>>20, after>>20)
	// Four stacks of 128 MiB at once, and the initial stacks of the others.
	if peak > before+1<<30 {
		t.Errorf("the process had %d MiB", peak>>20)
	}
	if after > before+256<<20 {
		t.Errorf("the process keeps %d MiB", after>>20)
	}
	s.stop()
	if n := strings.Count(s.stderr(), "trap: call stack exhausted: the guest's calls need more stack than the limit of 134217728 bytes"); n == 0 {
		t.Errorf("the limit is not named:\n%s", s.stderr())
	}
}

// TestRecursionIsMemory: what deep calls take is host memory of their instance. Where that is less than their stack may be, each of many that recurse at
// once is refused by its name, and the process grows by what all their accounts have together, not by what their stacks may have.
func TestRecursionIsMemory(t *testing.T) {
	s := hostile(t, "deadline: 60s, hostMemory: 8Mi")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
	before := s.memory(t, "VmRSS")
	stop := s.probeNeighbour()
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() { s.expect("/bad/r", "", 500, "the component failed\n") })
	}
	wg.Wait()
	if n, err := stop(); err != nil {
		t.Errorf("after %d answers the good component failed: %v", n, err)
	}
	peak := s.memory(t, "VmHWM")
	t.Logf("resident: %d MiB before, %d at most", before>>20, peak>>20)
	if peak > before+30*12<<20 {
		t.Errorf("the process had %d MiB", peak>>20)
	}
	s.stop()
	errs := s.stderr()
	if n := strings.Count(errs, "bytes of stack, beyond the first 2097152, count as memory that the host holds for it"); n != 30 || !strings.Contains(errs, "--host-memory") {
		t.Errorf("the limit is named %d times:\n%s", n, errs)
	}
}

// memory is a figure of the process's memory, in bytes.
func (s *server) memory(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in\n%s", name, text)
	}
	kb, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// TestGoRecursion: the default stack is enough for compiled Go, and the message of a smaller one says how to raise it.
func TestGoRecursion(t *testing.T) {
	const guest = "../testdata/stack/regexp.wasm"
	if code, out, errs := runEnv(t, nil, "", "run", guest); code != 0 || out+errs != "" {
		t.Errorf("exit %d, %q %s", code, out, errs)
	}
	for name, c := range map[string]struct{ env, args []string }{
		"flag":     {nil, []string{"run", "--stack", "1Mi", guest}},
		"variable": {[]string{"VITRINE_STACK=1Mi"}, []string{"run", guest}},
	} {
		code, out, errs := runEnv(t, c.env, "", c.args...)
		if code != 134 || out != "" {
			t.Errorf("%s: exit %d, %q", name, code, out)
		}
		for _, want := range []string{"call stack exhausted", "limit of 1048576 bytes", "--stack", "func["} {
			if want == "func[" && runtime.GOARCH != "amd64" {
				continue // only amd64 has the frames of an overflow
			}
			if !strings.Contains(errs, want) {
				t.Errorf("%s: no %q in %s", name, want, errs)
			}
		}
	}
	for _, bad := range []string{"1Ki", "2Gi", "0", "x"} {
		if code, _, errs := runEnv(t, nil, "", "run", "--stack", bad, guest); code != 2 || !strings.Contains(errs, "--stack") {
			t.Errorf("--stack %s: exit %d, %s", bad, code, errs)
		}
	}
}
