//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	// errNoPagemap says that the system does not report which pages of a memory have been written.
	errNoPagemap = errors.New("no pagemap")
	errDiffers   = errors.New("differs")
)

// pagemap reports which pages of a private mapping are its own: those that were written since it was mapped.
type pagemap struct {
	once sync.Once
	file *os.File // nil: there is none
	old  atomic.Bool
	bufs sync.Pool
}

// pages is shared by the process, and its file stays open.
var pages pagemap

// scanBuffer is the buffer of one scan.
type scanBuffer struct {
	arg     scanArg
	regions [128]pageRegion
	entries [4096]byte
}

// scanArg and pageRegion are the kernel's struct pm_scan_arg and struct page_region (linux/fs.h).
type scanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages, inverted, mask, anyOf, returned uint64
}

type pageRegion struct{ start, end, _ uint64 }

const (
	pagemapScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)
	pageFile    = 1 << 2
	pagePresent = 1 << 3
	pageSwapped = 1 << 4
)

// own calls f for each run of pages of b that are its own, in order, and ends with f's first error. Adjacent pages
// may come in several runs. b begins at a page's start and has whole pages.
func (p *pagemap) own(b []byte, f func(from, to int) error) error {
	p.once.Do(p.open)
	if p.file == nil {
		return errNoPagemap
	}
	if len(b) == 0 {
		return nil
	}
	buf, _ := p.bufs.Get().(*scanBuffer)
	if buf == nil {
		buf = new(scanBuffer)
	}
	defer p.bufs.Put(buf)
	return p.runs(buf, b, f)
}

func (p *pagemap) runs(buf *scanBuffer, b []byte, f func(from, to int) error) error {
	if p.old.Load() {
		return p.read(buf, b, f)
	}
	return p.scan(buf, b, f)
}

// open opens the file and tests it. A written page that it does not report would leak data of one invocation to another, and an
// emulated kernel may not report pages correctly.
func (p *pagemap) open() {
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return
	}
	p.file = file
	for _, old := range []bool{false, true} {
		p.old.Store(old)
		if p.tells() {
			return
		}
	}
	p.file = nil
	_ = file.Close() // nothing was written
}

// trialPages is how many pages a trial has. The first half is not empty in the file.
const trialPages = 8

// trial calls f with memory that is mapped as those of guests are, after each page was read.
func trial(f func(b []byte)) error {
	fd, err := unix.MemfdCreate("vitrine-trial", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Pwrite(fd, make([]byte, trialPages/2*systemPage), 0); err != nil {
		return err
	}
	if err := unix.Ftruncate(fd, int64(trialPages*systemPage)); err != nil {
		return err
	}
	b, err := unix.Mmap(fd, 0, trialPages*systemPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(b) }() // it was mapped
	for i := range trialPages {
		if b[i*systemPage] != 0 {
			return errDiffers
		}
	}
	f(b)
	return nil
}

// tells tests the file on a few pages.
func (p *pagemap) tells() bool {
	want := [trialPages]bool{1: true, 2: true, 5: true}
	var got [trialPages]bool
	var asked error
	err := trial(func(b []byte) {
		for i, w := range want {
			if w {
				b[i*systemPage]++
			}
		}
		asked = p.runs(new(scanBuffer), b, func(from, to int) error {
			for i := from / systemPage; i < to/systemPage; i++ {
				got[i] = true
			}
			return nil
		})
	})
	return err == nil && asked == nil && got == want
}

// scan uses PAGEMAP_SCAN, which Linux has since 6.7.
func (p *pagemap) scan(buf *scanBuffer, b []byte, f func(from, to int) error) error {
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	end := base + uint64(len(b))
	for at := base; at < end; {
		buf.arg = scanArg{
			size: uint64(unsafe.Sizeof(buf.arg)), start: at, end: end,
			vec: uint64(uintptr(unsafe.Pointer(&buf.regions))), vecLen: uint64(len(buf.regions)),
			inverted: pageFile, mask: pageFile, anyOf: pagePresent | pageSwapped, returned: pageFile,
		}
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, p.file.Fd(), pagemapScan, uintptr(unsafe.Pointer(&buf.arg)))
		runtime.KeepAlive(buf)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0 || int(n) > len(buf.regions) || buf.arg.walkEnd <= at:
			if at == base {
				return errNoPagemap
			}
			return os.NewSyscallError("ioctl pagemap", errno)
		}
		for _, r := range buf.regions[:n] {
			if err := f(int(r.start-base), int(r.end-base)); err != nil {
				return err
			}
		}
		at = buf.arg.walkEnd
	}
	return nil
}

// Bits of an entry of /proc/self/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst).
const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
	entryFile    = 1 << 61
)

// read reads the entry of every page.
func (p *pagemap) read(buf *scanBuffer, b []byte, f func(from, to int) error) error {
	first := int64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) / int64(systemPage) * 8
	n := len(b) / systemPage
	for i := 0; i < n; {
		k := min(n-i, len(buf.entries)/8)
		if _, err := p.file.ReadAt(buf.entries[:8*k], first+int64(8*i)); err != nil {
			return errNoPagemap
		}
		for j := 0; j < k; j++ {
			run := j
			for j < k && ownEntry(binary.NativeEndian.Uint64(buf.entries[8*j:])) {
				j++
			}
			if j > run {
				if err := f((i+run)*systemPage, (i+j)*systemPage); err != nil {
					return err
				}
			}
		}
		i += k
	}
	return nil
}

func ownEntry(e uint64) bool { return e&(entryPresent|entrySwapped) != 0 && e&entryFile == 0 }
