package blobstore

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings/wasmcloud"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	"github.com/vitrine-wasm/vitrine/workload"
)

// wasmCloud implements wasmcloud:blobstore 0.1.0, whose functions are asynchronous, and in which objects and lists are streams.
type wasmCloud struct{ store }

var (
	_ wasmcloud.Blobstore = wasmCloud{}
	_ wasmcloud.Container = wasmCloudContainer{}
)

// wasmCloudFail turns a backend's error into a WIT error.
func wasmCloudFail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	text, cause, ok := backend.Failure(ctx, err, guestErrors...)
	if !ok {
		return cause
	}
	down := backend.DownReason(err)
	of := wasmcloud.ErrorOther(text)
	switch {
	case err == ErrAccessDenied: // not granted: the case says it all
		return cm.Fail(wasmcloud.ErrorAccessDenied())
	case errors.Is(err, ErrNoSuchContainer):
		of = wasmcloud.ErrorNoSuchContainer()
	case errors.Is(err, ErrNoSuchObject):
		of = wasmcloud.ErrorNoSuchObject()
	case errors.Is(err, ErrExists):
		of = wasmcloud.ErrorContainerAlreadyExists()
	case errors.Is(err, ErrAccessDenied):
		of = wasmcloud.ErrorAccessDenied()
	case errors.Is(err, ErrFull):
		of = wasmcloud.ErrorQuotaExceeded()
	case down == workload.BackendTimeout:
		of = wasmcloud.ErrorTimeout()
	case down != "":
		of = wasmcloud.ErrorStoreUnavailable()
	}
	return cm.FailFor(of, cause)
}

// CreateContainer implements wasmcloud.Blobstore.
func (w wasmCloud) CreateContainer(ctx context.Context, name string) (wasmcloud.Container, error) {
	c, err := w.create(ctx, name)
	if err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	return wasmCloudContainer{c}, nil
}

// GetContainer implements wasmcloud.Blobstore.
func (w wasmCloud) GetContainer(ctx context.Context, name string) (wasmcloud.Container, error) {
	c, err := w.find(ctx, name)
	if err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	return wasmCloudContainer{c}, nil
}

// DeleteContainer implements wasmcloud.Blobstore.
func (w wasmCloud) DeleteContainer(ctx context.Context, name string) error {
	return wasmCloudFail(ctx, w.remove(ctx, name))
}

// ContainerExists implements wasmcloud.Blobstore.
func (w wasmCloud) ContainerExists(ctx context.Context, name string) (bool, error) {
	there, err := w.exists(ctx, name)
	return there, wasmCloudFail(ctx, err)
}

// CopyObject implements wasmcloud.Blobstore.
func (w wasmCloud) CopyObject(ctx context.Context, src, dest wasmcloud.ObjectID) error {
	return wasmCloudFail(ctx, w.copy(ctx, bindings.ObjectID(src), bindings.ObjectID(dest), false))
}

// MoveObject implements wasmcloud.Blobstore.
func (w wasmCloud) MoveObject(ctx context.Context, src, dest wasmcloud.ObjectID) error {
	return wasmCloudFail(ctx, w.copy(ctx, bindings.ObjectID(src), bindings.ObjectID(dest), true))
}

// wasmCloudContainer is the resource; it implements wasmcloud.Container.
type wasmCloudContainer struct{ container }

// Info implements wasmcloud.Container.
func (c wasmCloudContainer) Info(ctx context.Context) (wasmcloud.ContainerMetadata, error) {
	info, err := c.store.Container(ctx, c.name)
	if err != nil {
		return wasmcloud.ContainerMetadata{}, wasmCloudFail(ctx, err)
	}
	return wasmcloud.ContainerMetadata{Name: c.name, CreatedAt: uint64(info.Created.UnixNano())}, nil
}

