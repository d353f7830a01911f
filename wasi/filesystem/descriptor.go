package filesystem

import (
	"os"
	"strings"
	"syscall"
)

// Flags say what a descriptor may be used for. The bits are those of WIT's descriptor-flags.
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

// OpenFlags say how to open. The bits are those of WIT's open-flags.
type OpenFlags uint8

// The open flags.
const (
	Create OpenFlags = 1 << iota
	Directory
	Exclusive
	Truncate
)

// Preopen is one folder that a guest finds open when it starts.
type Preopen struct {
	Host     string // path of a directory
	Guest    string // its name for the guest: "/data", "."
	ReadOnly bool
}

// Check says whether p can be opened: the error that a user should see before anything runs.
func (p Preopen) Check() error {
	d, err := p.Open(NewQuota(0))
	if err == nil {
		err = d.Close()
	}
	return err
}

// Open opens the folder; it and all that is opened below it count in q. Unlike all other errors of this package its error
// names the path, which is the user's own.
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

// Descriptor is an open file or directory. Its methods may be called by one goroutine at a time; the streams made from
// it are independent of it and live on after Close.
type Descriptor struct {
	file   *file
	root   *os.Root // what paths are relative to; nil unless a directory
	quota  *Quota
	flags  Flags
	change bool // the grant allows to change metadata; for directories the same as Mutate
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

// Close lets go of it.
func (d *Descriptor) Close() error {
	if d.root != nil {
		d.root.Close()
	}
	return failure(d.file.release())
}

// need refuses a descriptor that was not opened for what is asked of it.
func (d *Descriptor) need(f Flags) error {
	switch {
	case d.root != nil:
		return failed(CodeIsDirectory)
	case d.flags&f == 0:
		return failed(CodeBadDescriptor)
	}
	return nil
}

// directory refuses a descriptor that is none.
func (d *Descriptor) directory() error {
	if d.root == nil {
		return failed(CodeNotDirectory)
	}
	return nil
}

// mutable refuses a descriptor under which nothing may be changed.
func (d *Descriptor) mutable() error {
	if err := d.directory(); err != nil {
		return err
	}
	if d.flags&Mutate == 0 {
		return failed(CodeReadOnly)
	}
	return nil
}

// Flags tells what the descriptor may be used for.
func (d *Descriptor) Flags() Flags { return d.flags }

// Open opens what path names, below d. follow says whether a symbolic link at the end of the path is followed;
// otherwise it fails with loop. A directory may be changed if flags ask for Mutate, which d must have. Nothing that is
// created or cut is opened without Write, and what is not opened for writing is opened for reading.
func (d *Descriptor) Open(follow bool, path string, how OpenFlags, flags Flags) (*Descriptor, error) {
	if err := d.directory(); err != nil {
		return nil, err
	}
	if how&Create != 0 && how&Directory != 0 {
		return nil, failed(CodeInvalid)
	}
	if how&Create == 0 {
		how &^= Exclusive // it means nothing alone
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
	if !info.IsDir() && how&Directory != 0 { // not every system looks
		f.release()
		return nil, failed(CodeNotDirectory)
	}
	if !info.IsDir() {
		return &Descriptor{file: f, quota: d.quota, flags: flags &^ Mutate, change: d.change}, nil
	}
	// A directory is opened again, as a root of its own. Should another one have taken its name meanwhile, it is still
	// one below d.
	f.release()
	root, err := d.root.OpenRoot(path)
	if err != nil {
		return nil, failure(err)
	}
	return newDirectory(root, Read|flags&Mutate, d.quota)
}

// openMode gives the flags for the system. Opening never blocks, not even a named pipe.
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
