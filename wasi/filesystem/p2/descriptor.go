package filesystemp2

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/clocks"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

type descriptor struct{ d *filesystem.Descriptor }

func (d descriptor) Drop(context.Context) error {
	d.d.Close() // the error has no receiver
	return nil
}

func (d descriptor) ReadViaStream(_ context.Context, offset Filesize) (iop2.InputStream, error) {
	s, err := d.d.Reader(offset)
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewInputStream(s), nil
}

func (d descriptor) WriteViaStream(_ context.Context, offset Filesize) (iop2.OutputStream, error) {
	s, err := d.d.Writer(offset)
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewOutputStream(s), nil
}

func (d descriptor) AppendViaStream(context.Context) (iop2.OutputStream, error) {
	s, err := d.d.Appender()
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewOutputStream(s), nil
}

func (d descriptor) Advise(_ context.Context, offset, length Filesize, advice Advice) error {
	return failure(d.d.Advise(offset, length, filesystem.Advice(advice)))
}

func (d descriptor) SyncData(context.Context) error { return failure(d.d.SyncData()) }

func (d descriptor) Sync(context.Context) error { return failure(d.d.Sync()) }

func (d descriptor) GetFlags(context.Context) (DescriptorFlags, error) {
	return DescriptorFlags(d.d.Flags()), nil
}

func (d descriptor) GetType(context.Context) (DescriptorType, error) {
	s, err := d.d.Stat()
	return DescriptorType(s.Type), failure(err)
}

func (d descriptor) SetSize(_ context.Context, size Filesize) error {
	return failure(d.d.SetSize(size))
}

func (d descriptor) SetTimes(_ context.Context, accessed, modified NewTimestamp) error {
	a, m, err := times(accessed, modified)
	if err != nil {
		return err
	}
	return failure(d.d.SetTimes(a, m))
}

func (d descriptor) Read(ctx context.Context, length, offset Filesize) (cm.Tuple2[[]byte, bool], error) {
	if length = min(length, filesystem.MaxRead); length > smallRead { // the bytes are the guest's as soon as this returns
		if length = cm.AccountOf(ctx).Available(length); length == 0 {
			return cm.Tuple2[[]byte, bool]{}, noRoom(cm.AccountOf(ctx).Reserve(smallRead))
		}
	}
	b, end, err := d.d.ReadAt(length, offset)
	return cm.Tuple2[[]byte, bool]{F0: b, F1: end}, failure(err)
}

func (d descriptor) Write(_ context.Context, buffer []byte, offset Filesize) (Filesize, error) {
	n, err := d.d.WriteAt(buffer, offset)
	return n, failure(err)
}

// smallRead is read without asking the account.
const smallRead = 4 << 10

// noRoom tells the guest that the host may hold no more for it.
func noRoom(err error) error { return cm.FailFor(ErrorCodeInsufficientMemory, err) }

func (d descriptor) ReadDirectory(ctx context.Context) (DirectoryEntryStream, error) {
	held := &cm.Holding{}
	if err := held.Hold(ctx, entriesBytes); err != nil {
		return nil, noRoom(err)
	}
	e, err := d.d.ReadDirectory()
	if err != nil {
		held.Release()
		return nil, failure(err)
	}
	return entries{e, held}, nil
}

func (d descriptor) CreateDirectoryAt(_ context.Context, path string) error {
	return failure(d.d.CreateDirectory(path))
}

func (d descriptor) Stat(context.Context) (DescriptorStat, error) {
	s, err := d.d.Stat()
	return stat(s), failure(err)
}

func (d descriptor) StatAt(_ context.Context, flags PathFlags, path string) (DescriptorStat, error) {
	s, err := d.d.StatAt(follow(flags), path)
	return stat(s), failure(err)
}

func (d descriptor) SetTimesAt(_ context.Context, flags PathFlags, path string, accessed, modified NewTimestamp) error {
	a, m, err := times(accessed, modified)
	if err != nil {
		return err
	}
	return failure(d.d.SetTimesAt(follow(flags), path, a, m))
}

func (d descriptor) LinkAt(_ context.Context, flags PathFlags, oldPath string, to Descriptor, newPath string) error {
	dir, err := cm.ObjectAs[descriptor](DescriptorResourceType, to)
	if err != nil {
		return err
	}
	return failure(d.d.Link(follow(flags), oldPath, dir.d, newPath))
}

