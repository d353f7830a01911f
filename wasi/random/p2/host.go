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
	AddInsecureSeed(l, insecure{})
}

type secure struct{}

func (secure) GetRandomBytes(_ context.Context, n uint64) ([]byte, error) { return random.Bytes(n) }

func (secure) GetRandomU64(context.Context) (uint64, error) { return random.Uint64(), nil }

type insecure struct{}

func (insecure) GetInsecureRandomBytes(_ context.Context, n uint64) ([]byte, error) {
	return random.InsecureBytes(n)
}

func (insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	return random.InsecureUint64(), nil
}

func (insecure) InsecureSeed(context.Context) (cm.Tuple2[uint64, uint64], error) {
	return cm.Tuple2[uint64, uint64]{F0: random.InsecureUint64(), F1: random.InsecureUint64()}, nil
}
