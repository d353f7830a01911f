package filesystem

import (
	"io/fs"
	"os"
	"reflect"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// openDirectory is package os's own flag for it; Open checks the type of what was opened.
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

// setFileTime opens the file again for its attributes, which a handle for reading may not set.
func setFileTime(file uintptr, times [2]*syscall.Filetime) error {
	h, _, err := reOpenFile.Call(file, windows.FILE_WRITE_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, 0)
	if syscall.Handle(h) == syscall.InvalidHandle {
		return os.NewSyscallError("ReOpenFile", err)
	}
	err = syscall.SetFileTime(syscall.Handle(h), nil, times[0], times[1])
	_ = syscall.CloseHandle(syscall.Handle(h)) // nothing was written to it
	return os.NewSyscallError("SetFileTime", err)
}

// fill leaves the number of links at 1 and the time of the last status change unknown: neither is in the attributes that
// Windows returns for a path.
func (s *Stat) fill(info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		s.Accessed = time.Unix(0, st.LastAccessTime.Nanoseconds())
	}
}

// identity returns the file's volume and index, which package os keeps for SameFile but does not export. Without them, files
// of the same size and times would have the same hash.
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
