package core

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"weak"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// defaultTableLimit is how many elements the tables of a group may have where Limits say nothing.
const defaultTableLimit = 10_000_000

// Module is one compiled and rewritten core module. Safe for concurrent use.
type Module struct {
	engine   *Engine
	compiled wazero.CompiledModule
	rewrite  *corewasm.Result
	info     *Info
	sources  []int          // the sources that instantiation needs, ascending
	exports  map[string]int // index of info.Exports
	// memory says where exported memory comes from: the module itself, or the import at slot memorySlot.
	memorySlot *Slot
	lines      *lines // of source; nil: it has none
}

// Info describes the original module.
func (m *Module) Info() *Info { return m.info }

// moduleKey identifies compiled code: a digest of the module's bytes and of its slots.
type moduleKey [sha256.Size]byte

// moduleEntry is one compilation, under way or done. It does not keep the module: machine code goes when the last
// component and store that use it are gone.
type moduleEntry struct {
	wanted int                // how many Compiles wait for it; Engine.mu guards it
	giveUp context.CancelFunc // ends the compilation between two functions, when no Compile waits for it

	done chan struct{} // closed when the fields below are set
	m    weak.Pointer[Module]
	err  error
}

// errGivenUp is the error of a compilation that no Compile waits for any more.
var errGivenUp = errors.New("compiling was given up")

// Compile rewrites and compiles a module. cached says that no machine code had to be made: it came from the disk cache,
// or from an earlier Compile, since compiling the same bytes with the same options again returns the same *Module as long
// as it is referenced. A Module is not closed, but garbage-collected. The compilation ends early, between two functions, when the
// contexts of all its Compiles have ended.
func (e *Engine) Compile(ctx context.Context, wasm []byte, o CompileOptions) (m *Module, cached bool, err error) {
	key := keyOf(wasm, o.Slots)
	for {
		entry, mine, err := e.entry(key)
		if err != nil {
			return nil, false, err
		}
		if mine {
			if m, cached, err = e.compileEntry(ctx, key, entry, wasm, o); errors.Is(err, errGivenUp) {
				err = context.Cause(ctx)
			}
			return m, cached, err
		}
		select {
		case <-entry.done:
		case <-ctx.Done():
			e.leave(entry)
			return nil, false, context.Cause(ctx)
		}
		switch {
		case errors.Is(entry.err, errGivenUp):
			continue // the compilation had been given up
		case entry.err != nil:
			return nil, false, entry.err
		}
		if m := entry.m.Value(); m != nil {
			return m, true, nil
		}
		e.forget(key, entry)
	}
}

// entry finds the compilation of key, or begins one, which the caller then has to end.
func (e *Engine) entry(key moduleKey) (entry *moduleEntry, mine bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, errClosed
	}
	entry, ok := e.modules[key]
	if !ok {
		entry = &moduleEntry{done: make(chan struct{})}
		e.modules[key] = entry
	}
	entry.wanted++
	return entry, !ok, nil
}

// leave says that a Compile does not wait for a compilation any more.
func (e *Engine) leave(entry *moduleEntry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if entry.wanted--; entry.wanted == 0 && entry.giveUp != nil {
		entry.giveUp()
	}
}

// forget removes an entry, unless another has taken its place.
func (e *Engine) forget(key moduleKey, entry *moduleEntry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.modules[key] == entry {
		delete(e.modules, key)
	}
}

func (e *Engine) compileEntry(ctx context.Context, key moduleKey, entry *moduleEntry, wasm []byte, o CompileOptions) (*Module, bool, error) {
	defer close(entry.done)
	// Other Compiles may wait for this result, so it ends when all have left, not when this caller's context ends.
	work, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	e.mu.Lock()
	entry.giveUp = giveUp
	e.mu.Unlock()
	defer context.AfterFunc(ctx, func() { e.leave(entry) })()
	m, cached, err := e.compile(work, key, wasm, o)
	if err != nil {
		if work.Err() != nil {
			err = errGivenUp
		}
		entry.err = err
		e.forget(key, entry)
		return nil, false, err
	}
	entry.m = weak.Make(m)
	runtime.AddCleanup(m, func(c wazero.CompiledModule) {
		e.forget(key, entry)
		_ = c.Close(context.Background()) // it only forgets the code
	}, m.compiled)
	if m.lines != nil {
		runtime.AddCleanup(m, func(l weak.Pointer[lines]) { e.traced.CompareAndDelete(traceName(key), l) }, weak.Make(m.lines))
	}
	return m, cached, nil
}

