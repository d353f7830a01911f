package cm

import (
	"errors"
	"testing"
)

// FuzzToGo turns arbitrary values of arbitrary types into Go values: a value of another form is an error, never a panic,
// and what ToGo makes, FromGo takes.
func FuzzToGo(f *testing.F) {
	f.Add([]byte{15, 3, 8, 14}, []byte{4, 2, 1, 1, 2})
	f.Add([]byte{18, 13}, []byte{3, 1, 2})
	f.Add([]byte{22, 15, 0, 13}, []byte{5, 1, 2, 3, 'x'})
	f.Fuzz(func(t *testing.T, shape, value []byte) {
		ty := fuzzType(&shape, 0)
		v := fuzzVal(&value, 0)
		g, err := ToGo(ty, v)
		if err != nil {
			return
		}
		back, err := FromGo(ty, g)
		if err != nil {
			t.Fatalf("%s: ToGo gave %#v, which FromGo refuses: %v", ty, g, err)
		}
		var we WITError
		if _, err := ToGo(ty, back); err != nil && !errors.As(err, &we) {
			t.Fatalf("%s: %v", ty, err)
		}
	})
}

func next(b *[]byte) byte {
	if len(*b) == 0 {
		return 0
	}
	x := (*b)[0]
	*b = (*b)[1:]
	return x
}

func fuzzType(b *[]byte, depth int) *Type {
	if depth > 4 {
		return tk(KindU8)
	}
	x := next(b)
	sub := func() *Type { return fuzzType(b, depth+1) }
	switch k := Kind(x%27) + 1; k {
	case KindRecord:
		return &Type{Kind: k, Fields: []Field{{"a-b", sub()}, {"c", sub()}}}
	case KindTuple:
		return ttuple(sub(), sub())
	case KindVariant:
		return &Type{Kind: k, Cases: []Case{{"a", nil}, {"b", sub()}}}
	case KindEnum:
		return &Type{Kind: k, Labels: []string{"a", "b"}}
	case KindFlags:
		return manyLabels(1 + int(x)%90)
	case KindList, KindOption, KindStream, KindFuture:
		return &Type{Kind: k, Elem: sub()}
	case KindResult:
		return tresult(sub(), nil)
	case KindMap:
		return &Type{Kind: k, Key: sub(), Elem: sub()}
	default:
		return tk(k)
	}
}

func fuzzVal(b *[]byte, depth int) Val {
	x := next(b)
	switch x % 8 {
	case 1:
		return U64Val(uint64(next(b)) * 0x0101010101010101)
	case 2:
		return StringVal(string(rune(next(b))))
	case 3:
		return BytesVal(make([]byte, next(b)%4))
	case 4:
		vs := make([]Val, next(b)%4)
		for i := range vs {
			if depth < 4 {
				vs[i] = fuzzVal(b, depth+1)
			}
		}
		return ListVal(vs)
	case 5:
		return CaseVal(uint32(next(b)%3), nil)
	case 6:
		if depth < 4 {
			v := fuzzVal(b, depth+1)
			return CaseVal(uint32(next(b)%3), &v)
		}
	case 7:
		return ResourceVal(&Resource{})
	}
	return U8Val(x)
}
