package cm

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

var (
	valGo      = reflect.TypeFor[Val]()
	variantGo  = reflect.TypeFor[Variant]()
	resourceGo = reflect.TypeFor[*Resource]()
	anyGo      = reflect.TypeFor[any]()
	errorGo    = reflect.TypeFor[error]()
)

var scalarGo = map[Kind]reflect.Type{
	KindBool: reflect.TypeFor[bool](),
	KindS8:   reflect.TypeFor[int8](), KindU8: reflect.TypeFor[uint8](),
	KindS16: reflect.TypeFor[int16](), KindU16: reflect.TypeFor[uint16](),
	KindS32: reflect.TypeFor[int32](), KindU32: reflect.TypeFor[uint32](),
	KindS64: reflect.TypeFor[int64](), KindU64: reflect.TypeFor[uint64](),
	KindF32: reflect.TypeFor[float32](), KindF64: reflect.TypeFor[float64](),
	KindChar: reflect.TypeFor[rune](), KindString: reflect.TypeFor[string](),
	KindRecord: reflect.TypeFor[map[string]any](), KindTuple: reflect.TypeFor[[]any](),
	KindVariant: variantGo, KindResult: variantGo, KindEnum: reflect.TypeFor[string](), KindFlags: reflect.TypeFor[[]string](),
	KindOwn: resourceGo, KindBorrow: resourceGo,
	KindStream: streamGo, KindFuture: futureGo, KindErrorContext: anyGo,
}

// GoType is the type of the Go value that [ToGo] gives for values of type t. It depends on the WIT type only, never on
// the value. [FromGo] and [ToGoAs] take more than that type:
//
//	WIT                 ToGo                   FromGo and ToGoAs take too
//	bool                bool                   any type of that kind
//	u8 … s64            uint8 … int64          any integer type, if the value fits
//	f32, f64            float32, float64       either
//	char                rune                   any integer type, if it is a Unicode scalar value
//	string              string                 any type of that kind
//	list<u8>            []byte                 [n]byte and what list takes
//	list<T>             []T                    any slice or array; its length must be that of a fixed-length list
//	map<K, V>           map[K]V                a slice of tuples
//	record              map[string]any         a struct; a pointer to one
//	tuple               []any                  a struct, its exported fields in order; a slice or array
//	variant             Variant                a string for a case without payload (FromGo)
//	enum                string                 any type of that kind
//	flags               []string, in order     any slice of strings
//	option<T>           *T                     T itself for some, nil for none (FromGo)
//	result<T, E>        Variant, ok or error   Result[T, E]; see below
//	own, borrow         *Resource
//	stream<u8>          *StreamReader[uint8]   *StreamReader[T]
//	stream<T>           *StreamReader[any]     *StreamReader[T]
//	future<T>           *FutureReader[any]     *FutureReader[T]
//	any type            –                      Val; for ToGoAs any, which means what ToGo gives
//
// An element of a stream or future is converted as it is copied. One that does not fit the Go type of its reader is an error of
// the read; one that a host writes and that is no value of the WIT type ends the store, as nonsense of a guest's does.
//
// A record's field is found in a struct by the tag wit:"name", or else by its name without regard to case and hyphens:
// content-type is ContentType. A field of option type may be absent from the Go side; every other one must be there.
//
// A result that is the whole value is different from one inside another value: ToGo gives the payload of ok (nil if it
// has none), and returns the payload of error as a *ResultError[any]. FromGo takes, at any depth, a Variant, a Result, a
// *ResultError for error, and everything else as the payload of ok; where the whole value is a result whose ok is itself
// a variant or result, a Variant means that payload.
func GoType(t *Type) reflect.Type {
	switch t.Kind {
	case KindStream:
		if t.Elem != nil && t.Elem.Kind == KindU8 {
			return byteStreamGo
		}
	case KindList:
		return reflect.SliceOf(GoType(t.Elem))
	case KindOption:
		return reflect.PointerTo(GoType(t.Elem))
	case KindMap:
		key := GoType(t.Key)
		if !key.Comparable() {
			return reflect.TypeFor[[]any]()
		}
		return reflect.MapOf(key, GoType(t.Elem))
	}
	if g := scalarGo[t.Kind]; g != nil {
		return g
	}
	return anyGo
}

// WITError is a Go error that carries a WIT error value, as *[ResultError] does.
type WITError interface {
	error
	WITValue() any
}

// WITValue is the error value.
func (e *ResultError[E]) WITValue() any { return e.Value }

// goName is how names are compared: WIT's content-type, Go's ContentType.
func goName(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return -1
		}
		return r
	}, s))
}

// structFields finds the exported fields of a Go struct type, in order and by name.
type structFields struct {
	order  []int
	byName map[string]int
}

var structCache sync.Map // reflect.Type → *structFields

func fieldsOf(g reflect.Type) *structFields {
	if f, ok := structCache.Load(g); ok {
		return f.(*structFields)
	}
	f := &structFields{byName: map[string]int{}}
	for i := range g.NumField() {
		sf := g.Field(i)
		tag := sf.Tag.Get("wit")
		if !sf.IsExported() || tag == "-" {
			continue
		}
		f.order = append(f.order, i)
		name := sf.Name
		if tag != "" {
			name = tag
		}
		if _, taken := f.byName[goName(name)]; !taken || tag != "" {
			f.byName[goName(name)] = i
		}
	}
	structCache.Store(g, f)
	return f
}

func at(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", place, err)
}

func wantGot(t *Type, got any) error { return fmt.Errorf("want %s, got %v", t, got) }

// caseType finds a case of a variant or result by name: its index and payload type.
func (t *Type) caseType(name string) (uint32, *Type, bool) {
	if t.Kind == KindResult {
		switch name {
		case "ok":
			return 0, t.OK, true
		case "error", "err":
			return 1, t.Err, true
		}
		return 0, nil, false
	}
	for i, c := range t.Cases {
		if c.Name == name {
			return uint32(i), c.Type, true
		}
	}
	return 0, nil, false
}
