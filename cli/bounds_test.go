package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// section makes a section of a component.
func section(id byte, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	return append(binary.AppendUvarint([]byte{id}, uint64(len(all))), all...)
}

func name(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }

var preamble = []byte("\x00asm\x0d\x00\x01\x00")

// nestedComponents makes depth components around one that holds a core module. Each has a name of nameLen bytes and
// instantiates the one inside it once.
func nestedComponents(depth, nameLen int) []byte {
	own := func(b []byte, depth int) []byte {
		long := strings.Repeat(string(rune('a'+depth%26)), nameLen)
		return append(b, section(0, name("component-name"), section(0, name(long)))...)
	}
	inner := own(append(bytes.Clone(preamble), section(1, []byte("\x00asm\x01\x00\x00\x00"))...), 0)
	for d := range depth {
		b := append(bytes.Clone(preamble), section(4, inner)...)
		b = append(b, section(5, []byte{1, 0, 0, 0})...) // one instance of it, without arguments
		inner = own(b, d+1)
	}
	return inner
}

// TestInspectBoundsOutputAndMemory: long names in many places multiply neither inspect's output nor its memory.
func TestInspectBoundsOutputAndMemory(t *testing.T) {
	for _, c := range []struct {
		name string
		wasm []byte
	}{
		{"nested long names", nestedComponents(90, 100_000)},
		{"an import with a long name", append(bytes.Clone(preamble), section(10, []byte{1, 0}, name(strings.Repeat("a", 1<<20)), []byte{5, 0})...)},
		{"many imports", manyImports(50_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.wasm")
			if err := os.WriteFile(file, c.wasm, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"inspect", file}, {"inspect", "--json", file}} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				status, out, errs := runCLI(args...)
				runtime.ReadMemStats(&after)
				if len(out)+len(errs) > 3*maxReport {
					t.Errorf("%d and %d bytes are shown", len(out), len(errs))
				}
				if taken := after.TotalAlloc - before.TotalAlloc; taken > 512<<20 {
					t.Errorf("%d MiB are allocated", taken>>20)
				}
				if status == ExitOK && len(args) == 3 && !json.Valid([]byte(out)) {
					t.Error("this is no JSON")
				}
				if status != ExitOK && status != ExitUsage {
					t.Errorf("status %d: %.200s", status, errs)
				}
				t.Logf("%d bytes: status %d, %d bytes shown, %d MiB allocated, %.100q", len(c.wasm), status, len(out)+len(errs), (after.TotalAlloc-before.TotalAlloc)>>20, errs)
			}
		})
	}
}

// manyImports imports n core modules that import and export nothing.
func manyImports(n int) []byte {
	typ := section(3, []byte{1, 0x50, 0}) // a module type
	var imports []byte
	imports = binary.AppendUvarint(imports, uint64(n))
	for i := range n {
		imports = append(imports, 0)
		imports = append(imports, name("m"+strings.Repeat("x", 40)+"-a"+strings.ReplaceAll(strings.Trim(string(rune('a'+i%26)), " "), " ", "")+"-b"+itoa(i))...)
		imports = append(imports, 0, 0x11, 0)
	}
	return append(append(bytes.Clone(preamble), typ...), section(10, imports)...)
}

// TestCheckEndsOnSignal: the check of a large workload ends soon after SIGTERM.
func TestCheckEndsOnSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals to send")
	}
	dir := t.TempDir()
	guest, err := filepath.Abs("testdata/hello.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var m strings.Builder
	m.WriteString("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n  components:\n")
	for i := range 10_000 {
		m.WriteString("  - {name: a" + itoa(i) + ", source: {file: " + guest + "}}\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "vitrine.yaml"), []byte(m.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// A process that still reads its manifest has the signal's default effect, without a message. How long reading takes depends
	// on the machine; the check itself takes minutes.
	for wait := 2 * time.Second; ; wait *= 2 {
		if checkUntil(t, dir, wait) || t.Failed() {
			return
		}
		if wait > 30*time.Second {
			t.Fatal("it had not begun to check after all this time")
		}
	}
}

// checkUntil starts a check of dir, sends SIGTERM after a wait, and says whether the check had begun by then.
func checkUntil(t *testing.T, dir string, wait time.Duration) (begun bool) {
	t.Helper()
	cmd := exec.Command("vitrine", "check", "--cache-dir", "off", dir) // which TestMain has put on the PATH
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	signalled := time.Now()
	err := cmd.Wait()
	if took := time.Since(signalled); took > 20*time.Second {
		t.Errorf("it ended %s after the signal", took)
	}
	code := cmd.ProcessState.ExitCode()
	if code == -1 && errs.Len() == 0 {
		return false
	}
	if code != ExitFailed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("status %d (%v): %s", code, err, errs.String())
	}
	return true
}
