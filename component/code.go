package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/instance"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
)

// ValidateCode validates the core modules of a component, all their code included. Load leaves that to Link, which
// compiles what is instantiated; ValidateCode checks every module, used or not. A module that was compiled for one of linked is
// valid and is not checked again. The error is a *[LoadError].
func (e *Engine) ValidateCode(ctx context.Context, c *Component, linked ...*Linked) error {
	compiled := map[*byte]bool{} // by where a module's bytes begin
	for _, l := range linked {
		for _, m := range l.linked.Program.Modules {
			if len(m.Bytes) > 0 {
				compiled[&m.Bytes[0]] = true
			}
		}
	}
	for _, p := range c.parts {
		if err := e.validateCode(ctx, cm.Path(p.Name), p.Component, compiled); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) validateCode(ctx context.Context, path cm.Path, c *binary.Component, compiled map[*byte]bool) error {
	for _, d := range c.Defs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		switch d := d.(type) {
		case *binary.CoreModule:
			if len(d.Bytes) > 0 && compiled[&d.Bytes[0]] {
				continue
			}
			if err = e.core.Validate(ctx, d.Bytes); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				err = codeError(string(path), d.Pos, fmt.Errorf("core module at %#x: %w", d.Pos, err))
			}
		case *binary.NestedComponent:
			err = e.validateCode(ctx, path, d.Component, compiled)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refusal is the error of a program of c that could not be compiled: a *LoadError if the code is at fault.
func (c *Component) refusal(ctx context.Context, p *plan.Program, err error) error {
	var refused *instance.ModuleError
	var trap *cm.Trap // of an engine that is closed
	if !errors.As(err, &refused) || errors.As(err, &trap) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return codeError(string(refused.Path), c.position(p.Modules[refused.Module].Bytes), refused.Err)
}

// position is where a core module begins in the file that it is a part of, of those that c was made from.
func (c *Component) position(module []byte) int {
	for _, p := range c.parts {
		if pos, ok := positionIn(p.Component, module); ok {
			return pos
		}
	}
	return 0
}

func positionIn(c *binary.Component, module []byte) (int, bool) {
	for _, d := range c.Defs {
		switch d := d.(type) {
		case *binary.CoreModule:
			if len(module) > 0 && len(d.Bytes) > 0 && &d.Bytes[0] == &module[0] {
				return d.Pos, true
			}
		case *binary.NestedComponent:
			if pos, ok := positionIn(d.Component, module); ok {
				return pos, true
			}
		}
	}
	return 0, false
}
