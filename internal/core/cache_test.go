package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// compileIn compiles a fixture in an engine of its own and says whether the code came from the cache.
func compileIn(t testing.TB, dir string, bytes int64, name string) bool {
	t.Helper()
	w := newWorld(t, Config{CacheDir: dir, CacheBytes: bytes})
	wasm := fixture(t, name)
	m, cached, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slotsFor(t, wasm)})
	if err != nil {
		t.Fatal(err)
	}
	if name == "basics" {
		g := w.group(Limits{})
		i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := call(i, "twice", 4); got != 8 || err != nil {
			t.Fatalf("twice: %d, %v", got, err)
		}
	}
	return cached
}

func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, cacheName, "code", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCacheHitsAndMisses(t *testing.T) {
	dir := t.TempDir()
	if compileIn(t, dir, 0, "basics") {
		t.Error("a hit in an empty cache")
	}
	if !compileIn(t, dir, 0, "basics") {
		t.Error("a miss the second time")
	}
	if compileIn(t, dir, 0, "importer") {
		t.Error("a hit for another module")
	}
	if n := len(cacheFiles(t, dir)); n != 2 {
		t.Errorf("%d files for two modules", n)
	}
}

// TestCacheServesManyAtOnce: modules are taken from the cache side by side, each one its own, also while others are compiled.
func TestCacheServesManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	all := []string{"basics", "bigmem", "bigtable", "bounded", "importer", "reset", "start", "unreset"}
	known := all[:5]
	for _, name := range known {
		compileIn(t, dir, 0, name)
	}
	for round := range 10 {
		w := newWorld(t, Config{CacheDir: dir})
		var wg sync.WaitGroup
		for i, name := range all {
			wasm := fixture(t, name)
			slots := slotsFor(t, wasm)
			wg.Go(func() {
				_, cached, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slots})
				if want := round > 0 || i < len(known); err != nil || cached != want {
					t.Errorf("round %d: %s: cached %v, %v", round, name, cached, err)
				}
			})
		}
		wg.Wait()
	}
	if n := len(cacheFiles(t, dir)); n != len(all) {
		t.Errorf("%d files for %d modules", n, len(all))
	}
}

func TestCacheSlotsMatter(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Config{CacheDir: dir})
	wasm := fixture(t, "start")
	compile := func(field string) (*Module, bool) {
		m, cached, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: []Slot{{Field: field}}})
		if err != nil {
			t.Fatal(err)
		}
		return m, cached
	}
	a, _ := compile("double")
	b, cached := compile("double")
	if a != b || !cached {
		t.Error("the same module was compiled twice")
	}
	if c, cached := compile("other"); a == c || cached {
		t.Error("other slots gave the same module")
	}
}

func TestCacheSurvivesDamage(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"truncated":                   func(p string) error { return os.Truncate(p, 100) },
		"empty":                       func(p string) error { return os.Truncate(p, 0) },
		"changed in the machine code": func(p string) error { return flip(p, machineCodeOf(t, p)) },
		"changed at its end":          func(p string) error { return flip(p, -1) },
		"changed in its numbers":      func(p string) error { return flip(p, 20) },
		"changed in its magic":        func(p string) error { return flip(p, 0) },
		"odd name":                    func(p string) error { return os.Rename(p, p+"x") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			compileIn(t, dir, 0, "basics")
			if err := damage(cacheFiles(t, dir)[0]); err != nil {
				t.Fatal(err)
			}
			if compileIn(t, dir, 0, "basics") {
				t.Error("damaged code was used")
			}
			if !compileIn(t, dir, 0, "basics") {
				t.Error("the cache did not heal")
			}
		})
	}
}

// flip changes one byte, counted from the end when negative.
func flip(path string, at int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0xff
	return os.WriteFile(path, b, 0o600)
}

// machineCodeOf is somewhere in the machine code, which is most of the file.
func machineCodeOf(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, to := machineCode(bytes.NewReader(b), int64(len(b)))
	if from == 0 || to-from < int64(len(b))/2 || to > int64(len(b)) {
		t.Fatalf("the machine code of %d bytes is from %d to %d", len(b), from, to)
	}
	return int(from+to) / 2
}

// TestCacheForgedFile gives wazero a file that is intact but not wazero's.
func TestCacheForgedFile(t *testing.T) {
	dir := t.TempDir()
	compileIn(t, dir, 0, "basics")
	file := cacheFiles(t, dir)[0]
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := digest(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, strings.TrimSuffix(file, filepath.Ext(file))+"."+sum); err != nil {
		t.Fatal(err)
	}
	if compileIn(t, dir, 0, "basics") {
		t.Error("a forged file counts as a hit")
	}
	if !compileIn(t, dir, 0, "basics") {
		t.Error("the cache did not heal")
	}
}

