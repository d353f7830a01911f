package component

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

func goHostFunc(t *cm.FuncType, f any) (cm.HostFunc, error) { panic("unwritten") }

// Invoke is Call with Go values.
func (f *Func) Invoke(ctx context.Context, args ...any) (any, error) { panic("unwritten") }
