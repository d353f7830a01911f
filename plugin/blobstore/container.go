package blobstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
)

// container is the resource; it implements bindings.Container.
type container struct {
	store Store
	name  string
	held  *cm.Holding // for the name, which any number of containers may have
}

// newContainer makes a resource of a container that is there.
func newContainer(ctx context.Context, s Store, name string) (bindings.Container, error) {
	held := &cm.Holding{}
	if err := held.Hold(ctx, len(name)); err != nil {
		return nil, fail(err)
	}
	return container{s, name, held}, nil
}

// Drop gives back what the name took.
func (c container) Drop(context.Context) error {
	c.held.Release()
	return nil
}

func (c container) Name(context.Context) (string, error) { return c.name, nil }

func (c container) Info(ctx context.Context) (bindings.ContainerMetadata, error) {
	created, err := c.store.Container(ctx, c.name)
	if err != nil {
		return bindings.ContainerMetadata{}, fail(err)
	}
	return bindings.ContainerMetadata{Name: c.name, CreatedAt: uint64(created.Unix())}, nil
}

// GetData gives a range with both ends included; it is cut to the object.
func (c container) GetData(ctx context.Context, name string, start, end uint64) (bindings.IncomingValue, error) {
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
	in := &incoming{data: o.Data[start:max(start, size)]}
	if err := in.held.Hold(ctx, cap(o.Data)); err != nil { // which the store may have let go of long before the guest does
		return nil, fail(err)
	}
	return in, nil
}

func (c container) WriteData(ctx context.Context, name string, data bindings.OutgoingValue) error {
	o := data.(*outgoing)
	if err := o.held.Hold(ctx, o.held.Bytes()+len(name)+destinationBytes); err != nil {
		return fail(err)
	}
	o.to = append(o.to, func(ctx context.Context, data []byte) error { return c.store.Put(ctx, c.name, name, data) })
	return nil
}

func (c container) ListObjects(ctx context.Context) (bindings.StreamObjectNames, error) {
	names, err := c.store.List(ctx, c.name)
	if err != nil {
		return nil, fail(err)
	}
	s := &nameStream{left: names}
	n := 0
	for _, name := range names {
		n += len(name) + nameBytes
	}
	if err := s.held.Hold(ctx, n); err != nil {
		return nil, fail(err)
	}
	return s, nil
}

// What is counted beside the bytes of a name: in a list of names, and as the destination of a value.
const (
	nameBytes        = 32
	destinationBytes = 128
)

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

func (c container) ObjectInfo(ctx context.Context, name string) (bindings.ObjectMetadata, error) {
	o, err := c.store.Get(ctx, c.name, name)
	if err != nil {
		return bindings.ObjectMetadata{}, fail(err)
	}
	return bindings.ObjectMetadata{Name: name, Container: c.name, CreatedAt: uint64(o.Created.Unix()), Size: uint64(len(o.Data))}, nil
}

func (c container) Clear(ctx context.Context) error {
	names, err := c.store.List(ctx, c.name)
	if err != nil {
		return fail(err)
	}
	return fail(c.store.Delete(ctx, c.name, names...))
}

// nameStream is a stream-object-names.
type nameStream struct {
	left []string
	held cm.Holding
}

// Drop gives back what the names took.
func (s *nameStream) Drop(context.Context) error {
	s.left = nil
	s.held.Release()
	return nil
}

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
