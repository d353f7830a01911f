//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
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

// noImages makes the system one without files that have no name: images are copied.
func noImages(t *testing.T) {
	was := memfdCreate
	memfdCreate = func(string, int) (int, error) { return -1, unix.ENOSYS }
	t.Cleanup(func() { memfdCreate = was })
}

// noFaults makes the system one that does not count page faults.
func noFaults(t testing.TB) {
	_, works := faults.count()
	faults.works = false
	t.Cleanup(func() { faults.works = works })
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

// TestPagesAreDropped: pages that one use has written and later ones do not change are given back.
func TestPagesAreDropped(t *testing.T) {
	w := newWorld(t, Config{})
	if _, ok := faults.count(); !ok {
		t.Skip("page faults are not counted here")
	}
	g := w.group(Limits{})
	i := w.must(g, "reset")
	if err := pages.own(i.memory.Bytes(), func(int, int) error { return nil }); errors.Is(err, errNoPagemap) {
		t.Skip("the kernel does not tell which pages were written: ", err)
	}
	s := snapshot(t, g, new(Images))
	u := &s.memories[0].pages
	mustCall(t, i, "fill", 0, 40<<12, 3)
	for n := range 2 * ageEvery {
		mustCall(t, i, "store", uint64(n%4)<<12, 7)
		if err := g.Reset(s); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(); err != nil {
			t.Fatalf("reset %d: %v", n, err)
		}
		if n < ageEvery-1 && u.pages != 40 {
			t.Fatalf("reset %d: %d pages are kept, 40 were written", n, u.pages)
		}
	}
	if u.pages > 4 {
		t.Errorf("%d pages are kept, no use but the first has written to more than 4", u.pages)
	}
	mustCall(t, i, "fill", 0, 4<<16, 5)
	if err := g.Reset(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Fatalf("after an unusual use: %v", err)
	}
}

// BenchmarkRestore sets a memory of 4 MiB back of which 34 pages were written and all were read: what a Go guest leaves
// behind, about.
func BenchmarkRestore(b *testing.B) {
	memory := func(b *testing.B) (*linearMemory, *image) {
		w := newWorld(b, Config{})
		m, err := w.group(Limits{}).newMemory(4<<20, 4<<20)
		if err != nil {
			b.Fatal(err)
		}
		for at := range m.bytes {
			m.bytes[at] = byte(at)
		}
		img, err := newImage(m)
		if err == nil {
			err = img.attach(m)
		}
		if err != nil || img.file == nil || !img.equals(m) {
			b.Skip("there are no images here", err)
		}
		return m, img
	}
	for _, how := range []string{"no faults", "faults"} {
		b.Run(how, func(b *testing.B) {
			m, img := memory(b)
			var u pageUse
			for n := 0; b.Loop(); n++ {
				for page := range 34 {
					m.bytes[page*29*systemPage+n%systemPage]++
				}
				if how == "faults" {
					u.known = false
				}
				if err := img.restore(m, m.bytes, &u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
