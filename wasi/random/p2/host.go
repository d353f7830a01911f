package randomp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/random"
)

// Add defines wasi:random.
func Add(l *component.Linker) {
	AddRandom(l, secure{})
	AddInsecure(l, insecure{})
	AddInsecureSeed(l, &seed{})
}

type secure struct{}

func (secure) GetRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return within(ctx, n, random.Bytes)
}

// within makes n bytes if there is room for them in the account; they are the guest's as soon as the function returns.
func within(ctx context.Context, n uint64, of func(uint64) ([]byte, error)) ([]byte, error) {
	if a := cm.AccountOf(ctx); a.Room(n) < n && n <= random.MaxBytes {
		if err := a.Take(int(n)); err != nil {
			return nil, err
		}
		a.Give(int(n)) // somebody has made room meanwhile
	}
	return of(n)
}

func (secure) GetRandomU64(context.Context) (uint64, error) { return random.Uint64(), nil }

type insecure struct{}

func (insecure) GetInsecureRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return within(ctx, n, random.InsecureBytes)
}

func (insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	return random.InsecureUint64(), nil
}

// seed is the value that an instance has, the same whenever it asks: until it is reset, which makes another instance of it.
type seed struct{ _ byte }

func (s *seed) InsecureSeed(ctx context.Context) (cm.Tuple2[uint64, uint64], error) {
	return component.StoreValue(ctx, s, func() any {
		return cm.Tuple2[uint64, uint64]{F0: random.InsecureUint64(), F1: random.InsecureUint64()}
	}).(cm.Tuple2[uint64, uint64]), nil
}