// GetData implements wasmcloud.Container. The object is open until the guest has read it or drops the stream, or until the instance ends.
func (c wasmCloudContainer) GetData(ctx context.Context, name string, start, end uint64) (*cm.StreamReader[uint8], error) {
	// Reads go on when the function has returned, and its context may have ended.
	reading, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	in, err := openRange(reading, c.container, name, start, end)
	stop()
	if err != nil {
		cancel(nil)
		return nil, wasmCloudFail(ctx, err)
	}
	w, data := cm.NewStream[uint8]()
	source := &objectSource{&backendStream{value: in, left: in.size}}
	over := func(context.Context, error) {
		cancel(nil)
		_ = source.from.Close() // there is no way to report an error
	}
	if err := flow.Of(ctx).Feed(w, source, over); err != nil {
		over(ctx, err)
		return nil, err
	}
	return data, nil
}

// objectSource is what a stream of an object's bytes is fed with. A backend's error ends the stream, which cannot say more.
type objectSource struct{ from *backendStream }

// Read implements flow.Source.
func (o *objectSource) Read(ctx context.Context, p []byte) (int, error) {
	defer context.AfterFunc(ctx, func() { _ = o.from.Close() })()
	for {
		n, err := o.from.Read(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Ready implements flow.Source.
func (o *objectSource) Ready() bool {
	_, inMemory := o.from.value.reader.(InMemory)
	return inMemory
}

// WriteData implements wasmcloud.Container.
func (c wasmCloudContainer) WriteData(ctx context.Context, name string, data *cm.StreamReader[uint8]) error {
	defer data.Close() //nolint:errcheck // there is no way to report it
	_, err := c.store.Put(ctx, c.name, name, cm.ReadStream(ctx, data))
	return wasmCloudFail(ctx, err)
}

// ListObjects implements wasmcloud.Container. The first page is read at once, since a stream has no error; the others as the guest reads.
func (c wasmCloudContainer) ListObjects(ctx context.Context) (*cm.StreamReader[string], error) {
	s := &nameStream{container: c.container}
	if err := s.fetch(ctx); err != nil {
		return nil, wasmCloudFail(ctx, err)
	}
	w, names := cm.NewStream[string]()
	end := func(ctx context.Context, _ error) { _ = s.Drop(ctx) } // it never fails
	if err := flow.FeedValues(flow.Of(ctx), w, s.one, func(string) {}, end); err != nil {
		end(ctx, err)
		return nil, err
	}
	return names, nil
}

// one is the next name, or io.EOF.
func (s *nameStream) one(ctx context.Context) (name string, err error) {
	found := false
	err = s.take(ctx, 1, func(names []string) error {
		name, found = names[0], true
		return nil
	})
	if err == nil && !found {
		err = io.EOF
	}
	return name, err
}

// DeleteObject implements wasmcloud.Container.
func (c wasmCloudContainer) DeleteObject(ctx context.Context, name string) error {
	return wasmCloudFail(ctx, c.store.Delete(ctx, c.name, name))
}

// DeleteObjects implements wasmcloud.Container.
func (c wasmCloudContainer) DeleteObjects(ctx context.Context, names []string) error {
	return wasmCloudFail(ctx, c.store.Delete(ctx, c.name, names...))
}

// HasObject implements wasmcloud.Container.
func (c wasmCloudContainer) HasObject(ctx context.Context, name string) (bool, error) {
	has, err := c.has(ctx, name)
	return has, wasmCloudFail(ctx, err)
}

// ObjectInfo implements wasmcloud.Container.
func (c wasmCloudContainer) ObjectInfo(ctx context.Context, name string) (wasmcloud.ObjectMetadata, error) {
	o, err := c.store.Stat(ctx, c.name, name)
	if err != nil {
		return wasmcloud.ObjectMetadata{}, wasmCloudFail(ctx, err)
	}
	return wasmcloud.ObjectMetadata{Name: name, Container: c.name, CreatedAt: uint64(o.Created.UnixNano()), Size: o.Size}, nil
}

// Clear implements wasmcloud.Container.
func (c wasmCloudContainer) Clear(ctx context.Context) error { return wasmCloudFail(ctx, c.clear(ctx)) }
