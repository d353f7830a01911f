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
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings/wasmcloud"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Plugin serves wasi:blobstore 0.2.0-draft and wasmcloud:blobstore 0.1.0, over the same containers.
type Plugin struct{ backends *backend.Set[Backend] }

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin with a backend for components whose grants name none. Its name in grants is that of its method Name() string,
// or "default" if it has none.
func New(b Backend) *Plugin { return &Plugin{backend.NewSet(b)} }

// Add adds a backend for components whose grants name it, and returns the plugin. It must be called before the plugin is used. A
// duplicate name panics.
func (p *Plugin) Add(name string, b Backend) *Plugin {
	p.backends.Add(name, b)
	return p
}

// Name implements host.Plugin.
func (*Plugin) Name() string { return "blobstore" }

// AddType adds a type of backend that grants configure, and returns the plugin: see [backend.Set.AddType].
func (p *Plugin) AddType(t workload.BackendType, open func(ctx context.Context, config any) (Backend, error)) *Plugin {
	p.backends.AddType(t, open)
	return p
}

// Backends returns the backends' names, for grants.
func (p *Plugin) Backends() []string { return p.backends.Names() }

// BackendTypes returns the types of backends that grants configure.
func (p *Plugin) BackendTypes() []workload.BackendType { return p.backends.Types() }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{
		bindings.TypesID, bindings.ContainerID, bindings.BlobstoreID,
		wasmcloud.TypesID, wasmcloud.ContainerID, wasmcloud.BlobstoreID,
	}
}

// Bind implements host.Plugin. A container is in the backend of the grant with its name, or else of the grant "default"; without
// either, access is denied. The last release of an owner has the backends drop its data, unless the grants keep it.
func (p *Plugin) Bind(ctx context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	routes, release, err := p.backends.Bind(ctx, b, "blobstore", b.Component.Grants.Blobstore)
	if err != nil {
		return nil, err
	}
	opened := map[any]*granted{} // by the keys of routes
	s := store{make(map[string]*granted, len(routes)), func(ctx context.Context, name string) { backend.Denied(ctx, b, "blobstore", "a container", name) }}
	for name, r := range routes {
		if opened[r.Key()] == nil {
			opened[r.Key()] = &granted{watch(r.Backend.Store(r.Owner), r.Watch), r.Name}
		}
		s.routes[name] = opened[r.Key()]
	}
	bindings.AddTypes(l, s)
	bindings.AddContainer(l)
	bindings.AddBlobstore(l, s)
	wasmcloud.AddTypes(l)
	wasmcloud.AddContainer(l)
	wasmcloud.AddBlobstore(l, wasmCloud{s})
	return release, nil
}

// guestErrors are the errors whose texts guests get; one that wraps another comes first.
var guestErrors = []error{
	ErrNoSuchContainer, ErrNoSuchObject, ErrNotFound, ErrExists, ErrAccessDenied, ErrFull, ErrCursor, errRange, errLarge, errUnfinished,
}

