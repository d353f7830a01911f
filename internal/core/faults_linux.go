//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"sync"

	"golang.org/x/sys/unix"
)

// faultCounter counts the page faults of the process. It is cheaper to read than a pagemap, and without new faults the
// pagemap need not be read.
type faultCounter struct {
	once  sync.Once
	works bool
}

var faults faultCounter

// count returns the number; false if it cannot be relied upon.
func (f *faultCounter) count() (int64, bool) {
	f.once.Do(func() { f.works = f.tells() })
	if !f.works {
		return 0, false
	}
	return f.now()
}

func (*faultCounter) now() (int64, bool) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0, false
	}
	return int64(r.Minflt + r.Majflt), true
}

// tells tests whether each first write to a page is counted: an emulated kernel (gVisor, for one) may not count at all.
func (f *faultCounter) tells() bool {
	told := false
	err := trial(func(b []byte) {
		for n := range trialPages {
			before, ok := f.now()
			b[n*systemPage]++
			after, _ := f.now()
			if told = ok && after > before; !told {
				return
			}
		}
	})
	return err == nil && told
}
