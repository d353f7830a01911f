package core

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"

	"github.com/tetratelabs/wazero/experimental"
)

// State is the whole state of the instances of a group: what a Snapshot keeps, and what it assumes to be unchanged. It is read from
// wazero itself, independent of what resets assume, and is for tests.
type State struct{ instances []instanceState }

type instanceState struct {
	name     string
	memory   []byte // that the instance defines
	globals  []uint64
	tables   [][]uintptr // addresses in the engine, which only the group that they are of can compare
	segments []int       // lengths of passive data and elements; dropped ones have none
}

// State reads the group. Memories and tables are not copied: see Clone. No guest code may be running.
func (g *Group) State() *State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &State{}
	for n, i := range g.instances {
		is := instanceState{name: fmt.Sprintf("core instance %d", n)}
		if i.module.rewrite.Memory != nil {
			is.memory = i.memory.lm.bytes
		}
		if m, ok := i.mod.(experimental.InternalModule); ok {
			// The rewriter's own globals, the fuel that is left and those of the limit of tables, come last.
			for k := range m.NumGlobal() - i.ownGlobals() {
				is.globals = append(is.globals, m.Global(k).Get())
			}
		}
		v := reflect.Indirect(reflect.ValueOf(i.mod))
		for _, t := range elements(v.FieldByName("Tables")) {
			refs := reflect.Indirect(t).FieldByName("References").Interface().([]uintptr)
			is.tables = append(is.tables, refs)
		}
		for _, field := range []string{"DataInstances", "ElementInstances"} {
			for _, x := range elements(v.FieldByName(field)) {
				is.segments = append(is.segments, x.Len())
			}
		}
		s.instances = append(s.instances, is)
	}
	return s
}

// ownGlobals is how many globals the rewriter has added.
func (i *Instance) ownGlobals() (n int) {
	if i.module.rewrite.Fuel != "" {
		n++
	}
	return n
}

func elements(v reflect.Value) []reflect.Value {
	out := make([]reflect.Value, v.Len())
	for k := range out {
		out[k] = v.Index(k)
	}
	return out
}

// Clone copies memories and tables.
func (s *State) Clone() *State {
	c := &State{slices.Clone(s.instances)}
	for k := range c.instances {
		i := &c.instances[k]
		i.memory, i.tables = bytes.Clone(i.memory), slices.Clone(i.tables)
		for n := range i.tables {
			i.tables[n] = slices.Clone(i.tables[n])
		}
	}
	return c
}

// Diff returns the first difference of two states of one program; nil if there is none. Where they are of two groups, tables are
// compared by which elements there are.
func (s *State) Diff(o *State, sameGroup bool) error {
	if len(s.instances) != len(o.instances) {
		return fmt.Errorf("%d core instances, wanted %d", len(s.instances), len(o.instances))
	}
	for k := range s.instances {
		a, b := &s.instances[k], &o.instances[k]
		switch {
		case len(a.memory) != len(b.memory):
			return fmt.Errorf("%s: the memory has %d bytes, wanted %d", a.name, len(a.memory), len(b.memory))
		case !bytes.Equal(a.memory, b.memory):
			at := 0
			for a.memory[at] == b.memory[at] {
				at++
			}
			return fmt.Errorf("%s: the memory at 0x%x is 0x%x, wanted 0x%x", a.name, at, a.memory[at], b.memory[at])
		case !slices.Equal(a.globals, b.globals):
			return fmt.Errorf("%s: the globals are %x, wanted %x", a.name, a.globals, b.globals)
		case !slices.Equal(a.segments, b.segments):
			return fmt.Errorf("%s: the segments are %d, wanted %d", a.name, a.segments, b.segments)
		case !slices.EqualFunc(a.tables, b.tables, func(x, y []uintptr) bool {
			return slices.EqualFunc(x, y, func(r, q uintptr) bool {
				return r == q || !sameGroup && r != 0 && q != 0
			})
		}):
			return fmt.Errorf("%s: a table is another one", a.name)
		}
	}
	return nil
}

// Size is how many bytes of memory, globals and table elements there are.
func (s *State) Size() (memory, globals, elements int) {
	for _, i := range s.instances {
		memory += len(i.memory)
		globals += len(i.globals)
		for _, t := range i.tables {
			elements += len(t)
		}
	}
	return
}