// fail turns a backend's error into a WIT error, which is text in this interface. names are the guest's names, if known: a
// container, and an object in it.
func fail(ctx context.Context, err error, names ...string) error {
	if err == nil {
		return nil
	}
	text, cause, ok := backend.Failure(ctx, err, guestErrors...)
	switch {
	case !ok:
		return cause
	case err == ErrAccessDenied: // not granted: the text says it all
		return cm.Fail(text)
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
type store struct {
	routes map[string]*granted
	denied func(ctx context.Context, name string) // tells the operator of a container that is not granted
}

// granted is a store with the name of its backend, or of its type. Containers of one store have the same.
type granted struct {
	Store
	system string
}

// storeOf returns the store of a container. Observers are told of it, as not all calls have a resource of the container's.
func (s store) storeOf(ctx context.Context, container string) (*granted, error) {
	r := s.routes[container]
	if r == nil {
		r = s.routes[backend.Default]
	}
	if r == nil {
		s.denied(ctx, container)
		return nil, ErrAccessDenied
	}
	host.StoreCallFrom(ctx).ReachesCollection(r.system, container)
	return r, nil
}

// system is that of all containers of the component; empty where there are several, or none.
func (s store) system() (system string) {
	for _, r := range s.routes {
		if system != "" && r.system != system {
			return ""
		}
		system = r.system
	}
	return system
}

// create makes a container, and returns it.
func (s store) create(ctx context.Context, name string) (container, error) {
	in, err := s.storeOf(ctx, name)
	if err != nil {
		return container{}, err
	}
	if err := in.CreateContainer(ctx, name); err != nil {
		return container{}, err
	}
	return newContainer(ctx, in, name)
}

// find returns a container that is there.
func (s store) find(ctx context.Context, name string) (container, error) {
	in, err := s.storeOf(ctx, name)
	if err != nil {
		return container{}, err
	}
	if _, err := in.Container(ctx, name); err != nil {
		return container{}, err
	}
	return newContainer(ctx, in, name)
}

func (s store) remove(ctx context.Context, name string) error {
	in, err := s.storeOf(ctx, name)
	if err != nil {
		return err
	}
	return in.DeleteContainer(ctx, name)
}

func (s store) exists(ctx context.Context, name string) (bool, error) {
	in, err := s.storeOf(ctx, name)
	if err != nil {
		return false, err
	}
	_, err = in.Container(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CreateContainer implements bindings.Blobstore.
func (s store) CreateContainer(ctx context.Context, name string) (bindings.Container, error) {
	c, err := s.create(ctx, name)
	if err != nil {
		return nil, fail(ctx, err, name)
	}
	return c, nil
}

// GetContainer implements bindings.Blobstore.
func (s store) GetContainer(ctx context.Context, name string) (bindings.Container, error) {
	c, err := s.find(ctx, name)
	if err != nil {
		return nil, fail(ctx, err, name)
	}
	return c, nil
}

// DeleteContainer implements bindings.Blobstore.
func (s store) DeleteContainer(ctx context.Context, name string) error {
	return fail(ctx, s.remove(ctx, name), name)
}

// ContainerExists implements bindings.Blobstore.
func (s store) ContainerExists(ctx context.Context, name string) (bool, error) {
	there, err := s.exists(ctx, name)
	return there, fail(ctx, err)
}

// location is an object's place in a store.
type location struct {
	store             *granted
	container, object string
}

func (s store) location(ctx context.Context, container, object string) (location, error) {
	in, err := s.storeOf(ctx, container)
	return location{in, container, object}, err
}

// copy copies an object, and removes it where it was if move is set. Both places may be the same.
func (s store) copy(ctx context.Context, src, dest bindings.ObjectID, move bool) error {
	from, err := s.location(ctx, src.Container, src.Object)
	if err != nil {
		return err
	}
	to, err := s.location(ctx, dest.Container, dest.Object)
	if err != nil {
		return err
	}
	if move && src == dest {
		_, err := from.store.Stat(ctx, src.Container, src.Object)
		return err
	}
	if err := from.copyTo(ctx, to); err != nil || !move {
		return err
	}
	return from.store.Delete(ctx, src.Container, src.Object)
}

// CopyObject implements bindings.Blobstore.
func (s store) CopyObject(ctx context.Context, src, dest bindings.ObjectID) error {
	return fail(ctx, s.copy(ctx, src, dest, false))
}

// MoveObject implements bindings.Blobstore.
func (s store) MoveObject(ctx context.Context, src, dest bindings.ObjectID) error {
	return fail(ctx, s.copy(ctx, src, dest, true))
}

// copyTo copies an object to another location, by the store's own Copy if it has one.
func (p location) copyTo(ctx context.Context, to location) error {
	if c, can := p.store.Store.(Copier); can && p.store == to.store {
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
