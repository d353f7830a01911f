package blobstore

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
)

// container is the resource; it implements bindings.Container.
type container struct {
	store *granted
	name  string
	held  *cm.Holding // for the name, of which any number of resources may have a copy
}

// newContainer makes a resource of an existing container.
func newContainer(ctx context.Context, s *granted, name string) (container, error) {
	held := &cm.Holding{}
	if err := held.Hold(ctx, len(name)); err != nil {
		return container{}, err
	}
	return container{s, name, held}, nil
}

// StoreSystem is the name of the backend, or of its type.
func (c container) StoreSystem() string { return c.store.system }

// StoreCollection is the container's name.
func (c container) StoreCollection() string { return c.name }

// Drop releases the name's memory.
func (c container) Drop(context.Context) error {
	c.held.Release()
	return nil
}

// Name implements bindings.Container.
func (c container) Name(context.Context) (string, error) { return c.name, nil }

// Info implements bindings.Container.
func (c container) Info(ctx context.Context) (bindings.ContainerMetadata, error) {
	info, err := c.store.Container(ctx, c.name)
	if err != nil {
		return bindings.ContainerMetadata{}, fail(ctx, err, c.name)
	}
	return bindings.ContainerMetadata{Name: c.name, CreatedAt: uint64(info.Created.Unix())}, nil
}

// GetData implements bindings.Container. Both ends are included; the range is cut to the object.
func (c container) GetData(ctx context.Context, name string, start, end uint64) (bindings.IncomingValue, error) {
	in, err := openRange(ctx, c, name, start, end)
	if err != nil {
		return nil, fail(ctx, err, c.name, name)
	}
	return in, nil
}

// WriteData implements bindings.Container.
func (c container) WriteData(ctx context.Context, name string, data bindings.OutgoingValue) error {
	o, err := outgoingOf(data)
	if err != nil {
		return err
	}
	return fail(ctx, o.addDestination(ctx, location{c.store, c.name, name}))
}

// ListObjects implements bindings.Container.
func (c container) ListObjects(ctx context.Context) (bindings.StreamObjectNames, error) {
	s := &nameStream{container: c}
	if err := s.fetch(ctx); err != nil {
		return nil, fail(ctx, err, c.name)
	}
	return s, nil
}

// DeleteObject implements bindings.Container.
func (c container) DeleteObject(ctx context.Context, name string) error {
	return fail(ctx, c.store.Delete(ctx, c.name, name), c.name)
}

// DeleteObjects implements bindings.Container.
func (c container) DeleteObjects(ctx context.Context, names []string) error {
	return fail(ctx, c.store.Delete(ctx, c.name, names...), c.name)
}

// HasObject implements bindings.Container.
func (c container) HasObject(ctx context.Context, name string) (bool, error) {
	has, err := c.has(ctx, name)
	return has, fail(ctx, err, c.name, name)
}

func (c container) has(ctx context.Context, name string) (bool, error) {
	_, err := c.store.Stat(ctx, c.name, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ObjectInfo implements bindings.Container.
func (c container) ObjectInfo(ctx context.Context, name string) (bindings.ObjectMetadata, error) {
	o, err := c.store.Stat(ctx, c.name, name)
	if err != nil {
		return bindings.ObjectMetadata{}, fail(ctx, err, c.name, name)
	}
	return bindings.ObjectMetadata{Name: name, Container: c.name, CreatedAt: uint64(o.Created.Unix()), Size: o.Size}, nil
}

// Clear implements bindings.Container.
func (c container) Clear(ctx context.Context) error { return fail(ctx, c.clear(ctx), c.name) }

// clear removes all objects, a page at a time.
func (c container) clear(ctx context.Context) error {
	for cursor := ""; ; {
		page, err := c.store.List(ctx, c.name, cursor)
		if err == nil && len(page.Names) > 0 {
			err = c.store.Delete(ctx, c.name, page.Names...)
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}
