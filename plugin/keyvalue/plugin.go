package keyvalue

import (
	"context"
	"errors"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Plugin serves wasi:keyvalue 0.2.0-draft.
type Plugin struct {
	backend Backend

	mu    sync.Mutex
	bound map[Owner]int // bindings that were not released
}

var _ host.Plugin = (*Plugin)(nil)

// New makes a plugin that opens buckets in b.
func New(b Backend) *Plugin { return &Plugin{backend: b, bound: map[Owner]int{}} }

// Name implements host.Plugin.
func (*Plugin) Name() string { return "keyvalue" }

// Serves implements host.Plugin.
func (*Plugin) Serves() []wit.InterfaceID {
	return []wit.InterfaceID{bindings.StoreID, bindings.AtomicsID, bindings.BatchID}
}

// Bind implements host.Plugin. The last release of an owner has the backend drop what is the owner's, if it is a [Dropper].
func (p *Plugin) Bind(_ context.Context, l *component.Linker, b *host.Binding) (release func(), err error) {
	s := stores{p.backend, Owner{b.Workload.Namespace, b.Workload.Name, b.Component.Name}}
	bindings.AddStore(l, s)
	bindings.AddAtomics(l, s)
	bindings.AddBatch(l, s)
	return p.hold(s.owner), nil
}

// hold counts a binding of owner, until release is called.
func (p *Plugin) hold(owner Owner) (release func()) {
	d, ok := p.backend.(Dropper)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound[owner]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.bound[owner]--; p.bound[owner] == 0 {
			delete(p.bound, owner)
			d.Drop(owner)
		}
	}
}

// stores implements the free functions of the interfaces for one component.
type stores struct {
	backend Backend
	owner   Owner
}

// bucket is the resource; it implements bindings.Bucket.
type bucket struct{ Bucket }

// fail turns an error into a WIT error.
func fail(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoSuchStore):
		return cm.Fail(bindings.ErrorNoSuchStore())
	case errors.Is(err, ErrAccessDenied):
		return cm.Fail(bindings.ErrorAccessDenied())
	}
	return cm.FailFor(bindings.ErrorOther(err.Error()), err)
}

func (s stores) Open(ctx context.Context, name string) (bindings.Bucket, error) {
	b, err := s.backend.Open(ctx, s.owner, name)
	if err != nil {
		return nil, fail(err)
	}
	return bucket{b}, nil
}

func (b bucket) Get(ctx context.Context, key string) (*[]byte, error) {
	v, ok, err := b.Bucket.Get(ctx, key)
	if err != nil || !ok {
		return nil, fail(err)
	}
	return &v, nil
}

func (b bucket) Set(ctx context.Context, key string, value []byte) error {
	return fail(b.Bucket.Set(ctx, key, value))
}

func (b bucket) Delete(ctx context.Context, key string) error {
	return fail(b.Bucket.Delete(ctx, key))
}

func (b bucket) Exists(ctx context.Context, key string) (bool, error) {
	_, ok, err := b.Bucket.Get(ctx, key)
	return ok, fail(err)
}

func (b bucket) ListKeys(ctx context.Context, cursor *uint64) (bindings.KeyResponse, error) {
	var from uint64
	if cursor != nil {
		from = *cursor
	}
	keys, next, err := b.Keys(ctx, from)
	if err != nil {
		return bindings.KeyResponse{}, fail(err)
	}
	out := bindings.KeyResponse{Keys: keys}
	if next != 0 {
		out.Cursor = &next
	}
	return out, nil
}

func (stores) Increment(ctx context.Context, b bindings.Bucket, key string, delta uint64) (uint64, error) {
	n, err := b.(bucket).Bucket.Increment(ctx, key, delta)
	return n, fail(err)
}

func (stores) GetMany(ctx context.Context, b bindings.Bucket, keys []string) ([]*cm.Tuple2[string, []byte], error) {
	out := make([]*cm.Tuple2[string, []byte], len(keys))
	for i, k := range keys {
		v, ok, err := b.(bucket).Bucket.Get(ctx, k)
		if err != nil {
			return nil, fail(err)
		}
		if ok {
			out[i] = &cm.Tuple2[string, []byte]{F0: k, F1: v}
		}
	}
	return out, nil
}

func (stores) SetMany(ctx context.Context, b bindings.Bucket, kvs []cm.Tuple2[string, []byte]) error {
	for _, kv := range kvs {
		if err := b.(bucket).Bucket.Set(ctx, kv.F0, kv.F1); err != nil {
			return fail(err)
		}
	}
	return nil
}

func (stores) DeleteMany(ctx context.Context, b bindings.Bucket, keys []string) error {
	for _, k := range keys {
		if err := b.(bucket).Bucket.Delete(ctx, k); err != nil {
			return fail(err)
		}
	}
	return nil
}
