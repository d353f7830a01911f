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

// Type is the type of a file, in WIT's order.
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

// Stat has the attributes of a file. A zero time is one that the system does not keep.
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

// Stat returns the attributes of the open file.
func (d *Descriptor) Stat() (Stat, error) {
	info, err := d.file.Stat()
	if err != nil {
		return Stat{}, failure(err)
	}
	return statOf(info), nil
}

// StatAt returns the attributes of the file at path.
func (d *Descriptor) StatAt(follow bool, path string) (Stat, error) {
	info, err := d.info(follow, path)
	if err != nil {
		return Stat{}, err
	}
	return statOf(info), nil
}

func (d *Descriptor) info(follow bool, path string) (info fs.FileInfo, err error) {
	if err := d.requireDirectory(); err != nil {
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

// Same says whether both are the same file of the host.
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

// Hash is a keyed digest of a file's identity, size and times. It changes when the file is changed or replaced, and does not
// disclose them.
type Hash struct{ Lower, Upper uint64 }

// Hash returns the digest of the open file.
func (d *Descriptor) Hash() (Hash, error) {
	info, err := d.file.Stat()
	if err != nil {
		return Hash{}, failure(err)
	}
	return hash(info), nil
}

// HashAt returns the digest of the file at path.
func (d *Descriptor) HashAt(follow bool, path string) (Hash, error) {
	info, err := d.info(follow, path)
	if err != nil {
		return Hash{}, err
	}
	return hash(info), nil
}

// hashKey is secret and random for each process.
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

// Time is a new timestamp: unchanged, now, or a given time.
type Time struct {
	Now bool
	To  *time.Time // nil and not Now: unchanged
}

// at returns the time; the zero time means unchanged.
func (t Time) at(now time.Time) time.Time {
	switch {
	case t.Now:
		return now
	case t.To != nil:
		return *t.To
	}
	return time.Time{}
}

// SetTimes sets the timestamps of the open file.
func (d *Descriptor) SetTimes(accessed, modified Time) error {
	if !d.change {
		return failed(CodeReadOnly)
	}
	now := time.Now()
	return failure(d.setTimes(accessed.at(now), modified.at(now)))
}

// SetTimesAt sets the timestamps of the file at path.
func (d *Descriptor) SetTimesAt(follow bool, path string, accessed, modified Time) error {
	if err := d.requireMutable(); err != nil {
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
