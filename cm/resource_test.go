package cm

import (
	"errors"
	"testing"
)

func TestFamily(t *testing.T) {
	parents, children := &ResourceType{Name: "parent"}, &ResourceType{Name: "child"}
	p := NewResource(parents, nil)
	a, b := NewChild(p, children, 1), NewChild(p, children, 2)
	var trap *Trap
	if err := p.CheckNoChildren("dropped"); !errors.As(err, &trap) || trap.Code != TrapMisuse || trap.Detail != "parent dropped while its child child is alive" {
		t.Errorf("with two children: %v", err)
	}
	a.End()
	a.End() // counts once
	if p.CheckNoChildren("dropped") == nil {
		t.Error("one child is left, and it counts as none")
	}
	b.DropUnended(t.Context())
	if err := p.CheckNoChildren("dropped"); err != nil || !b.Dropped {
		t.Errorf("without children: %v", err)
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
