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
	return withinAccount(ctx, n, random.Bytes)
}

// withinAccount makes n bytes if the account has room for them. They are charged only until the function returns.
func withinAccount(ctx context.Context, n uint64, of func(uint64) ([]byte, error)) ([]byte, error) {
	if a := cm.AccountOf(ctx); a.Available(n) < n && n <= random.MaxBytes {
		if err := a.Reserve(int(n)); err != nil {
			return nil, err
		}
		a.Release(int(n)) // there is room now
	}
	return of(n)
}

func (secure) GetRandomU64(context.Context) (uint64, error) { return random.Uint64(), nil }

type insecure struct{}

func (insecure) GetInsecureRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return withinAccount(ctx, n, random.InsecureBytes)
}

func (insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	return random.InsecureUint64(), nil
}

// seed gives an instance the same value at each call until it is reset.
type seed struct{ _ byte }

func (s *seed) InsecureSeed(ctx context.Context) (cm.Tuple2[uint64, uint64], error) {
	return component.StoreValue(ctx, s, func() any {
		return cm.Tuple2[uint64, uint64]{F0: random.InsecureUint64(), F1: random.InsecureUint64()}
	}).(cm.Tuple2[uint64, uint64]), nil
}
