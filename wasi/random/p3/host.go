package randomp3

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

func (secure) GetRandomBytes(ctx context.Context, most uint64) ([]byte, error) {
	return upTo(ctx, most, random.Bytes)
}

// upTo makes as many bytes as there may be at once, and as there is room for, but one at least: who wants more asks again.
func upTo(ctx context.Context, most uint64, of func(uint64) ([]byte, error)) ([]byte, error) {
	a := cm.AccountOf(ctx)
	n := min(most, random.MaxBytes)
	return random.Within(a, max(a.Available(n), min(n, 1)), of)
}

func (secure) GetRandomU64(context.Context) (uint64, error) { return random.Uint64(), nil }

type insecure struct{}

func (insecure) GetInsecureRandomBytes(ctx context.Context, most uint64) ([]byte, error) {
	return upTo(ctx, most, random.InsecureBytes)
}

func (insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	return random.InsecureUint64(), nil
}

// seed is the value that an instance has, the same whenever it asks: until it is reset, which makes another instance of it.
type seed struct{ _ byte }

func (s *seed) GetInsecureSeed(ctx context.Context) (random.Seed, error) {
	return component.StoreValue(ctx, s, func() any { return random.NewSeed() }).(random.Seed), nil
}
