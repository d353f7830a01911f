package filesystem

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Type is what an object is, in WIT's order.
type Type uint8

// The types.
const (
	TypeUnknown Type = iota
	TypeBlockDevice
	TypeCharacterDevice
	TypeDirectory
	TypeFIFO
	TypeSymbolicLink
	TypeRegularFile
	TypeSocket
)

func typeOf(m fs.FileMode) Type {
	switch m.Type() {
	case 0:
		return TypeRegularFile
	case fs.ModeDir:
		return TypeDirectory
	case fs.ModeSymlink:
		return TypeSymbolicLink
	case fs.ModeNamedPipe:
		return TypeFIFO
	case fs.ModeSocket:
		return TypeSocket
	case fs.ModeDevice:
		return TypeBlockDevice
	case fs.ModeDevice | fs.ModeCharDevice:
		return TypeCharacterDevice
	}
	return TypeUnknown
}

// Stat is what is known about an object. A zero time is one that the system does not keep.
type Stat struct {
	Type                       Type
	Links, Size                uint64
	Accessed, Modified, Change time.Time
}

func statOf(info fs.FileInfo) Stat {
	s := Stat{Type: typeOf(info.Mode()), Links: 1, Size: uint64(max(info.Size(), 0)), Modified: info.ModTime()}
	s.fill(info)
	return s
}

// Stat tells about the open object.
func (d *Descriptor) Stat() (Stat, error) {
	info, err := d.file.Stat()
	if err != nil {
		return Stat{}, failure(err)
	}
	return statOf(info), nil
}

// StatAt tells about what path names.
func (d *Descriptor) StatAt(follow bool, path string) (Stat, error) {
	info, err := d.info(follow, path)
	if err != nil {
		return Stat{}, err
	}
	return statOf(info), nil
}

func (d *Descriptor) info(follow bool, path string) (info fs.FileInfo, err error) {
	if err := d.directory(); err != nil {
		return nil, err
	}
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if follow {
		info, err = d.root.Stat(path)
	} else {
		info, err = d.root.Lstat(path)
	}
	if err != nil {
		return nil, failure(d.refine(path, err))
	}
	return info, nil
}

// Same says whether both are the same object of the host.
func (d *Descriptor) Same(other *Descriptor) (bool, error) {
	a, err := d.file.Stat()
	if err != nil {
		return false, failure(err)
	}
	b, err := other.file.Stat()
	if err != nil {
		return false, failure(err)
	}
	return os.SameFile(a, b), nil
}

// Hash is a digest of an object's identity, size and times. It changes when the object is changed or replaced, and tells
// nothing about what it was made from.
type Hash struct{ Lower, Upper uint64 }

// Hash gives the digest of the open object.
func (d *Descriptor) Hash() (Hash, error) {
	info, err := d.file.Stat()
	if err != nil {
		return Hash{}, failure(err)
	}
	return hash(info), nil
}

// HashAt gives the digest of what path names.
func (d *Descriptor) HashAt(follow bool, path string) (Hash, error) {
	info, err := d.info(follow, path)
	if err != nil {
		return Hash{}, err
	}
	return hash(info), nil
}

// hashKey is secret and lasts as long as the process.
var hashKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
})

func hash(info fs.FileInfo) Hash {
	device, inode := identity(info)
	b := make([]byte, 0, 40)
	for _, v := range []uint64{device, inode, uint64(info.Size()), uint64(info.ModTime().UnixNano()), uint64(info.Mode().Type())} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	mac := hmac.New(sha256.New, hashKey())
	mac.Write(b)
	sum := mac.Sum(nil)
	return Hash{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])}
}

// Time is a wish for a timestamp: to leave it, to set it to now, or to set it.
type Time struct {
	Now bool
	To  *time.Time // nil and not Now: leave it
}

// at resolves the wish; the zero time means to leave it.
func (t Time) at(now time.Time) time.Time {
	switch {
	case t.Now:
		return now
	case t.To != nil:
		return *t.To
	}
	return time.Time{}
}

// SetTimes sets the timestamps of the open object.
func (d *Descriptor) SetTimes(accessed, modified Time) error {
	if !d.change {
		return failed(CodeReadOnly)
	}
	now := time.Now()
	return failure(d.setTimes(accessed.at(now), modified.at(now)))
}

// SetTimesAt sets the timestamps of what path names.
func (d *Descriptor) SetTimesAt(follow bool, path string, accessed, modified Time) error {
	if err := d.mutable(); err != nil {
		return err
	}
	if err := checkPath(path); err != nil {
		return err
	}
	now := time.Now()
	a, m := accessed.at(now), modified.at(now)
	if follow {
		return failure(d.root.Chtimes(path, a, m))
	}
	return failure(d.setTimesNoFollow(path, a, m))
}