// TestCacheOtherCode gives wazero good code by a name under which it does not look: what it compiles then is a skeleton,
// and must not be used.
func TestCacheOtherCode(t *testing.T) {
	for name, rename := range map[string]func(name, facts, sum string) string{
		"another name":  func(name, facts, sum string) string { return strings.Repeat("0", len(name)) + "." + facts + "." + sum },
		"other facts":   func(name, facts, sum string) string { return name + ".0-0-0-true." + sum },
		"facts of none": func(name, facts, sum string) string { return name + ".no." + sum },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			compileIn(t, dir, 0, "basics")
			file := cacheFiles(t, dir)[0]
			part := strings.Split(filepath.Base(file), ".")
			if len(part) != 3 {
				t.Fatalf("file %s", file)
			}
			if err := os.Rename(file, filepath.Join(filepath.Dir(file), rename(part[0], part[1], part[2]))); err != nil {
				t.Fatal(err)
			}
			if compileIn(t, dir, 0, "basics") {
				t.Error("a hit")
			}
			if !compileIn(t, dir, 0, "basics") {
				t.Error("the cache did not heal")
			}
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	compileIn(t, dir, 0, "basics")
	old := cacheFiles(t, dir)[0]
	info, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	bound := info.Size() + 100
	compileIn(t, dir, bound, "importer")
	files := cacheFiles(t, dir)
	if len(files) != 1 || files[0] == old {
		t.Errorf("after a second module: %v; the older one should have gone", files)
	}
	if dirs, _ := os.ReadDir(filepath.Join(dir, cacheName, "code")); len(dirs) != 1 {
		t.Errorf("%d directories left", len(dirs))
	}
}

func TestCacheSurvivesLossOfItsDirectory(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Config{CacheDir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w.must(w.group(Limits{}), "basics")
}

func TestCacheLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Run("the first", func(t *testing.T) { compileIn(t, dir, 0, "importer") })
	stale := filepath.Join(dir, cacheName, "run", "engine-123")
	if err := os.MkdirAll(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * staleAfter)
	if err := os.Chtimes(stale, long, long); err != nil {
		t.Fatal(err)
	}
	t.Run("engine", func(t *testing.T) { compileIn(t, dir, 0, "basics") })
	left, err := os.ReadDir(filepath.Join(dir, cacheName, "run"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestCacheProcesses has several processes fill, use and overflow one cache.
func TestCacheProcesses(t *testing.T) {
	if dir := os.Getenv("VITRINE_TEST_CACHE"); dir != "" {
		for n := range 20 {
			for _, name := range []string{"basics", "importer", "start", "elem-oob"} {
				compileIn(t, dir, int64(1000+n*500), name)
			}
		}
		return
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			// Where the test itself is emulated, so is each process: the system cannot start it.
			command := append(strings.Fields(os.Getenv("VITRINE_TEST_EMULATOR")), os.Args[0], "-test.run=^TestCacheProcesses$")
			cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
			cmd.Env = append(os.Environ(), "VITRINE_TEST_CACHE="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("process %d: %v\n%s", n, err, out)
			}
		})
	}
	wg.Wait()
	compileIn(t, dir, 0, "basics")
	if !compileIn(t, dir, 0, "basics") {
		t.Error("a miss after all that")
	}
}

// TestCompileOnce has many goroutines compile the same module.
func TestCompileOnce(t *testing.T) {
	w := newWorld(t, Config{})
	wasm := fixture(t, "basics")
	slots := slotsFor(t, wasm)
	var wg sync.WaitGroup
	got := make([]*Module, 16)
	for n := range got {
		wg.Go(func() {
			var err error
			if got[n], _, err = w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slots}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, m := range got {
		if m != got[0] {
			t.Fatal("two modules for the same bytes")
		}
	}
}

// TestCompileIsGivenUp: a compilation ends when nobody wants it any more, and only then; another try is made in full.
func TestCompileIsGivenUp(t *testing.T) {
	for _, c := range []Config{{}, {CacheDir: t.TempDir()}} {
		w := newWorld(t, c)
		wasm := fixture(t, "basics")
		slots := CompileOptions{Slots: slotsFor(t, wasm)}
		gone, cancel := context.WithCancelCause(w.ctx)
		cause := errors.New("not any more")
		cancel(cause)
		if _, _, err := w.e.Compile(gone, wasm, slots); err != nil && !errors.Is(err, cause) {
			t.Errorf("given up: %v, wanted %v", err, cause)
		}
		if len(w.e.modules) > 1 {
			t.Errorf("%d modules", len(w.e.modules))
		}
		var wg sync.WaitGroup
		for n := range 32 {
			wg.Go(func() {
				ctx, cancel := context.WithCancelCause(w.ctx)
				defer cancel(nil)
				if n%2 == 0 {
					go cancel(cause)
				}
				if _, _, err := w.e.Compile(ctx, wasm, slots); err != nil && !(n%2 == 0 && errors.Is(err, cause)) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestCompileErrors(t *testing.T) {
	w := newWorld(t, Config{CacheDir: t.TempDir()})
	wasm := fixture(t, "start")
	for _, c := range []struct {
		name  string
		wasm  []byte
		slots []Slot
		want  string
	}{
		{"empty", nil, nil, "no magic number"},
		{"text", []byte("(module)"), nil, "no magic number"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), nil, "unknown version"},
		{"truncated", wasm[:len(wasm)-3], []Slot{{}}, "unexpected end"},
		{"slots", wasm, nil, "1 imports, but 0 slots"},
		{"source", wasm, []Slot{{Source: -1}}, "source -1"},
		{"invalid", []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x05\x01\x03\x00\x6a\x0b"), nil, "i32.add"},
	} {
		for range 2 { // a failure is not remembered
			_, _, err := w.e.Compile(w.ctx, c.wasm, CompileOptions{Slots: c.slots})
			if err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	}
}

// TestModulesAreCollected says that code goes when nobody uses it, and not before.
func TestModulesAreCollected(t *testing.T) {
	w := newWorld(t, Config{})
	entries := func() int {
		w.e.mu.Lock()
		defer w.e.mu.Unlock()
		return len(w.e.modules)
	}
	g := w.e.NewGroup(Limits{})
	i := w.must(g, "basics")
	for range 5 {
		runtime.GC()
	}
	if got, err := call(i, "twice", 4); got != 8 || err != nil || entries() != 1 {
		t.Fatalf("in use: %d, %v, %d modules", got, err, entries())
	}
	runtime.KeepAlive(i)
	if err := g.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	for n := 0; entries() > 0; n++ {
		if n == 1000 {
			t.Fatal("the module is never collected")
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	w.must(w.group(Limits{}), "basics")
}
