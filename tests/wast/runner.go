package wast

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
	"github.com/vitrine-wasm/vitrine/wit"
)

// commandTimeout ends a command that hangs; it fails.
const commandTimeout = 60 * time.Second

// Run runs the commands of a script in order. Commands that depend on one that was skipped are skipped, those that depend on
// one that failed fail.
func Run(ctx context.Context, e *component.Engine, s *Script, features ...component.Feature) []Result {
	r := &runner{
		engine: e, linker: e.NewLinker(nil), script: s, features: features,
		definitions: map[string]definition{}, instances: map[string]instance{},
	}
	newFixture(r.linker)
	defer r.close(ctx)
	out := make([]Result, 0, len(s.Commands))
	for i := range s.Commands {
		c := &s.Commands[i]
		res := Result{Line: c.Line, Form: c.Type, Outcome: Passed}
		cctx, cancel := context.WithTimeout(ctx, commandTimeout)
		err := r.guarded(cctx, c, &res)
		cancel()
		var skip *skipError
		switch {
		case errors.As(err, &skip):
			res.Outcome, res.Why, res.Gated = Skipped, skip.why, skip.gated
		case err != nil:
			res.Outcome, res.Why = Failed, err.Error()
		}
		out = append(out, res)
	}
	return out
}

// skipError says that a command needs a feature that the engine does not support.
type skipError struct {
	why   string
	gated bool // it needs a feature that the run has off
}

func (e *skipError) Error() string { return e.why }

// definition is a loaded component, or the error.
type definition struct {
	component *component.Component
	err       error
}

// instance is an instance, or the error.
type instance struct {
	running *component.Instance
	err     error
}

// runner is the state of one script. The empty name is the latest definition or instance.
type runner struct {
	engine      *component.Engine
	linker      *component.Linker
	script      *Script
	definitions map[string]definition
	instances   map[string]instance
	open        []*component.Instance
	features    []component.Feature // that components may use
}

func (r *runner) close(ctx context.Context) {
	for i := len(r.open) - 1; i >= 0; i-- { // later ones may import from earlier ones
		_ = r.open[i].Close(ctx)
	}
}

// guarded runs a command; a panic fails the command and not the run.
func (r *runner) guarded(ctx context.Context, c *Command, res *Result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.command(ctx, c, res)
}

func (r *runner) command(ctx context.Context, c *Command, res *Result) error {
	switch c.Type {
	case "module":
		d := r.define(ctx, c)
		return r.instantiate(ctx, d, c.Name)
	case "module_definition":
		return r.define(ctx, c).err
	case "module_instance":
		d, ok := r.definitions[c.Module]
		if !ok {
			return fmt.Errorf("there is no definition %q", c.Module)
		}
		return r.instantiate(ctx, d, c.Instance)
	case "register":
		i, err := r.instance(c.Name)
		if err == nil {
			r.linker.Serve(c.As, i)
		}
		return err
	case "action":
		_, _, err := r.act(ctx, c.Action)
		return err
	case "assert_return":
		return r.assertReturn(ctx, c)
	case "assert_trap", "assert_exhaustion", "assert_uninstantiable":
		return r.assertTrap(ctx, c, res)
	case "assert_unlinkable":
		return r.assertUnlinkable(ctx, c, res)
	case "assert_invalid", "assert_malformed":
		return r.assertRefused(ctx, c, res)
	}
	return &skipError{why: "the form " + c.Type + " is not run"}
}

// load loads the component of a command.
func (r *runner) load(ctx context.Context, c *Command) (*component.Component, error) {
	wasm, err := r.script.Bytes(c)
	if err != nil {
		return nil, err
	}
	if len(wasm) >= 8 && string(wasm[:8]) == "\x00asm\x01\x00\x00\x00" {
		return nil, &skipError{why: "a core module: the engine runs components"}
	}
	name := c.Name
	if name == "" {
		name = fmt.Sprintf("line-%d", c.Line)
	}
	return r.engine.Load(ctx, name, wasm, r.features...)
}

// gated turns the error of an unsupported feature into a skip.
func gated(err error) error {
	var v *validate.Error
	if errors.As(err, &v) && v.Feature != "" {
		return &skipError{fmt.Sprintf("needs %s", v.Feature), slices.Contains(component.Features, component.Feature(v.Feature))}
	}
	var u *corewasm.UnsupportedError
	if errors.As(err, &u) {
		return &skipError{why: "needs " + u.Feature}
	}
	if l, ok := component.IsLinkError(err); ok {
		var needs []string
		for _, p := range l.Problems {
			if p.Unsupported == "" {
				return err
			}
			needs = append(needs, p.Unsupported)
		}
		return &skipError{why: "needs " + strings.Join(needs, ", ")}
	}
	return err
}

func (r *runner) define(ctx context.Context, c *Command) definition {
	comp, err := r.load(ctx, c)
	d := definition{comp, gated(err)}
	r.definitions[""] = d
	if c.Name != "" {
		r.definitions[c.Name] = d
	}
	return d
}

// instantiate makes an instance; one with a name can be imported from by it.
func (r *runner) instantiate(ctx context.Context, d definition, name string) error {
	i, err := r.start(ctx, d)
	made := instance{i, gated(err)}
	r.instances[""] = made
	if name != "" {
		r.instances[name] = made
		if err == nil {
			r.linker.Serve(name, i)
		}
	}
	return made.err
}

