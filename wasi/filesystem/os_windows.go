package filesystem

import (
	"io/fs"
	"os"
	"reflect"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// openDirectory is what os.Root takes for it; the number is package os's own, and Open looks at what was opened.
const openDirectory = 0x4000

func (d *Descriptor) setTimes(accessed, modified time.Time) error {
	if d.root != nil {
		return d.root.Chtimes(".", accessed, modified)
	}
	raw, err := d.file.SyscallConn()
	if err != nil {
		return err
	}
	times := [2]*syscall.Filetime{}
	for i, t := range []time.Time{accessed, modified} {
		if !t.IsZero() {
			f := syscall.NsecToFiletime(t.UnixNano())
			times[i] = &f
		}
	}
	var inner error
	if err := raw.Control(func(h uintptr) { inner = setFileTime(h, times) }); err != nil {
		return err
	}
	return inner
}

var reOpenFile = windows.NewLazySystemDLL("kernel32.dll").NewProc("ReOpenFile")

// setFileTime opens the file again for its attributes: what is open for reading may not set them.
func setFileTime(file uintptr, times [2]*syscall.Filetime) error {
	h, _, err := reOpenFile.Call(file, windows.FILE_WRITE_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, 0)
	if syscall.Handle(h) == syscall.InvalidHandle {
		return os.NewSyscallError("ReOpenFile", err)
	}
	err = syscall.SetFileTime(syscall.Handle(h), nil, times[0], times[1])
	_ = syscall.CloseHandle(syscall.Handle(h)) // nothing was written by it
	return os.NewSyscallError("SetFileTime", err)
}

// fill leaves the number of links at 1 and the time of the last change of metadata untold: neither comes with what a path
// tells here.
func (s *Stat) fill(info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		s.Accessed = time.Unix(0, st.LastAccessTime.Nanoseconds())
	}
}

// identity reads the volume and the number of the file, which package os keeps for SameFile and has no name for. Without
// them, files of one size that were written at the same moment could not be told apart.
func identity(info fs.FileInfo) (device, inode uint64) {
	v := reflect.ValueOf(info)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0, 0
	}
	number := func(field string) uint64 {
		if f := v.Elem().FieldByName(field); f.IsValid() && f.CanUint() {
			return f.Uint()
		}
		return 0
	}
	return number("vol"), number("idxhi")<<32 | number("idxlo")
}
