// Package common has the functions of wasi:filesystem that are alike in WASI 0.2 and 0.3. The bindings of each version have
// types of their own for the same values; functions here are generic in those types.
package common

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
)

// Version converts the values that are not alike in both versions. Its zero value is used.
type Version[Resource, NewTimestamp, Stat any] interface {
	// Failure turns an error of the capability into one that the guest sees; other errors are the host's.
	Failure(err error) error
	// Descriptor returns the descriptor behind an argument.
	Descriptor(r Resource) (*filesystem.Descriptor, error)
	// Timestamp is what a time is to be set to. Its error is one that the guest sees.
	Timestamp(t NewTimestamp) (filesystem.Time, error)
	Stat(s filesystem.Stat) Stat
}

// Descriptor is embedded in a version's resource descriptor. Its methods implement the binding's functions of their names.
type Descriptor[
	V Version[Resource, NewTimestamp, Stat],
	Resource, NewTimestamp, Stat any,
	PathFlags, Flags, Advice ~uint8,
	Hash ~struct{ Lower, Upper uint64 },
] struct{ D *filesystem.Descriptor }

func (Descriptor[V, R, T, S, P, F, A, H]) fail(err error) error {
	var v V
	return v.Failure(err)
}

// Advise implements advise.
func (d Descriptor[V, R, T, S, P, F, A, H]) Advise(_ context.Context, offset, length uint64, advice A) error {
	return d.fail(d.D.Advise(offset, length, filesystem.Advice(advice)))
}

// SyncData implements sync-data.
func (d Descriptor[V, R, T, S, P, F, A, H]) SyncData(context.Context) error {
	return d.fail(d.D.SyncData())
}

// Sync implements sync.
func (d Descriptor[V, R, T, S, P, F, A, H]) Sync(context.Context) error { return d.fail(d.D.Sync()) }

// GetFlags implements get-flags.
func (d Descriptor[V, R, T, S, P, F, A, H]) GetFlags(context.Context) (F, error) {
	return F(d.D.Flags()), nil
}

// SetSize implements set-size.
func (d Descriptor[V, R, T, S, P, F, A, H]) SetSize(_ context.Context, size uint64) error {
	return d.fail(d.D.SetSize(size))
}

// SetTimes implements set-times.
func (d Descriptor[V, R, T, S, P, F, A, H]) SetTimes(_ context.Context, accessed, modified T) error {
	a, m, err := d.times(accessed, modified)
	if err != nil {
		return err
	}
	return d.fail(d.D.SetTimes(a, m))
}

// CreateDirectoryAt implements create-directory-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) CreateDirectoryAt(_ context.Context, path string) error {
	return d.fail(d.D.CreateDirectory(path))
}

// Stat implements stat.
func (d Descriptor[V, R, T, S, P, F, A, H]) Stat(context.Context) (S, error) {
	var v V
	s, err := d.D.Stat()
	return v.Stat(s), d.fail(err)
}

// StatAt implements stat-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) StatAt(_ context.Context, flags P, path string) (S, error) {
	var v V
	s, err := d.D.StatAt(Follow(flags), path)
	return v.Stat(s), d.fail(err)
}

// SetTimesAt implements set-times-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) SetTimesAt(_ context.Context, flags P, path string, accessed, modified T) error {
	a, m, err := d.times(accessed, modified)
	if err != nil {
		return err
	}
	return d.fail(d.D.SetTimesAt(Follow(flags), path, a, m))
}

// LinkAt implements link-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) LinkAt(_ context.Context, flags P, oldPath string, to R, newPath string) error {
	var v V
	dir, err := v.Descriptor(to)
	if err != nil {
		return err
	}
	return d.fail(d.D.Link(Follow(flags), oldPath, dir, newPath))
}

// ReadlinkAt implements readlink-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) ReadlinkAt(_ context.Context, path string) (string, error) {
	s, err := d.D.Readlink(path)
	return s, d.fail(err)
}

// RemoveDirectoryAt implements remove-directory-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) RemoveDirectoryAt(_ context.Context, path string) error {
	return d.fail(d.D.RemoveDirectory(path))
}

// RenameAt implements rename-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) RenameAt(_ context.Context, oldPath string, to R, newPath string) error {
	var v V
	dir, err := v.Descriptor(to)
	if err != nil {
		return err
	}
	return d.fail(d.D.Rename(oldPath, dir, newPath))
}

// SymlinkAt implements symlink-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) SymlinkAt(_ context.Context, oldPath, newPath string) error {
	return d.fail(d.D.Symlink(oldPath, newPath))
}

// UnlinkFileAt implements unlink-file-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) UnlinkFileAt(_ context.Context, path string) error {
	return d.fail(d.D.Unlink(path))
}

// IsSameObject implements is-same-object, whose type has no error: descriptors that cannot be compared are not the same.
func (d Descriptor[V, R, T, S, P, F, A, H]) IsSameObject(_ context.Context, other R) (bool, error) {
	var v V
	o, err := v.Descriptor(other)
	if err != nil {
		return false, err
	}
	same, err := d.D.Same(o)
	return same && err == nil, nil
}

// MetadataHash implements metadata-hash.
func (d Descriptor[V, R, T, S, P, F, A, H]) MetadataHash(context.Context) (H, error) {
	h, err := d.D.Hash()
	return H(h), d.fail(err)
}

// MetadataHashAt implements metadata-hash-at.
func (d Descriptor[V, R, T, S, P, F, A, H]) MetadataHashAt(_ context.Context, flags P, path string) (H, error) {
	h, err := d.D.HashAt(Follow(flags), path)
	return H(h), d.fail(err)
}

func (Descriptor[V, R, T, S, P, F, A, H]) times(accessed, modified T) (a, m filesystem.Time, err error) {
	var v V
	if a, err = v.Timestamp(accessed); err == nil {
		m, err = v.Timestamp(modified)
	}
	return a, m, err
}

// Follow says whether path-flags have symlink-follow, their only flag.
func Follow[P ~uint8](flags P) bool { return flags&1 != 0 }

// GetDirectories implements get-directories of preopens: it opens the folders anew. wrap makes the resource of a descriptor.
func GetDirectories[R any](ctx context.Context, p *filesystem.Preopens, wrap func(*filesystem.Descriptor) R) ([]cm.Tuple2[R, string], error) {
	quota := component.StoreValue(ctx, p, func() any { return filesystem.NewQuota(p.Most) }).(*filesystem.Quota)
	opened, limit, err := p.Open(quota)
	cm.NoteCause(ctx, limit)
	dirs := make([]cm.Tuple2[R, string], len(opened))
	for i, o := range opened {
		dirs[i] = cm.Tuple2[R, string]{F0: wrap(o.Descriptor), F1: o.Guest}
	}
	return dirs, err
}