func (r *runner) start(ctx context.Context, d definition) (*component.Instance, error) {
	if d.err != nil {
		return nil, d.err
	}
	linked, err := r.linker.Link(ctx, d.component)
	if err != nil {
		return nil, err
	}
	i, err := linked.Instantiate(ctx)
	if err == nil {
		r.open = append(r.open, i)
	}
	return i, err
}

// instance finds an instance by its name.
func (r *runner) instance(name string) (*component.Instance, error) {
	i, ok := r.instances[name]
	if !ok {
		return nil, fmt.Errorf("there is no instance %q", name)
	}
	var skip *skipError
	if i.err != nil && !errors.As(i.err, &skip) {
		return nil, fmt.Errorf("instance %q was not made: %w", name, i.err)
	}
	return i.running, i.err
}

// act runs an action.
func (r *runner) act(ctx context.Context, a *Action) (*cm.FuncType, cm.Val, error) {
	if a.Type != "invoke" {
		return nil, cm.Val{}, &skipError{why: "the action " + a.Type + " is not run"}
	}
	i, err := r.instance(a.Module)
	if err != nil {
		return nil, cm.Val{}, err
	}
	f, err := i.Func(wit.InterfaceID{}, a.Field)
	if err != nil {
		return nil, cm.Val{}, err
	}
	t := f.Type()
	if len(t.Params) != len(a.Args) {
		return nil, cm.Val{}, fmt.Errorf("%s: the script gives %d arguments, the type is %s", a.Field, len(a.Args), t)
	}
	args := make([]cm.Val, len(a.Args))
	for k := range a.Args {
		if args[k], err = val(t.Params[k].Type, &a.Args[k]); err != nil {
			return nil, cm.Val{}, fmt.Errorf("%s: argument %d: %w", a.Field, k, err)
		}
	}
	// The task may go on after its result: nobody waits for that.
	running, err := f.Start(context.WithoutCancel(ctx), args...)
	if err != nil {
		return t, cm.Val{}, err
	}
	v, err := running.Result(ctx)
	return t, v, err
}

func (r *runner) assertReturn(ctx context.Context, c *Command) error {
	t, had, err := r.act(ctx, c.Action)
	if err != nil {
		return err
	}
	switch {
	case len(c.Expected) > 1:
		return fmt.Errorf("%s: the script expects %d results", c.Action.Field, len(c.Expected))
	case (t.Result == nil) != (len(c.Expected) == 0):
		return fmt.Errorf("%s: the script expects %d results, the type is %s", c.Action.Field, len(c.Expected), t)
	case t.Result == nil:
		return nil
	}
	want, err := val(t.Result, &c.Expected[0])
	if err != nil {
		return fmt.Errorf("%s: expected result: %w", c.Action.Field, err)
	}
	if d := diff(t.Result, want, had); d != "" {
		return fmt.Errorf("%s: %s", c.Action.Field, d)
	}
	return nil
}

// assertTrap expects an action, or the instantiation of a module, to trap.
func (r *runner) assertTrap(ctx context.Context, c *Command, res *Result) error {
	var err error
	if c.Action != nil {
		_, _, err = r.act(ctx, c.Action)
	} else {
		err = r.instantiate(ctx, r.define(ctx, c), "")
	}
	var trap *cm.Trap
	var skip *skipError
	switch {
	case err == nil:
		return fmt.Errorf("did not trap; expected: %s", c.Text)
	case errors.As(err, &skip):
		return err
	case !errors.As(err, &trap):
		return fmt.Errorf("expected a trap (%s), had: %w", c.Text, err)
	case trap.Code == cm.TrapBug || trap.Code == cm.TrapDeadline:
		return fmt.Errorf("expected another trap (%s), had: %w", c.Text, err)
	}
	res.worded(c.Text, err)
	return nil
}

// assertUnlinkable expects a valid component whose imports cannot be linked.
func (r *runner) assertUnlinkable(ctx context.Context, c *Command, res *Result) error {
	d := r.define(ctx, c)
	if d.err != nil {
		return fmt.Errorf("expected a valid component: %w", d.err)
	}
	_, err := r.linker.Link(ctx, d.component)
	if err == nil {
		return fmt.Errorf("was linked; expected: %s", c.Text)
	}
	if err := gated(err); !linkError(err) {
		return err
	}
	res.worded(c.Text, err)
	return nil
}

func linkError(err error) bool {
	_, ok := component.IsLinkError(err)
	return ok
}

// assertRefused expects a component to be refused. The error of an unsupported feature counts as well, though the script may
// mean another one.
func (r *runner) assertRefused(ctx context.Context, c *Command, res *Result) error {
	comp, err := r.load(ctx, c)
	if err == nil {
		err = r.engine.ValidateCode(ctx, comp)
	}
	var skip *skipError
	switch {
	case errors.As(err, &skip):
		return err
	case err == nil:
		return fmt.Errorf("was accepted; expected: %s", c.Text)
	}
	if !errors.Is(err, errText) {
		res.worded(c.Text, err)
	}
	return nil
}

// worded records whether the message has the script's text.
func (res *Result) worded(text string, err error) {
	has := strings.Contains(err.Error(), text)
	res.Wording = &has
	if !has {
		res.Why = fmt.Sprintf("expected %q, said %q", text, err.Error())
	}
}
