package filesystemp3

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem/internal/common"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// descriptor is the resource descriptor. Streams that are made of it outlive it.
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

// The types of what tells of a stream's end.
type (
	resultReader = *cm.FutureReader[flow.Result[ErrorCode]]
	bytesReader  = *cm.StreamReader[uint8]
)

func (d descriptor) Drop(context.Context) error {
	_ = d.D.Close() // the error has no receiver
	return nil
}

func (d descriptor) ReadViaStream(ctx context.Context, offset Filesize) (cm.Tuple2[bytesReader, resultReader], error) {
	w, r := cm.NewStream[uint8]()
	ended, end := flow.Outcome(errorCode)
	out := cm.Tuple2[bytesReader, resultReader]{F0: r, F1: ended}
	s, err := d.D.Reader(offset)
	if err != nil {
		flow.Failed(flow.Of(ctx), w, err, end)
		return out, nil
	}
	err = flow.Of(ctx).Feed(w, flow.SourceFunc(func(ctx context.Context, p []byte) (int, error) { return wasiio.BlockingRead(ctx, s, p) }),
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
	s, err := d.D.Writer(offset)
	return take(ctx, data, s, err)
}

func (d descriptor) AppendViaStream(ctx context.Context, data bytesReader) (resultReader, error) {
	s, err := d.D.Appender()
	return take(ctx, data, s, err)
}

// take writes what comes by data to s, unless err says that there is none. What has been taken is written before the store ends.
func take(ctx context.Context, data bytesReader, s wasiio.OutputStream, err error) (resultReader, error) {
	ended, end := flow.Outcome(errorCode)
	if err != nil {
		flow.Of(ctx).Refused(data, err, end)
		return ended, nil
	}
	err = flow.Of(ctx).Take(data, true, func(ctx context.Context, p []byte) error { return wasiio.WriteAndFlush(ctx, s, p) },
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
	entries, err := d.D.ReadDirectory()
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

func (d descriptor) GetType(context.Context) (DescriptorType, error) {
	s, err := d.D.Stat()
	return typeOf(s.Type), failure(err)
}

func (d descriptor) OpenAt(_ context.Context, flags PathFlags, path string, how OpenFlags, access DescriptorFlags) (Descriptor, error) {
	o, err := d.D.Open(common.Follow(flags), path, filesystem.OpenFlags(how), filesystem.Flags(access))
	if err != nil {
		return nil, failure(err)
	}
	return wrap(o), nil
}

// typeOf converts a type. The cases are in the order of the types, but for the first: one that is not known is another one.
func typeOf(t filesystem.Type) DescriptorType {
	if t == filesystem.TypeUnknown {
		return DescriptorTypeOther(nil)
	}
	return DescriptorType{Tag: DescriptorTypeTag(t - 1)}
}

func (version) Stat(s filesystem.Stat) DescriptorStat {
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

var errTimestamp = errors.New("a timestamp is no moment")

func (version) Timestamp(t NewTimestamp) (filesystem.Time, error) {
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
