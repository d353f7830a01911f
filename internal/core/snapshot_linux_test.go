//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import "testing"

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