func keyOf(wasm []byte, slots []Slot) (key moduleKey) {
	h := sha256.New()
	h.Write(wasm)
	var b []byte
	for _, s := range slots {
		b = binary.AppendVarint(b[:0], int64(s.Source))
		b = binary.AppendUvarint(b, uint64(len(s.Field)))
		h.Write(append(b, s.Field...))
	}
	h.Sum(key[:0])
	return key
}

func (e *Engine) compile(ctx context.Context, key moduleKey, wasm []byte, o CompileOptions) (m *Module, cached bool, err error) {
	m = &Module{engine: e, exports: map[string]int{}}
	slots := make([]corewasm.Slot, len(o.Slots))
	for i, s := range o.Slots {
		if s.Source < 0 {
			return nil, false, fmt.Errorf("import %d: source %d", i, s.Source)
		}
		slots[i] = corewasm.Slot{Module: "$" + strconv.Itoa(s.Source), Field: s.Field}
		m.sources = append(m.sources, s.Source)
	}
	slices.Sort(m.sources)
	m.sources = slices.Compact(m.sources)
	options := corewasm.Options{Slots: slots, Trace: traceName(key)}
	work := compilation{
		key: key, compile: e.wazeroCompile,
		rewrite:  func() (*corewasm.Result, error) { return corewasm.Rewrite(wasm, options) },
		skeleton: func(f corewasm.Facts) (*corewasm.Result, error) { return corewasm.Skeleton(wasm, options, f, key[:]) },
	}
	if e.disk != nil {
		m.compiled, m.rewrite, cached, err = e.disk.compile(ctx, work)
	} else if m.rewrite, err = work.rewrite(); err == nil {
		m.compiled, err = work.compile(ctx, m.rewrite.Wasm)
	}
	if err != nil {
		return nil, false, complexity(err)
	}
	m.rewrite.Wasm = nil // wazero keeps what it needs
	if m.rewrite.Traced {
		m.lines = newLines(wasm, options)
		e.traced.Store(options.Trace, weak.Make(m.lines))
	}
	m.info = newInfo(&m.rewrite.Info)
	for i, x := range m.info.Exports {
		m.exports[x.Name] = i
	}
	for i, x := range m.info.Imports {
		if x.Kind == MemoryExtern {
			slot := o.Slots[i]
			m.memorySlot = &slot
		}
	}
	return m, cached, nil
}

// Validate checks a module with all its code, without making machine code: an error says what is invalid, or which feature the engine
// lacks. Compile refuses the same modules.
func (e *Engine) Validate(ctx context.Context, wasm []byte) (err error) {
	info, err := corewasm.Inspect(wasm)
	if err != nil {
		return complexity(err)
	}
	// wazero validates the rewritten module, because it refuses the empty module names that components use.
	r, err := corewasm.Rewrite(wasm, corewasm.Options{Slots: slices.Repeat([]corewasm.Slot{{Module: "$0"}}, len(info.Imports))})
	if err != nil {
		return complexity(err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("core module: compiler failed: %v", r)
		}
	}()
	c, err := e.validator().CompileModule(compileContext(ctx), r.Wasm)
	if err != nil {
		return fmt.Errorf("core module: %w", err)
	}
	return c.Close(ctx)
}

// complexity marks an error that comes from the limit of code complexity.
func complexity(err error) error {
	var c *corewasm.ComplexityError
	if errors.As(err, &c) {
		return cm.Limited("codeComplexity", err)
	}
	return err
}

// wazeroCompile compiles. A panic of wazero's is an error here: it may be a module that wazero wrongly accepts.
func (e *Engine) wazeroCompile(ctx context.Context, code []byte) (c wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("core module: compiler failed: %v", r)
		}
	}()
	c, err = e.runtime.CompileModule(compileContext(ctx), code)
	if err != nil {
		return nil, fmt.Errorf("core module: %w", err)
	}
	return c, nil
}
