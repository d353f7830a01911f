package component

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/internal/private"
	"github.com/vitrine-wasm/vitrine/wit"
)

// Option configures an Engine.
type Option func(*engineOptions)

// engineOptions is what the options of an Engine set.
type engineOptions struct {
	core   core.Config
	budget uint64 // of memory; 0: none
}

// WithCacheDir keeps compiled code in dir between processes. The directory is content-addressed, bounded and safe to
// share with other processes. Only this user may be able to write to it, because its code runs in this process: code that others could have
// written is not run, and reported as an *[UntrustedCacheError]; by NewEngine if it is the directory itself.
func WithCacheDir(dir string) Option { return func(o *engineOptions) { o.core.CacheDir = dir } }

// WithCacheWarning has f called with an *[UntrustedCacheError] for compiled code in the cache that is not used. f is called from any
// goroutine.
func WithCacheWarning(f func(error)) Option {
	return func(o *engineOptions) {
		o.core.CacheWarning = f
		if f != nil {
			o.core.CacheWarning = func(err error) { f(cacheError(err)) }
		}
	}
}

// UntrustedCacheError says which folder or file of a cache other users could have changed, and why.
type UntrustedCacheError struct{ Path, Why string }

// Error names the folder or file, and the reason.
func (e *UntrustedCacheError) Error() string { return e.Path + " " + e.Why }

// cacheError is err, as an *UntrustedCacheError if the engine's is in it.
func cacheError(err error) error {
	var untrusted *private.Error
	if !errors.As(err, &untrusted) {
		return err
	}
	return &UntrustedCacheError{untrusted.Path, untrusted.Why}
}

// Engine compiles components and shares compiled code. Safe for concurrent use.
type Engine struct {
	core  *core.Engine
	pools pools
}

// NewEngine makes an engine.
func NewEngine(ctx context.Context, opts ...Option) (*Engine, error) {
	var c engineOptions
	for _, o := range opts {
		o(&c)
	}
	e := &Engine{}
	if c.budget > 0 {
		c.core.Budget = cm.NewBudget(c.budget, e.pools.reclaim)
	}
	var err error
	if e.core, err = core.NewEngine(ctx, c.core); err != nil {
		return nil, cacheError(err)
	}
	return e, nil
}

// Close releases the engine; close every Instance first.
func (e *Engine) Close(ctx context.Context) error { return e.core.Close(ctx) }

// Component is a decoded and validated component. Immutable; safe for concurrent use.
type Component struct {
	name    string
	parts   []plan.Part
	linkers map[string]*Linker // of parts that have one of their own
}

// Name is the path of the component in boundaries and messages.
func (c *Component) Name() string { return c.name }

// Feature is a part of the Component Model that its specification has not settled. A component that uses it has to be loaded with it.
type Feature string

// The features.
const (
	FeatureThreads      Feature = "threads"       // cooperative threads: thread.new-indirect and what comes with it
	FeatureStackful     Feature = "stackful"      // asynchronous lifts without a callback, which block with their stack
	FeatureErrorContext Feature = "error-context" // the type and its built-ins
)

// Features are all features.
var Features = []Feature{FeatureThreads, FeatureStackful, FeatureErrorContext}

// Load decodes and validates a component, which may use features. name is its path in boundaries and messages ("cart"). The
// bytes are kept; do not change them. A refusal is a *[LoadError]; if ctx has ended, the error is its cause.
func (e *Engine) Load(ctx context.Context, name string, wasm []byte, features ...Feature) (*Component, error) {
	return load(ctx, nil, name, wasm, features)
}

// Load is [Engine.Load] with the operations "decode" and "validate" shown to the linker's interceptor.
func (l *Linker) Load(ctx context.Context, name string, wasm []byte, features ...Feature) (*Component, error) {
	return load(ctx, l.interceptor, name, wasm, features)
}

