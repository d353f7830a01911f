package types

import (
	"encoding/binary"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Table interns types and caches layouts. Each plan has its own, so that the cache ends with the plan. Safe for
// concurrent use.
type Table struct {
	mu        sync.Mutex
	layouts   map[*cm.Type]*Layout
	interned  map[*cm.Type]*cm.Type // any type seen → its interned type
	canonical map[string]*cm.Type   // structure → that type
	ids       map[any]uint64        // number of an interned type or of a resource type, for keys
}

// NewTable makes an empty table.
func NewTable() *Table {
	return &Table{
		layouts: map[*cm.Type]*Layout{}, interned: map[*cm.Type]*cm.Type{},
		canonical: map[string]*cm.Type{}, ids: map[any]uint64{},
	}
}

// Layout is the layout of t; see [Of] for errors.
func (tb *Table) Layout(t *cm.Type) (*Layout, error) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.layout(t, 0)
}

func (tb *Table) layout(t *cm.Type, depth int) (*Layout, error) {
	if l, ok := tb.layouts[t]; ok {
		return l, nil
	}
	l, err := tb.build(t, depth)
	if err != nil {
		return nil, err
	}
	tb.layouts[t] = l
	return l, nil
}

// Intern gives the one type of the table that is structurally equal to t ([cm.Equal]) and has the same names: t itself or
// a copy of it whose parts are interned, if it is the first of its kind. Names count because people know types by
// them. Nil stays nil.
func (tb *Table) Intern(t *cm.Type) *cm.Type {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.intern(t)
}

// InternFunc is t with every type in it interned; t itself is left as it is.
func (tb *Table) InternFunc(t *cm.FuncType) *cm.FuncType {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	out := &cm.FuncType{Async: t.Async, Result: tb.intern(t.Result), Params: make([]cm.Field, len(t.Params))}
	for i, p := range t.Params {
		out.Params[i] = cm.Field{Name: p.Name, Type: tb.intern(p.Type)}
	}
	return out
}

func (tb *Table) intern(t *cm.Type) *cm.Type {
	if t == nil {
		return nil
	}
	if c, ok := tb.interned[t]; ok {
		return c
	}
	c := *t
	changed := false
	part := func(p *cm.Type) *cm.Type {
		i := tb.intern(p)
		changed = changed || i != p
		return i
	}
	c.Elem, c.Key, c.OK, c.Err = part(t.Elem), part(t.Key), part(t.OK), part(t.Err)
	if len(t.Fields) > 0 {
		c.Fields = make([]cm.Field, len(t.Fields))
		for i, f := range t.Fields {
			c.Fields[i] = cm.Field{Name: f.Name, Type: part(f.Type)}
		}
	}
	if len(t.Cases) > 0 {
		c.Cases = make([]cm.Case, len(t.Cases))
		for i, k := range t.Cases {
			c.Cases[i] = cm.Case{Name: k.Name, Type: part(k.Type)}
		}
	}
	key := tb.key(&c)
	out, ok := tb.canonical[key]
	if !ok {
		if out = t; changed {
			out = &c
		}
		tb.canonical[key] = out
		tb.interned[out] = out
	}
	tb.interned[t] = out
	return out
}

// key writes the structure and name of a type whose parts are interned: equal keys, equal types.
func (tb *Table) key(t *cm.Type) string {
	b := []byte{byte(t.Kind)}
	num := func(n uint64) { b = binary.AppendUvarint(b, n) }
	str := func(s string) { num(uint64(len(s))); b = append(b, s...) }
	typ := func(p *cm.Type) {
		if p == nil {
			num(0)
			return
		}
		num(tb.id(p))
	}
	str(t.Name)
	num(uint64(t.Len))
	for _, p := range [...]*cm.Type{t.Elem, t.Key, t.OK, t.Err} {
		typ(p)
	}
	num(uint64(len(t.Fields)))
	for _, f := range t.Fields {
		str(f.Name)
		typ(f.Type)
	}
	num(uint64(len(t.Cases)))
	for _, c := range t.Cases {
		str(c.Name)
		typ(c.Type)
	}
	num(uint64(len(t.Labels)))
	for _, l := range t.Labels {
		str(l)
	}
	if t.Resource != nil {
		num(tb.id(t.Resource))
	}
	return string(b)
}

// id numbers a pointer, from 1.
func (tb *Table) id(p any) uint64 {
	n, ok := tb.ids[p]
	if !ok {
		n = uint64(len(tb.ids) + 1)
		tb.ids[p] = n
	}
	return n
}
