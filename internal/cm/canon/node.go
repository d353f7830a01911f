package canon

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// op is what lifting and lowering do at a node: the despecialised kind (CanonicalABI.md §Despecialization), with own ops
// for what has a fast path.
type op uint8

const (
	opBool op = iota + 1
	opS8
	opU8
	opS16
	opU16
	opS32
	opU32
	opS64
	opU64
	opF32
	opF64
	opChar
	opString
	opBytes      // list<u8>
	opList       // any other list, and map as a list of entries
	opFixedBytes // list<u8, n>
	opFixedList
	opRecord // record, tuple, entry of a map
	opVariant
	opEnum
	opFlags     // at most 32 labels
	opWideFlags // more: one i32 for each 32 labels
	opOwn
	opBorrow
	opAsync // stream, future, error-context
)

var scalarOps = map[cm.Kind]op{
	cm.KindBool: opBool, cm.KindS8: opS8, cm.KindU8: opU8, cm.KindS16: opS16, cm.KindU16: opU16, cm.KindS32: opS32,
	cm.KindU32: opU32, cm.KindS64: opS64, cm.KindU64: opU64, cm.KindF32: opF32, cm.KindF64: opF64, cm.KindChar: opChar,
	cm.KindString: opString, cm.KindEnum: opEnum, cm.KindOwn: opOwn, cm.KindBorrow: opBorrow,
	cm.KindStream: opAsync, cm.KindFuture: opAsync, cm.KindErrorContext: opAsync,
}

// node is one value type, compiled. Nodes form a graph without cycles; a type that occurs twice is one node.
type node struct {
	op      op
	kind    cm.Kind // the form that a lowered value must have
	typ     *cm.Type
	size    uint32
	align   uint32
	flat    uint32   // how many core values; meaningless for a type that spills
	fields  []*node  // record; variant: one for each case, nil where there is no payload
	offsets []uint32 // record
	elem    *node    // lists
	count   uint32   // fixed lists: length; enum and variant: cases; flags: labels; wide flags: words
	disc    uint32   // enum and variant: bytes of the case index
	payload uint32   // variant: offset of the payload
	mask    uint32   // flags: the bits that have labels; wide flags: those of the last word
}

// Compiler compiles the function types of one plan; they share the nodes of types that they have in common. Not safe for concurrent use.
type Compiler struct {
	table *types.Table
	nodes map[*cm.Type]*node
}

// NewCompiler makes a compiler that takes layouts from t.
func NewCompiler(t *types.Table) *Compiler {
	return &Compiler{table: t, nodes: map[*cm.Type]*node{}}
}

func (c *Compiler) node(t *cm.Type) (*node, error) {
	if n, ok := c.nodes[t]; ok {
		return n, nil
	}
	l, err := c.table.Layout(t) // before any recursion: it bounds the nesting
	if err != nil {
		return nil, err
	}
	n := &node{op: scalarOps[t.Kind], kind: t.Kind, typ: t, size: l.Size, align: l.Align, flat: uint32(len(l.Flat)),
		offsets: l.Offsets, disc: l.Discriminant, payload: l.Payload}
	if err := c.parts(n, t, l); err != nil {
		return nil, err
	}
	c.nodes[t] = n
	return n, nil
}

func (c *Compiler) parts(n *node, t *cm.Type, l *types.Layout) (err error) {
	switch t.Kind {
	case cm.KindRecord, cm.KindTuple:
		n.op = opRecord
		for _, f := range t.Fields {
			if err := c.part(n, f.Type); err != nil {
				return err
			}
		}
	case cm.KindVariant:
		for _, k := range t.Cases {
			if err := c.part(n, k.Type); err != nil {
				return err
			}
		}
		c.variant(n)
	case cm.KindOption:
		if err := c.part(n, nil); err != nil {
			return err
		}
		if err := c.part(n, t.Elem); err != nil {
			return err
		}
		c.variant(n)
	case cm.KindResult:
		if err := c.part(n, t.OK); err != nil {
			return err
		}
		if err := c.part(n, t.Err); err != nil {
			return err
		}
		c.variant(n)
	case cm.KindEnum:
		n.count = uint32(len(t.Labels))
	case cm.KindFlags:
		c.flags(n, len(t.Labels), l.Words)
	case cm.KindList:
		return c.list(n, t)
	case cm.KindMap:
		n.op = opList
		n.elem, err = c.node(&cm.Type{Kind: cm.KindTuple, Fields: []cm.Field{{Type: t.Key}, {Type: t.Elem}}})
		return err
	}
	if n.op == 0 {
		return fmt.Errorf("type of unknown kind %d", t.Kind)
	}
	return nil
}

func (c *Compiler) part(n *node, t *cm.Type) error {
	if t == nil {
		n.fields = append(n.fields, nil)
		return nil
	}
	p, err := c.node(t)
	n.fields = append(n.fields, p)
	return err
}

func (c *Compiler) variant(n *node) {
	n.op, n.count = opVariant, uint32(len(n.fields))
}

func (c *Compiler) flags(n *node, labels int, words uint32) {
	n.op, n.count = opFlags, uint32(labels)
	if words > 0 {
		n.op, n.count = opWideFlags, words
	}
	n.mask = ^uint32(0)
	if rest := labels % 32; rest != 0 {
		n.mask = 1<<rest - 1
	}
}

func (c *Compiler) list(n *node, t *cm.Type) (err error) {
	n.elem, err = c.node(t.Elem)
	if err != nil {
		return err
	}
	n.count = t.Len
	switch bytes := t.Elem.Kind == cm.KindU8; {
	case t.Len > 0 && bytes:
		n.op = opFixedBytes
	case t.Len > 0:
		n.op = opFixedList
	case bytes:
		n.op = opBytes
	default:
		n.op = opList
	}
	return nil
}