func (d descriptor) OpenAt(ctx context.Context, flags PathFlags, path string, how OpenFlags, access DescriptorFlags) (Descriptor, error) {
	f := filesystem.Flags(access)
	if component.ByAdapter(ctx) {
		// Preview 1 knows no folders that are open for reading alone: programs change what lies below one that they have
		// opened, and the adapter does not ask for what that takes.
		f |= d.d.Flags() & filesystem.Mutate
	}
	o, err := d.d.Open(follow(flags), path, filesystem.OpenFlags(how), f)
	if err != nil {
		return nil, failure(err)
	}
	return descriptor{o}, nil
}

func (d descriptor) ReadlinkAt(_ context.Context, path string) (string, error) {
	s, err := d.d.Readlink(path)
	return s, failure(err)
}

func (d descriptor) RemoveDirectoryAt(_ context.Context, path string) error {
	return failure(d.d.RemoveDirectory(path))
}

func (d descriptor) RenameAt(_ context.Context, oldPath string, to Descriptor, newPath string) error {
	dir, err := cm.ObjectAs[descriptor](DescriptorResourceType, to)
	if err != nil {
		return err
	}
	return failure(d.d.Rename(oldPath, dir.d, newPath))
}

func (d descriptor) SymlinkAt(_ context.Context, oldPath, newPath string) error {
	return failure(d.d.Symlink(oldPath, newPath))
}

func (d descriptor) UnlinkFileAt(_ context.Context, path string) error {
	return failure(d.d.Unlink(path))
}

// IsSameObject has no error in its type: what cannot be compared is not the same.
func (d descriptor) IsSameObject(_ context.Context, other Descriptor) (bool, error) {
	o, err := cm.ObjectAs[descriptor](DescriptorResourceType, other)
	if err != nil {
		return false, err
	}
	same, err := d.d.Same(o.d)
	return same && err == nil, nil
}

func (d descriptor) MetadataHash(context.Context) (MetadataHashValue, error) {
	h, err := d.d.Hash()
	return MetadataHashValue(h), failure(err)
}

func (d descriptor) MetadataHashAt(_ context.Context, flags PathFlags, path string) (MetadataHashValue, error) {
	h, err := d.d.HashAt(follow(flags), path)
	return MetadataHashValue(h), failure(err)
}

type entries struct {
	e    *filesystem.Entries
	held *cm.Holding
}

// entriesBytes is what a folder that is being listed is counted as: as many names as are read at a time, of usual length.
const entriesBytes = 16 << 10

func (e entries) ReadDirectoryEntry(context.Context) (*DirectoryEntry, error) {
	n, err := e.e.Next()
	if err != nil || n == nil {
		return nil, failure(err)
	}
	return &DirectoryEntry{Type: DescriptorType(n.Type), Name: n.Name}, nil
}

func (e entries) Drop(context.Context) error {
	e.held.Release()
	e.e.Close() // the error has no receiver
	return nil
}

func follow(f PathFlags) bool { return f&PathFlagsSymlinkFollow != 0 }

func stat(s filesystem.Stat) DescriptorStat {
	return DescriptorStat{
		Type: DescriptorType(s.Type), LinkCount: s.Links, Size: s.Size,
		DataAccessTimestamp: datetime(s.Accessed), DataModificationTimestamp: datetime(s.Modified), StatusChangeTimestamp: datetime(s.Change),
	}
}

func datetime(t time.Time) *clocksp2.Datetime {
	if t.IsZero() {
		return nil
	}
	d := clocksp2.Datetime(clocks.FromTime(t))
	return &d
}

func times(accessed, modified NewTimestamp) (a, m filesystem.Time, err error) {
	if a, err = timestamp(accessed); err == nil {
		m, err = timestamp(modified)
	}
	return a, m, err
}

func timestamp(t NewTimestamp) (filesystem.Time, error) {
	switch t.Tag {
	case NewTimestampTagNow:
		return filesystem.Time{Now: true}, nil
	case NewTimestampTagTimestamp:
		at, ok := clocks.Datetime(t.Timestamp).Time()
		if !ok {
			return filesystem.Time{}, cm.Fail(ErrorCodeInvalid)
		}
		return filesystem.Time{To: &at}, nil
	}
	return filesystem.Time{}, nil
}
