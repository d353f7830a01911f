package blobstore

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Plugin serves wasi:blobstore 0.2.0-draft.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin with the backend that serves components whose grants name none. Grants name it by its method
// Name() string, or by "default" if it has none.
func New(b Backend) *Plugin { return &Plugin{backend.NewSet(b)} }

// Add has the plugin serve another backend, to components whose grants name it, and gives the plugin back. It must be called
// before the plugin is used; a name that is taken panics.
func (p *Plugin) Add(name string, b Backend) *Plugin {
	p.backends.Add(name, b)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "blobstore" }

// Backends are the names that grants may name.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.TypesID, bindings.ContainerID, bindings.BlobstoreID}
}

// Bind implements host.Plugin. Each container that the component's grants name is in the backend that they say; all others are in
// that of "default", if it is granted. The last release of an owner has the backends drop what is the owner's and not to be kept.
func (p *Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	owner, routes, release, err := p.backends.Bind(b, "blobstore", b.Component.Grants.Blobstore)
	if err != nil {
		return nil, err
	}
	opened := map[string]Store{} // by the names of the backends
	s := store{routes: make(map[string]Store, len(routes))}
	for name, r := range routes {
		if opened[r.Name] == nil {
			opened[r.Name] = r.Backend.Store(owner)
		}
		s.routes[name] = opened[r.Name]
	}
	bindings.AddTypes(l, s)
	bindings.AddContainer(l)
	bindings.AddBlobstore(l, s)
	return release, nil
}

// told are the errors of which guests are told, those that say more before those that they are.
var told = []error{
	ErrNoSuchContainer, ErrNoSuchObject, ErrNotFound, ErrExists, ErrAccessDenied, ErrFull, ErrCursor, errRange, errLarge, errUnfinished,
}

// fail turns a backend's error into a WIT error, which is text in this interface. names are what the guest has asked for, if it is
// clear: a container, and an object in it.
func fail(ctx context.Context, err error, names ...string) error {
	if err == nil {
		return nil
	}
	text, cause, ok := backend.Failure(ctx, err, told...)
	switch {
	case !ok:
		return cause
	case len(names) > 1 && text == ErrNoSuchObject.Error():
		text = fmt.Sprintf("object %q in container %q: %v", names[1], names[0], ErrNotFound)
	case len(names) > 0 && text == ErrNoSuchContainer.Error():
		text = fmt.Sprintf("container %q: %v", names[0], ErrNotFound)
	case len(names) > 0 && text == ErrExists.Error():
		text = fmt.Sprintf("container %q: %v", names[0], ErrExists)
	}
	return cm.FailFor(text, cause)
}

// store implements the free functions of the interfaces for one component.
type store struct{ routes map[string]Store }

// of is where a container is.
func (s store) of(container string) (Store, error) {
	if r := s.routes[container]; r != nil {
		return r, nil
	}
	if r := s.routes[backend.Default]; r != nil {
		return r, nil
	}
	return nil, cm.Fail(ErrAccessDenied.Error())
}

// CreateContainer implements bindings.Blobstore.
func (s store) CreateContainer(ctx context.Context, name string) (bindings.Container, error) {
	in, err := s.of(name)
	if err != nil {
		return nil, err
	}
	if err := in.CreateContainer(ctx, name); err != nil {
		return nil, fail(ctx, err, name)
	}
	return newContainer(ctx, in, name)
}

// GetContainer implements bindings.Blobstore.
func (s store) GetContainer(ctx context.Context, name string) (bindings.Container, error) {
	in, err := s.of(name)
	if err != nil {
		return nil, err
	}
	if _, err := in.Container(ctx, name); err != nil {
		return nil, fail(ctx, err, name)
	}
	return newContainer(ctx, in, name)
}

// DeleteContainer implements bindings.Blobstore.
func (s store) DeleteContainer(ctx context.Context, name string) error {
	in, err := s.of(name)
	if err != nil {
		return err
	}
	return fail(ctx, in.DeleteContainer(ctx, name), name)
}

// ContainerExists implements bindings.Blobstore.
func (s store) ContainerExists(ctx context.Context, name string) (bool, error) {
	in, err := s.of(name)
	if err != nil {
		return false, err
	}
	_, err = in.Container(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, fail(ctx, err)
}

// place is an object in its store.
type place struct {
	store             Store
	container, object string
}

func (s store) place(id bindings.ObjectID) (place, error) {
	in, err := s.of(id.Container)
	return place{in, id.Container, id.Object}, err
}

// CopyObject implements bindings.Blobstore.
func (s store) CopyObject(ctx context.Context, src, dest bindings.ObjectID) error {
	from, err := s.place(src)
	if err != nil {
		return err
	}
	to, err := s.place(dest)
	if err != nil {
		return err
	}
	return fail(ctx, from.copyTo(ctx, to))
}

// copyTo copies an object over another, by the store alone if it can.
func (p place) copyTo(ctx context.Context, to place) error {
	if c, can := p.store.(Copier); can && p.store == to.store {
		return c.Copy(ctx, p.container, p.object, to.container, to.object)
	}
	r, _, err := p.store.Open(ctx, p.container, p.object, 0, math.MaxUint64)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // all of it was read, or there is an error already
	_, err = to.store.Put(ctx, to.container, to.object, r)
	return err
}

// MoveObject implements bindings.Blobstore.
func (s store) MoveObject(ctx context.Context, src, dest bindings.ObjectID) error {
	from, err := s.place(src)
	if err != nil {
		return err
	}
	if src == dest {
		_, err := from.store.Stat(ctx, src.Container, src.Object)
		return fail(ctx, err, src.Container, src.Object)
	}
	if err := s.CopyObject(ctx, src, dest); err != nil {
		return err
	}
	return fail(ctx, from.store.Delete(ctx, src.Container, src.Object), src.Container)
}
