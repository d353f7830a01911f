package filesystemp2

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/clocks"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem/internal/common"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

type descriptor struct {
	common.Descriptor[version, Descriptor, NewTimestamp, DescriptorStat, PathFlags, DescriptorFlags, Advice, MetadataHashValue]
}

func wrap(d *filesystem.Descriptor) Descriptor {
	var w descriptor
	w.D = d
	return w
}

// version converts this version's values.
type version struct{}

var _ common.Version[Descriptor, NewTimestamp, DescriptorStat] = version{}

func (version) Failure(err error) error { return failure(err) }

func (version) Descriptor(r Descriptor) (*filesystem.Descriptor, error) {
	d, err := cm.ObjectAs[descriptor](DescriptorResourceType, r)
	return d.D, err
}

func (d descriptor) Drop(context.Context) error {
	d.D.Close() // the error has no receiver
	return nil
}

func (d descriptor) ReadViaStream(_ context.Context, offset Filesize) (iop2.InputStream, error) {
	s, err := d.D.Reader(offset)
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewInputStream(s), nil
}

func (d descriptor) WriteViaStream(_ context.Context, offset Filesize) (iop2.OutputStream, error) {
	s, err := d.D.Writer(offset)
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewOutputStream(s), nil
}

func (d descriptor) AppendViaStream(context.Context) (iop2.OutputStream, error) {
	s, err := d.D.Appender()
	if err != nil {
		return nil, failure(err)
	}
	return iop2.NewOutputStream(s), nil
}

func (d descriptor) GetType(context.Context) (DescriptorType, error) {
	s, err := d.D.Stat()
	return DescriptorType(s.Type), failure(err)
}

func (d descriptor) Read(ctx context.Context, length, offset Filesize) (cm.Tuple2[[]byte, bool], error) {
	if length = min(length, filesystem.MaxRead); length > smallRead { // the bytes are the guest's as soon as this returns
		if length = cm.AccountOf(ctx).Available(length); length == 0 {
			return cm.Tuple2[[]byte, bool]{}, noRoom(cm.AccountOf(ctx).Reserve(smallRead))
		}
	}
	b, end, err := d.D.ReadAt(length, offset)
	return cm.Tuple2[[]byte, bool]{F0: b, F1: end}, failure(err)
}

func (d descriptor) Write(_ context.Context, buffer []byte, offset Filesize) (Filesize, error) {
	n, err := d.D.WriteAt(buffer, offset)
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
	e, err := d.D.ReadDirectory()
	if err != nil {
		held.Release()
		return nil, failure(err)
	}
	return entries{e, held}, nil
}

func (d descriptor) OpenAt(ctx context.Context, flags PathFlags, path string, how OpenFlags, access DescriptorFlags) (Descriptor, error) {
	f := filesystem.Flags(access)
	if component.ByAdapter(ctx) {
		// Preview 1 knows no folders that are open for reading alone: programs change what lies below one that they have
		// opened, and the adapter does not ask for what that takes.
		f |= d.D.Flags() & filesystem.Mutate
	}
	o, err := d.D.Open(common.Follow(flags), path, filesystem.OpenFlags(how), f)
	if err != nil {
		return nil, failure(err)
	}
	return wrap(o), nil
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

func (version) Stat(s filesystem.Stat) DescriptorStat {
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

func (version) Timestamp(t NewTimestamp) (filesystem.Time, error) {
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
