package cm

import (
	"context"
	"errors"
	"testing"
)

func TestFamily(t *testing.T) {
	parents, children := &ResourceType{Name: "parent"}, &ResourceType{Name: "child"}
	p := NewResource(parents, nil)
	a, b := NewChild(p, children, 1), NewChild(p, children, 2)
	var trap *Trap
	if err := p.Childless("dropped"); !errors.As(err, &trap) || trap.Code != TrapMisuse || trap.Detail != "parent dropped while its child child is alive" {
		t.Errorf("with two children: %v", err)
	}
	a.End()
	a.End() // counts once
	if p.Childless("dropped") == nil {
		t.Error("one child is left, and it counts as none")
	}
	b.LetGo(t.Context())
	if err := p.Childless("dropped"); err != nil || !b.Dropped {
		t.Errorf("without children: %v", err)
	}
}

// TestConsume: what a call owns ends, children before parents in whatever order they stand, and nothing is lost when a
// parent must not end.
func TestConsume(t *testing.T) {
	dropped := 0
	drop := func(Context, *Resource) error { dropped++; return errors.New("nobody asks") }
	typ := &ResourceType{Name: "r", Drop: drop}
	guests := &ResourceType{Name: "g", Owner: t}
	f := &FuncType{Params: []Field{{Type: OwnOf(typ)}, {Type: &Type{Kind: KindOption, Elem: OwnOf(typ)}}, {Type: OwnOf(guests)}, {Type: BorrowOf(typ)}}}
	lent, own := NewResource(typ, nil), &Resource{Type: guests}
	consume := func(a, b *Resource) error {
		return Consume(context.Background(), f, []Val{ResourceVal(a), Some(ResourceVal(b)), ResourceVal(own), ResourceVal(lent)})
	}
	p := NewResource(typ, nil)
	c := NewChild(p, typ, nil)
	if err := consume(p, c); err != nil || !p.Dropped || !c.Dropped || dropped != 0 {
		t.Errorf("both: %v, %v, %v, %d drops", err, p.Dropped, c.Dropped, dropped)
	}
	p, other := NewResource(typ, nil), NewResource(typ, nil)
	c = NewChild(p, typ, nil)
	if err := consume(p, other); err == nil || !p.Dropped || !other.Dropped || c.Dropped || dropped != 2 {
		t.Errorf("the parent alone: %v, %v, %v, %v, %d drops", err, p.Dropped, other.Dropped, c.Dropped, dropped)
	}
	if own.Dropped || lent.Dropped {
		t.Error("what is lent, or the guest's own, has ended")
	}
	ConsumeResult(&FuncType{Result: OwnOf(typ)}, ResourceVal(c))
	if !c.Dropped || p.Childless("dropped") != nil {
		t.Error("a result lives on")
	}
}

func TestEachOwned(t *testing.T) {
	typ := &ResourceType{Name: "r"}
	own := OwnOf(typ)
	r := func() Val { return ResourceVal(NewResource(typ, nil)) }
	for name, c := range map[string]struct {
		t    *Type
		v    Val
		want int
	}{
		"own":               {own, r(), 1},
		"borrow":            {BorrowOf(typ), r(), 0},
		"list":              {&Type{Kind: KindList, Elem: own}, ListVal([]Val{r(), r()}), 2},
		"tuple":             {&Type{Kind: KindTuple, Fields: []Field{{Type: TypeU32}, {Type: own}}}, ListVal([]Val{U32Val(1), r()}), 1},
		"map":               {&Type{Kind: KindMap, Key: TypeU32, Elem: own}, ListVal([]Val{ListVal([]Val{U32Val(1), r()})}), 1},
		"some":              {&Type{Kind: KindOption, Elem: own}, Some(r()), 1},
		"none":              {&Type{Kind: KindOption, Elem: own}, None(), 0},
		"variant":           {&Type{Kind: KindVariant, Cases: []Case{{}, {Type: own}}}, CaseVal(1, ptrTo(r())), 1},
		"ok":                {&Type{Kind: KindResult, OK: own, Err: own}, OKVal(r()), 1},
		"error":             {&Type{Kind: KindResult, OK: own, Err: own}, ErrVal(r()), 1},
		"another form":      {own, U32Val(1), 0},
		"nothing":           {own, Val{}, 0},
		"a type that is no": {nil, r(), 0},
	} {
		n := 0
		if EachOwned(c.t, c.v, func(*Resource) { n++ }); n != c.want {
			t.Errorf("%s: %d resources, want %d", name, n, c.want)
		}
	}
}

func ptrTo(v Val) *Val { return &v }
