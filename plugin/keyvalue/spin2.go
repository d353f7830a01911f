package keyvalue

import (
	"context"

	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/bindings/spin2"
)

// spin implements key-value of fermyon:spin 2.0.0.
type spin struct{ stores }

var _ spin2.KeyValue = spin{}

var spin2Error = &guestError[spin2.Error]{spin2.ErrorNoSuchStore(), spin2.ErrorAccessDenied(), spin2.ErrorOther}

// StoreOpen implements spin2.KeyValue.
func (s spin) StoreOpen(ctx context.Context, label string) (spin2.Store, error) {
	o, err := s.open(ctx, label)
	if err != nil {
		return nil, spin2Error.fail(ctx, err)
	}
	return &spinStore{o}, nil
}

// spinStore is the resource; it implements spin2.Store.
type spinStore struct{ opened }

// Get implements spin2.Store.
func (s *spinStore) Get(ctx context.Context, key string) (*[]byte, error) {
	v, err := s.get(ctx, key)
	return v, spin2Error.fail(ctx, err)
}

// Set implements spin2.Store.
func (s *spinStore) Set(ctx context.Context, key string, value []byte) error {
	return spin2Error.fail(ctx, s.put(ctx, key, value))
}

// Delete implements spin2.Store.
func (s *spinStore) Delete(ctx context.Context, key string) error {
	return spin2Error.fail(ctx, s.remove(ctx, key))
}

// Exists implements spin2.Store.
func (s *spinStore) Exists(ctx context.Context, key string) (bool, error) {
	ok, err := s.exists(ctx, key)
	return ok, spin2Error.fail(ctx, err)
}

// GetKeys implements spin2.Store.
func (s *spinStore) GetKeys(ctx context.Context) ([]string, error) {
	keys, err := s.all(ctx)
	return keys, spin2Error.fail(ctx, err)
}