func load(ctx context.Context, i cm.Interceptor, name string, wasm []byte, features []Feature) (*Component, error) {
	allow := map[validate.Feature]bool{}
	for _, f := range features {
		if !slices.Contains(Features, f) {
			return nil, fmt.Errorf("%s: there is no feature %q; there are %q", name, f, Features)
		}
		allow[validate.Feature(f)] = true
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	op := &cm.Operation{Name: "decode", Component: cm.Path(name)}
	op.Set("size", int64(len(wasm)))
	_, end := cm.Begin(ctx, i, op)
	def, err := binary.Decode(wasm)
	var malformed *binary.Error
	if errors.As(err, &malformed) && malformed.Kind == binary.KindLimit {
		err = cm.Limited("componentSize", err)
	}
	end(err)
	if err != nil {
		return nil, loadError(name, err)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	_, end = cm.Begin(ctx, i, &cm.Operation{Name: "validate", Component: cm.Path(name)})
	err = validate.Component(def, validate.Options{Allow: allow})
	var invalid *validate.Error
	if errors.As(err, &invalid) && invalid.Limit {
		err = cm.Limited("typeGraph", err)
	}
	end(err)
	if err != nil {
		return nil, loadError(name, err)
	}
	return &Component{name: name, parts: []plan.Part{{Name: name, Component: def}}}, nil
}

// Part is one component of a composition made at run time.
type Part struct {
	Name      string            // its path in boundaries
	Component *Component        // what runs
	Links     map[string]string // import name (the version may be left out) → Name of the part that serves it
	// Linker serves the imports of this part that no link serves; nil is the linker of the whole composition. Parts with linkers
	// of their own have settings and grants of their own. Its interceptor is not used, but that of the whole.
	Linker *Linker
}

// Compose links parts to one component, as if they had been composed statically: the first part's exports are the
// whole's exports, imports that no link serves are the whole's imports. A link to an unknown part, a link that the part
// does not import, a part that is itself composed at run time, and two parts of one name are errors here; a cycle and an
// export that is missing or does not fit are errors at Link.
func (e *Engine) Compose(_ context.Context, name string, parts []Part) (*Component, error) {
	out := &Component{name: name, linkers: map[string]*Linker{}}
	index := map[string]int{}
	for i, p := range parts {
		if _, dup := index[p.Name]; dup {
			return nil, fmt.Errorf("%s: two parts are named %q", name, p.Name)
		}
		if len(p.Component.parts) != 1 {
			return nil, fmt.Errorf("%s: part %q is composed at run time itself; give its parts", name, p.Name)
		}
		index[p.Name] = i
	}
	for _, p := range parts {
		def := p.Component.parts[0].Component
		links := map[string]int{}
		for want, target := range p.Links {
			i, ok := index[target]
			if !ok {
				return nil, fmt.Errorf("%s: link %q of %q: there is no component %q", name, want, p.Name, target)
			}
			imports := importNames(def)
			found := linkedImports(imports, want)
			if len(found) == 0 {
				return nil, fmt.Errorf("%s: link %q of %q: it has no such import; it imports %s", name, want, p.Name, strings.Join(imports, ", "))
			}
			for _, f := range found {
				links[f] = i
			}
		}
		if p.Linker != nil {
			out.linkers[p.Name] = p.Linker
		}
		out.parts = append(out.parts, plan.Part{Name: p.Name, Component: def, Links: links})
	}
	return out, nil
}

// Imports are the interfaces that the component imports, as it names them, in their order.
func (c *Component) Imports() []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, d := range c.parts[0].Component.Defs {
		if im, ok := d.(*binary.Import); ok && im.Desc.Sort == binary.SortInstance {
			out = appendID(out, im.Name.Name)
		}
	}
	return out
}

// Exports are the interfaces that the component exports, as it names them, in their order. Of components that were composed at run time
// both are the first part's.
func (c *Component) Exports() []wit.InterfaceID {
	var out []wit.InterfaceID
	for _, d := range c.parts[0].Component.Defs {
		if x, ok := d.(*binary.Export); ok && x.Sort == binary.SortInstance {
			out = appendID(out, x.Name.Name)
		}
	}
	return out
}

// appendID appends the interface of a name, unless the name is of another kind.
func appendID(ids []wit.InterfaceID, name string) []wit.InterfaceID {
	if id, err := wit.ParseID(name); err == nil {
		ids = append(ids, id)
	}
	return ids
}

// importNames lists a component's imports as written.
func importNames(c *binary.Component) []string {
	var out []string
	for _, d := range c.Defs {
		if im, ok := d.(*binary.Import); ok {
			out = append(out, im.Name.Name)
		}
	}
	sort.Strings(out)
	return out
}

// linkedImports finds the imports that a link names: exactly, or every version where the link has none.
func linkedImports(imports []string, want string) []string {
	var out []string
	for _, name := range imports {
		if name == want {
			return []string{name}
		}
		if id, err := wit.ParseID(name); err == nil && id.Unversioned().String() == want {
			out = append(out, name)
		}
	}
	return out
}

// plan flattens the component. modules may be nil.
func (c *Component) plan(modules plan.HostModules) (*plan.Program, error) {
	p, err := plan.Make(c.parts, coreImports, modules)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return p, nil
}

// Boundaries are the component's edges as far as they are known without linking it: all of them. It works for
// components that this engine cannot run, too.
func (c *Component) Boundaries() ([]*cm.Boundary, error) {
	p, err := c.plan(nil)
	if err != nil {
		return nil, err
	}
	return p.Boundaries, nil
}

// Unsupported names the features that the component needs and this engine does not run; empty if it can be run.
func (c *Component) Unsupported() ([]string, error) {
	p, err := c.plan(nil)
	if err != nil {
		return nil, err
	}
	return p.Unsupported, nil
}

func coreImports(module []byte) ([]plan.CoreImport, error) {
	names, err := core.ImportNames(module)
	if err != nil {
		return nil, err
	}
	out := make([]plan.CoreImport, len(names))
	for i, im := range names {
		out[i] = plan.CoreImport{Module: im.Module, Field: im.Field}
	}
	return out, nil
}
