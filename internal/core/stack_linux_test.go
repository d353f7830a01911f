package core

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// residentBytes is what the process has in memory.
func residentBytes(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestStacksAreGivenBack: what deep calls have touched is not kept, in an instance that lives on and in one that is closed.
func TestStacksAreGivenBack(t *testing.T) {
	w := newWorld(t, Config{})
	const limit = 4 << 20
	var groups []*Group
	var instances []*Instance
	for range 30 {
		g := w.e.NewGroup(Limits{Stack: limit})
		groups, instances = append(groups, g), append(instances, w.must(g, "stack"))
	}
	n := deepest(t, instances[0], "down")
	before := residentBytes(t)
	for _, i := range instances {
		if _, err := call(i, "recurse"); code(err) != cm.TrapStackOverflow {
			t.Fatal(err)
		}
		if _, err := call(i, "down", uint64(n)); err != nil {
			t.Fatal(err)
		}
	}
	if now := residentBytes(t); now > before+30<<20 {
		t.Errorf("%d stacks of %d MiB that nobody uses take %d MiB", len(groups), limit>>20, (now-before)>>20)
	}
	for _, g := range groups {
		if err := g.Close(w.ctx); err != nil {
			t.Error(err)
		}
	}
	if n := w.e.stacks.count; n != len(groups) {
		t.Errorf("%d stacks wait", n)
	}
	g := w.group(Limits{Stack: limit})
	if _, err := call(w.must(g, "stack"), "down", 10); err != nil || w.e.stacks.count != len(groups)-1 {
		t.Errorf("%d stacks wait, %v", w.e.stacks.count, err)
	}
	if b := g.own.stack.mem[:len(g.own.stack.mem)-stackKeep]; slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) {
		t.Error("a stack that was used before has something of its last guest below what is kept")
	}
}
