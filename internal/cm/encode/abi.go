package encode

import "github.com/vitrine-wasm/vitrine/wit"

// This file says what of a module the canonical ABI needs to pass values of a type: its memory, its realloc (CanonicalABI.md §Flattening).

const (
	maxFlatParams      = 16
	maxFlatAsyncParams = 4
	maxFlatResults     = 1
)

// shapes remembers facts about types, which share parts.
type shapes map[*wit.Type]shape

type shape struct {
	flat     int // core values; more than any function has are counted as maxFlatParams+1
	pointers bool
	text     bool // some string
}

func (s shapes) of(t *wit.Type) shape {
	if t == nil {
		return shape{}
	}
	had, ok := s[t]
	if !ok {
		had = s.measure(t)
		had.flat = min(had.flat, maxFlatParams+1)
		s[t] = had
	}
	return had
}

func (s shapes) measure(t *wit.Type) (all shape) {
	add := func(t *wit.Type) shape {
		one := s.of(t)
		all.pointers, all.text = all.pointers || one.pointers, all.text || one.text
		return one
	}
	switch t.Kind {
	case wit.Alias:
		return s.of(t.Elem)
	case wit.String:
		return shape{flat: 2, pointers: true, text: true}
	case wit.List:
		if t.Len > 0 {
			all.flat = int(min(uint64(add(t.Elem).flat)*uint64(t.Len), maxFlatParams+1))
			return all
		}
		add(t.Elem)
		all.flat, all.pointers = 2, true
		return all
	case wit.Map:
		add(t.Key)
		add(t.Elem)
		all.flat, all.pointers = 2, true
		return all
	case wit.Record, wit.Tuple:
		for _, f := range t.Fields {
			all.flat = min(all.flat+add(f.Type).flat, maxFlatParams+1)
		}
		return all
	case wit.Variant:
		for _, c := range t.Cases {
			all.flat = max(all.flat, add(c.Type).flat)
		}
	case wit.Option:
		all.flat = add(t.Elem).flat
	case wit.Result:
		all.flat = max(add(t.OK).flat, add(t.Err).flat)
	case wit.Flags:
		return shape{flat: max(1, (len(t.Cases)+31)/32)}
	}
	all.flat++
	return all
}

// needs is what an operation needs of the module that it is for.
type needs struct{ memory, realloc, text bool }

func (s shapes) params(f *wit.Func) (all shape) {
	for _, p := range f.Params {
		one := s.of(p.Type)
		all.flat += one.flat
		all.pointers, all.text = all.pointers || one.pointers, all.text || one.text
	}
	return all
}

// lowering is what an import of a function needs.
func (s shapes) lowering(f *wit.Func, async bool) needs {
	in, out := s.params(f), s.of(f.Result)
	most, results := maxFlatParams, maxFlatResults
	if async {
		most, results = maxFlatAsyncParams, 0
	}
	return needs{
		memory:  in.pointers || out.pointers || in.flat > most || out.flat > results,
		realloc: out.pointers,
		text:    in.text || out.text,
	}
}

// lifting is what an export of a function needs. The result of an asynchronous one is passed by task.return, but some validators want the memory here, too.
func (s shapes) lifting(f *wit.Func) needs {
	in, out := s.params(f), s.of(f.Result)
	return needs{
		memory:  in.pointers || out.pointers || in.flat > maxFlatParams || out.flat > maxFlatResults,
		realloc: in.pointers || in.flat > maxFlatParams,
		text:    in.text || out.text,
	}
}

// returning is what task.return needs.
func (s shapes) returning(f *wit.Func) needs {
	out := s.of(f.Result)
	return needs{memory: out.pointers || out.flat > maxFlatParams, text: out.text}
}

// moving is what reading or writing a stream or future needs.
func (s shapes) moving(t *wit.Type, read bool) needs {
	elem := s.of(t.Resolve().Elem)
	return needs{memory: t.Resolve().Elem != nil, realloc: read && elem.pointers, text: elem.text}
}
