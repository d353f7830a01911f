package canon

import "github.com/vitrine-wasm/vitrine/cm"

// Elem is the type of a stream's or future's elements, compiled. The nil *Elem is that of elements of no type.
type Elem struct{ node *node }

// Elem prepares t, which may be nil.
func (c *Compiler) Elem(t *cm.Type) (*Elem, error) {
	if t == nil {
		return nil, nil
	}
	n, err := c.node(t)
	return &Elem{n}, err
}

// Size is the distance in bytes between two elements.
func (e *Elem) Size() uint32 {
	if e == nil {
		return 0
	}
	return e.node.size
}

// Flat says that elements are numbers, whose bytes may be copied.
func (e *Elem) Flat() bool { return e != nil && e.node.typ.IsNumber() }

// Check is a *cm.Trap unless ptr is aligned and n elements from it are in the memory (CanonicalABI.md §Buffer State).
func (e *Elem) Check(cx *Context, ptr, n uint32) error {
	if e == nil || n == 0 {
		return nil
	}
	cx.begin()
	return cx.check(ptr, e.node.align, uint64(n)*uint64(e.node.size), "buffer")
}

// Bytes is the memory of n elements at ptr, which has been checked; good until guest code runs.
func (e *Elem) Bytes(cx *Context, ptr, n uint32) []byte {
	cx.begin()
	size := n * e.node.size
	return cx.mem[ptr : ptr+size : ptr+size]
}

// Load reads n elements at ptr, which has been checked.
func (e *Elem) Load(cx *Context, ptr, n uint32) ([]cm.Val, error) {
	cx.beginLift()
	vs, err := cx.vals(n)
	for i := range vs {
		if err != nil {
			break
		}
		vs[i], err = e.node.load(cx, ptr+uint32(i)*e.node.size)
	}
	return vs, cx.where("element", err)
}

// Store writes elements to ptr, which has been checked. It calls Realloc for strings and lists.
func (e *Elem) Store(cx *Context, ptr uint32, vs []cm.Val) error {
	cx.begin()
	for i, v := range vs {
		if err := e.node.store(cx, v, ptr+uint32(i)*e.node.size); err != nil {
			return cx.where("element", err)
		}
	}
	return nil
}

// LoadString reads a string outside any call (load_string_from_range).
func LoadString(cx *Context, ptr, tagged uint32) (string, error) {
	cx.beginLift()
	v, err := cx.loadString(ptr, tagged)
	if err != nil {
		return "", err
	}
	return v.Str(), nil
}

// StoreString writes a string and where it is to ptr. It calls Realloc.
func StoreString(cx *Context, s string, ptr uint32) error {
	cx.begin()
	if err := cx.check(ptr, 4, 8, "string"); err != nil {
		return err
	}
	return cx.storePair(ptr, cm.StringVal(s), (*Context).lowerString)
}
