package blobstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	draft "github.com/vitrine-wasm/vitrine/plugin/blobstore/draft"
)

// container is the resource; it implements draft.Container.
type container struct {
	store Store
	name  string
}

func (c container) Name(context.Context) (string, error) { return c.name, nil }

func (c container) Info(ctx context.Context) (draft.ContainerMetadata, error) {
	created, err := c.store.Container(ctx, c.name)
	if err != nil {
		return draft.ContainerMetadata{}, fail(err)
	}
	return draft.ContainerMetadata{Name: c.name, CreatedAt: uint64(created.Unix())}, nil
}

// GetData gives a range with both ends included; it is cut to the object.
func (c container) GetData(ctx context.Context, name string, start, end uint64) (draft.IncomingValue, error) {
	o, err := c.store.Get(ctx, c.name, name)
	if err != nil {
		return nil, fail(err)
	}
	size := uint64(len(o.Data))
	if start > end {
		return nil, fail(fmt.Errorf("the range starts at %d, after its end at %d", start, end))
	}
	start = min(start, size)
	if end < size {
		size = end + 1
	}
	return incoming{o.Data[start:max(start, size)]}, nil
}

func (c container) WriteData(_ context.Context, name string, data draft.OutgoingValue) error {
	o := data.(*outgoing)
	o.to = append(o.to, func(ctx context.Context, data []byte) error { return c.store.Put(ctx, c.name, name, data) })
	return nil
}

func (c container) ListObjects(ctx context.Context) (draft.StreamObjectNames, error) {
	names, err := c.store.List(ctx, c.name)
	if err != nil {
		return nil, fail(err)
	}
	return &nameStream{names}, nil
}

func (c container) DeleteObject(ctx context.Context, name string) error {
	return fail(c.store.Delete(ctx, c.name, name))
}

func (c container) DeleteObjects(ctx context.Context, names []string) error {
	return fail(c.store.Delete(ctx, c.name, names...))
}

func (c container) HasObject(ctx context.Context, name string) (bool, error) {
	_, err := c.store.Get(ctx, c.name, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, fail(err)
}

func (c container) ObjectInfo(ctx context.Context, name string) (draft.ObjectMetadata, error) {
	o, err := c.store.Get(ctx, c.name, name)
	if err != nil {
		return draft.ObjectMetadata{}, fail(err)
	}
	return draft.ObjectMetadata{Name: name, Container: c.name, CreatedAt: uint64(o.Created.Unix()), Size: uint64(len(o.Data))}, nil
}

func (c container) Clear(ctx context.Context) error {
	names, err := c.store.List(ctx, c.name)
	if err != nil {
		return fail(err)
	}
	return fail(c.store.Delete(ctx, c.name, names...))
}

// nameStream is a stream-object-names.
type nameStream struct{ left []string }

func (s *nameStream) take(n uint64) []string {
	k := int(min(n, uint64(len(s.left))))
	out := s.left[:k]
	s.left = s.left[k:]
	return out
}

func (s *nameStream) ReadStreamObjectNames(_ context.Context, n uint64) (cm.Tuple2[[]string, bool], error) {
	return cm.Tuple2[[]string, bool]{F0: s.take(n), F1: len(s.left) == 0}, nil
}

func (s *nameStream) SkipStreamObjectNames(_ context.Context, n uint64) (cm.Tuple2[uint64, bool], error) {
	return cm.Tuple2[uint64, bool]{F0: uint64(len(s.take(n))), F1: len(s.left) == 0}, nil
}
