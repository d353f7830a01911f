package filesystemp3

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/internal/flow"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// descriptor is the resource descriptor. Streams that are made of it outlive it.
type descriptor struct{ d *filesystem.Descriptor }

// The types of what tells of a stream's end.
type (
	resultReader = *cm.FutureReader[flow.Result[ErrorCode]]
	bytesReader  = *cm.StreamReader[uint8]
)

func (d descriptor) Drop(context.Context) error {
	_ = d.d.Close() // the error has no receiver
	return nil
}

func (d descriptor) ReadViaStream(ctx context.Context, offset Filesize) (cm.Tuple2[bytesReader, resultReader], error) {
	w, r := cm.NewStream[uint8]()
	ended, end := flow.Outcome(errorCode)
	out := cm.Tuple2[bytesReader, resultReader]{F0: r, F1: ended}
	s, err := d.d.Reader(offset)
	if err != nil {
		flow.Failed(flow.Of(ctx), w, err, end)
		return out, nil
	}
	err = flow.Of(ctx).Feed(w, func(ctx context.Context, p []byte) (int, error) { return wasiio.BlockingRead(ctx, s, p) },
		func(ctx context.Context, err error) {
			_ = s.Close()
			end(ctx, err)
		})
	if err != nil {
		_ = s.Close()
	}
	return out, err
}

func (d descriptor) WriteViaStream(ctx context.Context, data bytesReader, offset Filesize) (resultReader, error) {
	s, err := d.d.Writer(offset)
	return take(ctx, data, s, err)
}

func (d descriptor) AppendViaStream(ctx context.Context, data bytesReader) (resultReader, error) {
	s, err := d.d.Appender()
	return take(ctx, data, s, err)
}

// take writes what comes by data to s, unless err says that there is none. What has been taken is written before the store ends.
func take(ctx context.Context, data bytesReader, s wasiio.OutputStream, err error) (resultReader, error) {
	ended, end := flow.Outcome(errorCode)
	if err != nil {
		flow.Of(ctx).Refused(data, err, end)
		return ended, nil
	}
	_, err = flow.Of(ctx).Take(data, true, func(ctx context.Context, p []byte) error { return wasiio.WriteAndFlush(ctx, s, p) },
		func(ctx context.Context, err error) {
			_ = s.Close()
			end(ctx, err)
		})
	if err != nil {
		_ = s.Close()
	}
	return ended, err
}

func (d descriptor) ReadDirectory(ctx context.Context) (cm.Tuple2[*cm.StreamReader[DirectoryEntry], resultReader], error) {
	w, r := cm.NewStream[DirectoryEntry]()
	ended, end := flow.Outcome(errorCode)
	out := cm.Tuple2[*cm.StreamReader[DirectoryEntry], resultReader]{F0: r, F1: ended}
	entries, err := d.d.ReadDirectory()
	if err != nil {
		flow.Failed(flow.Of(ctx), w, err, end)
		return out, nil
	}
	next := func(context.Context) (DirectoryEntry, error) {
		e, err := entries.Next()
		if err == nil && e == nil {
			err = io.EOF
		}
		if err != nil {
			return DirectoryEntry{}, err
		}
		return DirectoryEntry{Type: typeOf(e.Type), Name: e.Name}, nil
	}
	err = flow.FeedValues(flow.Of(ctx), w, next, func(DirectoryEntry) {}, func(ctx context.Context, err error) {
		_ = entries.Close()
		end(ctx, err)
	})
	if err != nil {
		_ = entries.Close()
	}
	return out, err
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
	return typeOf(s.Type), failure(err)
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

func (d descriptor) OpenAt(_ context.Context, flags PathFlags, path string, how OpenFlags, access DescriptorFlags) (Descriptor, error) {
	o, err := d.d.Open(follow(flags), path, filesystem.OpenFlags(how), filesystem.Flags(access))
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

func follow(f PathFlags) bool { return f&PathFlagsSymlinkFollow != 0 }

// typeOf converts a type. The cases are in the order of the types, but for the first: one that is not known is another one.
func typeOf(t filesystem.Type) DescriptorType {
	if t == filesystem.TypeUnknown {
		return DescriptorTypeOther(nil)
	}
	return DescriptorType{Tag: DescriptorTypeTag(t - 1)}
}

func stat(s filesystem.Stat) DescriptorStat {
	return DescriptorStat{
		Type: typeOf(s.Type), LinkCount: s.Links, Size: s.Size,
		DataAccessTimestamp: instant(s.Accessed), DataModificationTimestamp: instant(s.Modified), StatusChangeTimestamp: instant(s.Change),
	}
}

func instant(t time.Time) *clocksp3.Instant {
	if t.IsZero() {
		return nil
	}
	i := clocksp3.FromTime(t)
	return &i
}

func times(accessed, modified NewTimestamp) (a, m filesystem.Time, err error) {
	if a, err = timestamp(accessed); err == nil {
		m, err = timestamp(modified)
	}
	return a, m, err
}

var errTimestamp = errors.New("a timestamp is no moment")

func timestamp(t NewTimestamp) (filesystem.Time, error) {
	switch t.Tag {
	case NewTimestampTagNow:
		return filesystem.Time{Now: true}, nil
	case NewTimestampTagTimestamp:
		at, ok := t.Timestamp.Time()
		if !ok {
			return filesystem.Time{}, cm.FailFor(ErrorCodeInvalid(), errTimestamp)
		}
		return filesystem.Time{To: &at}, nil
	}
	return filesystem.Time{}, nil
}
