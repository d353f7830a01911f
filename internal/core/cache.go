package core

import (
	"context"

	"github.com/tetratelabs/wazero"
)

type diskCache struct{ wazero wazero.CompilationCache }

func openDiskCache(dir string, most int64) (*diskCache, error) {
	c, err := wazero.NewCompilationCacheWithDir(dir)
	return &diskCache{c}, err
}

func (d *diskCache) close(ctx context.Context) error { return d.wazero.Close(ctx) }

func (d *diskCache) compile(ctx context.Context, compile func(context.Context, []byte) (wazero.CompiledModule, error), code []byte) (wazero.CompiledModule, bool, error) {
	c, err := compile(ctx, code)
	return c, false, err
}
