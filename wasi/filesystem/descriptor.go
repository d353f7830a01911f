package filesystem

import (
	"os"
	"strings"
	"syscall"
)

// Flags are the rights of a descriptor, with the bits of WIT's descriptor-flags.
type Flags uint8

// The flags.
const (
	Read Flags = 1 << iota
	Write
	FileSync
	DataSync
	ReadSync
	Mutate // directories: contents may be changed
)

// OpenFlags have the bits of WIT's open-flags.
type OpenFlags uint8

// The open flags.
const (
	Create OpenFlags = 1 << iota
	Directory
	Exclusive
	Truncate
)

// Preopen is a folder that is open when a guest starts.
type Preopen struct {
	Host     string // path of a directory
	Guest    string // its name for the guest: "/data", "."
	ReadOnly bool
}

// Check returns the error that Open would return, for users to see before anything runs.
func (p Preopen) Check() error {
	d, err := p.Open(NewQuota(0))
	if err == nil {
		err = d.Close()
	}
	return err
}

// Open opens the folder; it and all that is opened below it count in q. Unlike other errors of this package, its error names
// the path of the host.
func (p Preopen) Open(q *Quota) (*Descriptor, error) {
	root, err := os.OpenRoot(p.Host)
	if err != nil {
		return nil, err
	}
	flags := Read | Mutate
	if p.ReadOnly {
		flags = Read
	}
	return newDirectory(root, flags, q)
}

// Descriptor is an open file or directory. Its methods may be called by one goroutine at a time. Streams made from it are
// independent of it and stay open after Close.
type Descriptor struct {
	file   *file
	root   *os.Root // resolves paths; nil unless a directory
	quota  *Quota
	flags  Flags
	change bool // the grant allows changes of metadata; for directories the same as Mutate
}

// newDirectory takes over root.
func newDirectory(root *os.Root, flags Flags, q *Quota) (*Descriptor, error) {
	f, err := q.open(func() (*os.File, error) { return root.Open(".") })
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Descriptor{file: f, root: root, quota: q, flags: flags, change: flags&Mutate != 0}, nil
}

// Close closes the descriptor.
func (d *Descriptor) Close() error {
	if d.root != nil {
		d.root.Close()
	}
	return failure(d.file.release())
}

// requireFlags fails if the descriptor was not opened with f.
func (d *Descriptor) requireFlags(f Flags) error {
	switch {
	case d.root != nil:
		return failed(CodeIsDirectory)
	case d.flags&f == 0:
		return failed(CodeBadDescriptor)
	}
	return nil
}

// requireDirectory fails if the descriptor is not a directory's.
func (d *Descriptor) requireDirectory() error {
	if d.root == nil {
		return failed(CodeNotDirectory)
	}
	return nil
}

// requireMutable fails if nothing may be changed below the descriptor.
func (d *Descriptor) requireMutable() error {
	if err := d.requireDirectory(); err != nil {
		return err
	}
	if d.flags&Mutate == 0 {
		return failed(CodeReadOnly)
	}
	return nil
}

// Flags returns the descriptor's rights.
func (d *Descriptor) Flags() Flags { return d.flags }

// Open opens path below d. A symbolic link at the end of the path is followed if follow is set; otherwise Open fails with
// loop. A directory may be changed if flags have Mutate, which d must have. A file that is created or truncated must be
// opened with Write; one that is not opened for writing is opened for reading.
func (d *Descriptor) Open(follow bool, path string, how OpenFlags, flags Flags) (*Descriptor, error) {
	if err := d.requireDirectory(); err != nil {
		return nil, err
	}
	if how&Create != 0 && how&Directory != 0 {
		return nil, failed(CodeInvalid)
	}
	if how&Create == 0 {
		how &^= Exclusive // without effect alone
	}
	if flags&Write == 0 {
		flags |= Read
	}
	if how&(Create|Truncate) != 0 {
		flags |= Write
	}
	if d.flags&Mutate == 0 && (flags&(Write|Mutate) != 0 || how&(Create|Truncate) != 0) {
		return nil, failed(CodeReadOnly)
	}
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if how&Create != 0 && strings.HasSuffix(path, "/") {
		return nil, failed(CodeIsDirectory)
	}
	mode, err := openMode(how, flags)
	if err != nil {
		return nil, err
	}
	f, err := d.quota.open(func() (*os.File, error) {
		if follow {
			return d.root.OpenFile(path, mode, 0o666)
		}
		return d.openNoFollow(path, mode)
	})
	if err != nil {
		if how&Directory != 0 {
			path += "/"
		}
		return nil, failure(d.refine(path, err))
	}
	info, err := f.Stat()
	if err != nil {
		f.release()
		return nil, failure(err)
	}
	if !info.IsDir() && how&Directory != 0 { // not every system checks
		f.release()
		return nil, failed(CodeNotDirectory)
	}
	if !info.IsDir() {
		return &Descriptor{file: f, quota: d.quota, flags: flags &^ Mutate, change: d.change}, nil
	}
	// A directory is opened again, as a root of its own. If another one was moved to its name meanwhile, that one is below d
	// as well.
	f.release()
	root, err := d.root.OpenRoot(path)
	if err != nil {
		return nil, failure(err)
	}
	return newDirectory(root, Read|flags&Mutate, d.quota)
}

// openMode converts flags for the system. Opening never blocks, not even for a named pipe.
func openMode(how OpenFlags, flags Flags) (int, error) {
	mode := nonBlock
	switch {
	case flags&Read != 0 && flags&Write != 0:
		mode |= os.O_RDWR
	case flags&Write != 0:
		mode |= os.O_WRONLY
	}
	for f, m := range map[OpenFlags]int{Create: os.O_CREATE, Directory: openDirectory, Exclusive: os.O_EXCL, Truncate: os.O_TRUNC} {
		if how&f != 0 {
			mode |= m
		}
	}
	if flags&FileSync != 0 || flags&ReadSync != 0 {
		mode |= syscall.O_SYNC
	}
	if flags&DataSync != 0 {
		mode |= dataSync
	}
	return mode, nil
}
