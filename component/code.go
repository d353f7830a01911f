package component

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// ValidateCode validates the core modules of a component, all their code included. Load leaves that to Link, which
// compiles what is instantiated; here every module counts, used or not. What it refuses is a *[LoadError].
func (e *Engine) ValidateCode(ctx context.Context, c *Component) error {
	for _, p := range c.parts {
		if err := e.validateCode(ctx, cm.Path(p.Name), p.Component); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) validateCode(ctx context.Context, path cm.Path, c *binary.Component) error {
	for _, d := range c.Defs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		switch d := d.(type) {
		case *binary.CoreModule:
			if err = e.core.Validate(ctx, d.Bytes); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				err = codeError(string(path), d.Pos, fmt.Errorf("core module at %#x: %w", d.Pos, err))
			}
		case *binary.NestedComponent:
			err = e.validateCode(ctx, path, d.Component)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
