//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package core

import (
	"bytes"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// image is the contents of a memory at one moment, in a file without a name. Memories that are mapped to it share its
// pages until they write to them, and have its bytes again where written pages are dropped. Immutable.
type image struct {
	bytes []byte     // read only
	zero  []uint64   // a bit for each page whose bytes are all zero; it may be a hole in the file
	file  *imageFile // nil: bytes is ordinary Go memory, and all of it is copied back
}

// imageFile is the file of an image and its mapping.
type imageFile struct {
	fd     int // -1: closed, because no other memory will map it
	mapped []byte
}

func (f *imageFile) close() {
	_ = unix.Munmap(f.mapped) // it was mapped
	f.closeFile()
}

func (f *imageFile) closeFile() {
	if f.fd >= 0 {
		_ = unix.Close(f.fd) // an error does not matter: the content is mapped
		f.fd = -1
	}
}

// settle says that no other memory is going to be mapped to the image.
func (i *image) settle() {
	if i.file != nil {
		i.file.closeFile()
	}
}

var systemPage = os.Getpagesize()

// memfdCreate is replaced in tests.
var memfdCreate = unix.MemfdCreate

// newImage takes a memory's bytes. They are copied where no file can be made: a sandbox may forbid it, and too many
// files may be open.
func newImage(m *linearMemory) (*image, error) {
	if m.store != nil && len(m.bytes) > 0 {
		if img, err := newFileImage(m); err == nil {
			return img, nil
		}
	}
	b, err := cloneBytes(m.bytes)
	return &image{bytes: b}, err
}

func newFileImage(m *linearMemory) (*image, error) {
	fd, err := memfdCreate("vitrine-image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	img, err := fillImage(fd, m)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	img.file = &imageFile{fd: fd, mapped: img.bytes}
	runtime.AddCleanup(img, (*imageFile).close, img.file)
	return img, nil
}

func fillImage(fd int, m *linearMemory) (*image, error) {
	size := len(m.bytes)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, os.NewSyscallError("ftruncate", err)
	}
	img := &image{zero: make([]uint64, (size/systemPage+63)/64)}
	for i := range img.zero {
		img.zero[i] = ^uint64(0)
	}
	nothing := make([]byte, systemPage)
	write := func(from, to int) error {
		for ; from < to; from += systemPage {
			page := m.bytes[from : from+systemPage]
			if bytes.Equal(page, nothing) {
				continue
			}
			if _, err := unix.Pwrite(fd, page, int64(from)); err != nil {
				return os.NewSyscallError("write", err)
			}
			n := from / systemPage
			img.zero[n/64] &^= 1 << (n % 64)
		}
		return nil
	}
	var err error
	if m.store.mapped > 0 {
		err = write(0, size)
	} else if err = pages.own(m.bytes, write); err == errNoPagemap {
		err = write(0, size)
	}
	if err != nil {
		return nil, err
	}
	img.bytes, err = unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return img, nil
}

// equals compares a memory with the image.
func (i *image) equals(m *linearMemory) bool {
	if len(m.bytes) != len(i.bytes) || i.file != nil && m.store == nil {
		return false // it must be possible to map the image in the memory's place
	}
	if i.file == nil || m.store.mapped > 0 {
		return bytes.Equal(m.bytes, i.bytes)
	}
	at := 0
	err := pages.own(m.bytes, func(from, to int) error {
		if !i.empty(at, from) || !bytes.Equal(m.bytes[from:to], i.bytes[from:to]) {
			return errDiffers
		}
		at = to
		return nil
	})
	if err == errNoPagemap {
		return bytes.Equal(m.bytes, i.bytes)
	}
	return err == nil && i.empty(at, len(i.bytes))
}

// empty says whether whole pages hold only zeroes.
func (i *image) empty(from, to int) bool {
	for n := from / systemPage; n < to/systemPage; n++ {
		if i.zero[n/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}

// attach maps the image in the place of a memory that equals it. Its address stays.
func (i *image) attach(m *linearMemory) error {
	if i.file == nil {
		return nil
	}
	_, err := unix.MmapPtr(i.file.fd, 0, unsafe.Pointer(unsafe.SliceData(m.bytes)), uintptr(len(m.bytes)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|mapNoReserve)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	m.store.mapped = max(m.store.mapped, len(m.bytes))
	return nil
}

// unmapImage puts ordinary memory in the place of an image.
func (r *addressRange) unmapImage() error {
	if r.mapped == 0 {
		return nil
	}
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(r.all)), uintptr(r.mapped),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|mapNoReserve)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	r.mapped = 0
	return nil
}
