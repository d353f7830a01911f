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
	return random.Within(cm.AccountOf(ctx), n, random.Bytes)
}

func (secure) GetRandomU64(context.Context) (uint64, error) { return random.Uint64(), nil }

type insecure struct{}

func (insecure) GetInsecureRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return random.Within(cm.AccountOf(ctx), n, random.InsecureBytes)
}

func (insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	return random.InsecureUint64(), nil
}

// seed is the value that an instance has, the same whenever it asks: until it is reset, which makes another instance of it.
type seed struct{ _ byte }

func (s *seed) InsecureSeed(ctx context.Context) (cm.Tuple2[uint64, uint64], error) {
	return component.StoreValue(ctx, s, func() any { return random.NewSeed() }).(random.Seed), nil
}
