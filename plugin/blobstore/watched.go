package blobstore

import (
	"context"
	"io"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// watched is a store whose backend's watch is told how calls end. Errors while an object is read or written by streams are those of either
// side, so that only the calls themselves count.
type watched struct {
	Store
	watch *backend.Watch
}

// watchedCopier is a watched store that can copy.
type watchedCopier struct{ watched }

func watch(s Store, w *backend.Watch) Store {
	if _, can := s.(Copier); can {
		return watchedCopier{watched{s, w}}
	}
	return watched{s, w}
}

func (s watched) met(ctx context.Context, err error) error {
	s.watch.Met(ctx, err, guestErrors...)
	return err
}

// CreateContainer implements Store.
func (s watched) CreateContainer(ctx context.Context, name string) error {
	return s.met(ctx, s.Store.CreateContainer(ctx, name))
}

// DeleteContainer implements Store.
func (s watched) DeleteContainer(ctx context.Context, name string) error {
	return s.met(ctx, s.Store.DeleteContainer(ctx, name))
}

// Container implements Store.
func (s watched) Container(ctx context.Context, name string) (ContainerInfo, error) {
	info, err := s.Store.Container(ctx, name)
	return info, s.met(ctx, err)
}

// Open implements Store.
func (s watched) Open(ctx context.Context, container, object string, from, n uint64) (io.ReadCloser, Info, error) {
	r, info, err := s.Store.Open(ctx, container, object, from, n)
	return r, info, s.met(ctx, err)
}

// Put implements Store. Its error may be that of data.
func (s watched) Put(ctx context.Context, container, object string, data io.Reader) (Info, error) {
	if _, inMemory := data.(interface{ Len() int }); inMemory {
		info, err := s.Store.Put(ctx, container, object, data)
		return info, s.met(ctx, err)
	}
	from := &reading{Reader: data}
	info, err := s.Store.Put(ctx, container, object, from)
	if from.err == nil || from.err == io.EOF {
		_ = s.met(ctx, err) // which is returned
	}
	return info, err
}

// reading keeps the error of a reader.
type reading struct {
	io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		r.err = err
	}
	return n, err
}

// Stat implements Store.
func (s watched) Stat(ctx context.Context, container, object string) (Info, error) {
	info, err := s.Store.Stat(ctx, container, object)
	return info, s.met(ctx, err)
}

// List implements Store.
func (s watched) List(ctx context.Context, container, cursor string) (Page, error) {
	page, err := s.Store.List(ctx, container, cursor)
	return page, s.met(ctx, err)
}

// Delete implements Store.
func (s watched) Delete(ctx context.Context, container string, objects ...string) error {
	return s.met(ctx, s.Store.Delete(ctx, container, objects...))
}

// Copy implements Copier.
func (s watchedCopier) Copy(ctx context.Context, fromContainer, fromObject, toContainer, toObject string) error {
	return s.met(ctx, s.Store.(Copier).Copy(ctx, fromContainer, fromObject, toContainer, toObject))
}
