package core

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"
)

// ResetError says why a group cannot be set back.
type ResetError struct {
	// Reason is one of few words for attributes: those of Info.NotResettable, "memory-grown", "closed", and what the layers
	// above add.
	Reason string
	Detail string // for people
}

// Error is the reason with its detail.
func (e *ResetError) Error() string {
	if e.Detail == "" {
		return "cannot be reset: " + e.Reason
	}
	return "cannot be reset: " + e.Reason + ": " + e.Detail
}

// Snapshot is the state of instances of one group at one moment: the bytes of their memories and the values of their mutable globals.
// It has no tables and segments: a module whose code changes those has no snapshot.
//
// A Snapshot belongs to its group and must not be used once that is closed.
type Snapshot struct {
	group    *Group
	images   *Images
	memories []savedMemory
	globals  []savedGlobal
}

type savedMemory struct {
	inst  *Instance // that defines it
	lm    *linearMemory
	image *image
	pages pageUse
}

type savedGlobal struct {
	module *Module
	global api.MutableGlobal
	value  uint64
}

// Images are the memory images that the snapshots of one program share, taken at the same point of a store's life. The zero
// Images is empty. Safe for concurrent use.
type Images struct {
	mu  sync.Mutex
	all []*image // by number of the memory
}

// Bytes is the memory that the images take, whatever the number of instances that share them.
func (im *Images) Bytes() uint64 {
	im.mu.Lock()
	defer im.mu.Unlock()
	var n uint64
	for _, i := range im.all {
		if i != nil {
			n += uint64(len(i.bytes))
		}
	}
	return n
}

// NewSnapshot begins a snapshot of g, with nothing in it. Images of memories that equal those in images, byte for byte,
// are shared.
func (g *Group) NewSnapshot(images *Images) *Snapshot {
	return &Snapshot{group: g, images: images}
}

// Snapshot takes all instances of the group. No guest code may be running.
func (g *Group) Snapshot(images *Images) (*Snapshot, error) {
	s := g.NewSnapshot(images)
	g.mu.Lock()
	instances := slices.Clone(g.instances)
	g.mu.Unlock()
	for _, i := range instances {
		if err := s.Add(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Add takes an instance of the group as it is now; an error is a *ResetError, or the system's. An imported memory is taken with the
// instance that defines it.
func (s *Snapshot) Add(i *Instance) error {
	if why := i.module.info.NotResettable; len(why) > 0 {
		return &ResetError{Reason: why[0]}
	}
	if i.module.rewrite.Memory != nil {
		if err := s.addMemory(i); err != nil {
			return err
		}
	}
	for _, g := range i.module.rewrite.Globals {
		m, ok := i.mod.ExportedGlobal(g.Name).(api.MutableGlobal)
		if !ok {
			return &ResetError{Reason: "bug", Detail: fmt.Sprintf("global %d is not there; please report this", g.Index)}
		}
		s.globals = append(s.globals, savedGlobal{i.module, m, m.Get()})
	}
	return nil
}

func (s *Snapshot) addMemory(i *Instance) error {
	lm := i.memory.lm
	n := len(s.memories)
	s.images.mu.Lock()
	for len(s.images.all) <= n {
		s.images.all = append(s.images.all, nil)
	}
	img, shared := s.images.all[n], true
	s.images.mu.Unlock()
	if img == nil || !img.equals(lm) {
		var err error
		if img, err = newImage(lm); err != nil {
			return fmt.Errorf("memory image: %w", err)
		}
		s.images.mu.Lock()
		if shared = s.images.all[n] == nil; shared {
			s.images.all[n] = img
		}
		s.images.mu.Unlock()
	}
	if err := img.attach(lm); err != nil {
		return fmt.Errorf("memory image: %w", err)
	}
	if !shared {
		img.settle()
	}
	s.memories = append(s.memories, savedMemory{inst: i, lm: lm, image: img})
	return nil
}

// Reset sets the group back to the snapshot, which must be its own: the length and bytes of memories, and the values of globals. Fuel
// and MemoryPeak count from here. No guest code may be running. After an error, a *ResetError with the reason, the group can only be
// closed.
func (g *Group) Reset(s *Snapshot) error {
	if g.closed.Load() {
		return &ResetError{Reason: "closed"}
	}
	for k := range s.memories {
		m := &s.memories[k]
		if err := m.reset(); err != nil {
			return err
		}
	}
	for _, x := range s.globals {
		x.global.Set(x.value)
	}
	runtime.KeepAlive(s)
	used := int64(g.Fuel())
	g.mu.Lock()
	g.base += used
	g.fuelEnd.Add(used)
	g.mu.Unlock()
	g.peak.Store(g.memory.Load())
	return nil
}

func (m *savedMemory) reset() error {
	size, was := len(m.image.bytes), m.lm.bytes
	if len(was) > size {
		if err := m.truncate(size); err != nil {
			return err
		}
	}
	return m.image.restore(m.lm, was, &m.pages)
}

// copyBack sets a memory back to the bytes of an image that it is no shorter than, and to zeroes behind them. Resets use it where the
// system neither reports written pages nor shares the others.
func copyBack(was, image []byte) { clear(was[copy(was, image):]) }

// truncate makes a memory shorter. WebAssembly has no such operation, and wazero keeps copies of the length; it updates them after a
// growth, so truncate lets it grow the memory and returns the shorter bytes. wazero allows that only below the memory's maximum: a
// memory that has grown up to it keeps its length.
func (m *savedMemory) truncate(size int) error {
	lm := m.lm
	was := lm.bytes
	memory := m.inst.mod.Memory()
	lm.shrink, lm.bytes = true, lm.bytes[:size:size]
	_, ok := memory.Grow(1)
	lm.shrink = false
	if !ok || memory.Size() != uint32(size) {
		lm.bytes = was
		return &ResetError{Reason: "memory-grown", Detail: fmt.Sprintf(
			"the memory has grown from %d bytes to its maximum of %d", size, len(was))}
	}
	lm.group.give(uint64(len(was) - size))
	return nil
}

// Check compares the group with the snapshot and says the first difference; nil if there is none. It is for tests.
func (s *Snapshot) Check() error {
	for n, m := range s.memories {
		a, b := m.lm.bytes, m.image.bytes
		if len(a) != len(b) || m.inst.mod.Memory().Size() != uint32(len(b)) {
			return fmt.Errorf("memory %d has %d bytes (wazero: %d), wanted %d", n, len(a), m.inst.mod.Memory().Size(), len(b))
		}
		for i := range a {
			if a[i] != b[i] {
				return fmt.Errorf("memory %d at 0x%x is 0x%x, wanted 0x%x", n, i, a[i], b[i])
			}
		}
	}
	for n, x := range s.globals {
		if v := x.global.Get(); v != x.value {
			return fmt.Errorf("global %d is 0x%x, wanted 0x%x", n, v, x.value)
		}
	}
	return nil
}
