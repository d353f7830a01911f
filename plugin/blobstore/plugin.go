package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Plugin serves wasi:blobstore 0.2.0-draft.
type Plugin struct {
	backend Backend

	mu    sync.Mutex
	bound map[Owner]int // bindings that were not released
}

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin over b.
func New(b Backend) *Plugin { return &Plugin{backend: b, bound: map[Owner]int{}} }

// Name implements host.Plugin.
func (*Plugin) Name() string { return "blobstore" }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.TypesID, bindings.ContainerID, bindings.BlobstoreID}
}

// Bind implements host.Plugin. The last release of an owner has the backend drop what is the owner's, if it is a [Dropper].
func (p *Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	owner := Owner{b.Workload.Namespace, b.Workload.Name, b.Component.Name}
	s, release := p.open(owner)
	bindings.AddTypes(l, s)
	bindings.AddContainer(l)
	bindings.AddBlobstore(l, s)
	return release, nil
}

// open opens an owner's store and counts a binding, until release is called.
func (p *Plugin) open(owner Owner) (s store, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s = store{p.backend.Store(owner)}
	d, ok := p.backend.(Dropper)
	if !ok {
		return s, nil
	}
	p.bound[owner]++
	return s, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.bound[owner]--; p.bound[owner] == 0 {
			delete(p.bound, owner)
			d.Drop(owner)
		}
	}
}

// fail makes a WIT error, which is text in this interface.
func fail(err error) error {
	if err == nil {
		return nil
	}
	return cm.FailFor(err.Error(), err)
}

// store implements the free functions of the interfaces for one component.
type store struct{ Store }

func (s store) CreateContainer(ctx context.Context, name string) (bindings.Container, error) {
	if err := s.Store.CreateContainer(ctx, name); err != nil {
		return nil, fail(err)
	}
	return newContainer(ctx, s.Store, name)
}

func (s store) GetContainer(ctx context.Context, name string) (bindings.Container, error) {
	if _, err := s.Container(ctx, name); err != nil {
		return nil, fail(err)
	}
	return newContainer(ctx, s.Store, name)
}

func (s store) DeleteContainer(ctx context.Context, name string) error {
	return fail(s.Store.DeleteContainer(ctx, name))
}

func (s store) ContainerExists(ctx context.Context, name string) (bool, error) {
	_, err := s.Container(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, fail(err)
}

func (s store) CopyObject(ctx context.Context, src, dest bindings.ObjectID) error {
	o, err := s.Get(ctx, src.Container, src.Object)
	if err != nil {
		return fail(err)
	}
	return fail(s.Put(ctx, dest.Container, dest.Object, o.Data))
}

func (s store) MoveObject(ctx context.Context, src, dest bindings.ObjectID) error {
	if src == dest {
		_, err := s.Get(ctx, src.Container, src.Object)
		return fail(err)
	}
	if err := s.CopyObject(ctx, src, dest); err != nil {
		return err
	}
	return fail(s.Delete(ctx, src.Container, src.Object))
}

// outgoing is an outgoing-value: it collects bytes, and goes to where write-data said once it is finished. One that is
// dropped unfinished leaves nothing.
type outgoing struct {
	data   bytes.Buffer
	opened bool
	to     []func(ctx context.Context, data []byte) error
	held   cm.Holding // for data and to
}

// Drop forgets what was written.
func (o *outgoing) Drop(context.Context) error {
	o.data, o.to = bytes.Buffer{}, nil
	o.held.Release()
	return nil
}

// write collects more bytes.
func (o *outgoing) write(ctx context.Context, p []byte) error {
	if o.data.Len()+len(p) > MaxObject {
		return fmt.Errorf("the object is larger than %d bytes", MaxObject)
	}
	if len(p) > o.data.Available() {
		before := o.data.Cap()
		if err := o.held.Hold(ctx, o.held.Bytes()+before+len(p)); err != nil {
			return err
		}
		o.data.Grow(len(p))
		// The buffer's own rule of growth has been asked for; what it came to is what is held.
		if err := o.held.Set(o.held.Bytes() - 2*before - len(p) + o.data.Cap()); err != nil {
			return err
		}
	}
	o.data.Write(p)
	return nil
}

func (s store) OutgoingValueNewOutgoingValue(context.Context) (bindings.OutgoingValue, error) {
	return &outgoing{}, nil
}

func (o *outgoing) OutgoingValueWriteBody(context.Context) (iop2.OutputStream, error) {
	if o.opened {
		return nil, cm.Fail(struct{}{})
	}
	o.opened = true
	return iop2.NewOutputStream(wasiio.NewFuncWriter(o.write)), nil
}

func (s store) OutgoingValueFinish(ctx context.Context, this bindings.OutgoingValue) error {
	o := this.(*outgoing)
	defer o.Drop(ctx) //nolint:errcheck // it never fails
	for _, put := range o.to {
		if err := put(ctx, o.data.Bytes()); err != nil {
			return fail(err)
		}
	}
	return nil
}

// incoming is an incoming-value.
type incoming struct {
	data []byte
	held cm.Holding
}

// Drop lets go of the bytes.
func (i *incoming) Drop(context.Context) error {
	i.data = nil
	i.held.Release()
	return nil
}

func (i *incoming) Size(context.Context) (uint64, error) { return uint64(len(i.data)), nil }

func (s store) IncomingValueIncomingValueConsumeSync(_ context.Context, this bindings.IncomingValue) ([]byte, error) {
	i := this.(*incoming)
	defer i.held.Release() // the bytes are the guest's as soon as this returns
	return i.data, nil
}

func (s store) IncomingValueIncomingValueConsumeAsync(_ context.Context, this bindings.IncomingValue) (iop2.InputStream, error) {
	i := this.(*incoming)
	return iop2.NewInputStream(&incomingStream{wasiio.NewFuncReader(bytes.NewReader(i.data).Read), i}), nil
}

// incomingStream is the bytes of a value, which it holds until it is closed.
type incomingStream struct {
	*wasiio.FuncReader
	of *incoming
}

func (s *incomingStream) Close() error {
	s.FuncReader = wasiio.NewFuncReader(func([]byte) (int, error) { return 0, nil })
	return s.of.Drop(context.Background())
}
