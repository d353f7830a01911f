//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"os"
	"testing"
)

// oldPagemap makes the kernel one without PAGEMAP_SCAN.
func oldPagemap(t *testing.T) {
	pages.old.Store(true)
	t.Cleanup(func() { pages.old.Store(false) })
}

// noPagemap makes the system one without /proc.
func noPagemap(t *testing.T) {
	_ = pages.own(nil, nil) // opens the file
	file := pages.file
	pages.file = nil
	t.Cleanup(func() { pages.file = file })
}

func TestPagesOfItsOwn(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.group(Limits{})
	i := w.must(g, "reset")
	snapshot(t, g, new(Images))
	for _, at := range []uint64{0, 8 << 12, 9 << 12, 63 << 12} {
		mustCall(t, i, "store", at, 1)
	}
	mustCall(t, i, "load", 20<<12)
	count := func() map[int]bool {
		own := map[int]bool{}
		err := pages.own(i.memory.Bytes(), func(from, to int) error {
			for ; from < to; from += systemPage {
				own[from/systemPage] = true
			}
			return nil
		})
		if err != nil {
			t.Skip(err)
		}
		return own
	}
	for _, old := range []bool{false, true} {
		if old {
			oldPagemap(t)
		}
		own := count()
		if len(own) != 4 || !own[0] || !own[8] || !own[9] || !own[63] {
			t.Errorf("old %v: %v", old, own)
		}
	}
}

// TestImagesHoldFewFiles: an image that nobody shares keeps no file open.
func TestImagesHoldFewFiles(t *testing.T) {
	files := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(all)
	}
	w := newWorld(t, Config{})
	_ = pages.own(nil, nil)
	var images Images
	before := files()
	for n := range uint64(20) {
		g := w.group(Limits{})
		i := w.must(g, "reset")
		mustCall(t, i, "store", 3000, n)
		s := snapshot(t, g, &images)
		mustCall(t, i, "fill", 0, 1<<16, 9)
		if err := g.Reset(s); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	}
	if n := files() - before; n > 5 {
		t.Errorf("%d more files are open", n)
	}
}
