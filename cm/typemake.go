package cm

// The primitive types, shared by all who name them. They are not to be changed.
var (
	TypeBool         = &Type{Kind: KindBool}
	TypeS8           = &Type{Kind: KindS8}
	TypeU8           = &Type{Kind: KindU8}
	TypeS16          = &Type{Kind: KindS16}
	TypeU16          = &Type{Kind: KindU16}
	TypeS32          = &Type{Kind: KindS32}
	TypeU32          = &Type{Kind: KindU32}
	TypeS64          = &Type{Kind: KindS64}
	TypeU64          = &Type{Kind: KindU64}
	TypeF32          = &Type{Kind: KindF32}
	TypeF64          = &Type{Kind: KindF64}
	TypeChar         = &Type{Kind: KindChar}
	TypeString       = &Type{Kind: KindString}
	TypeErrorContext = &Type{Kind: KindErrorContext}
)

// RecordOf makes a record type. The functions after it make the type that their name says; name is the type's WIT name
// and may be empty.
func RecordOf(name string, fields ...Field) *Type {
	return &Type{Kind: KindRecord, Name: name, Fields: fields}
}

// VariantOf makes a variant type.
func VariantOf(name string, cases ...Case) *Type {
	return &Type{Kind: KindVariant, Name: name, Cases: cases}
}

// EnumOf makes an enum type.
func EnumOf(name string, labels ...string) *Type {
	return &Type{Kind: KindEnum, Name: name, Labels: labels}
}

// FlagsOf makes a flags type.
func FlagsOf(name string, labels ...string) *Type {
	return &Type{Kind: KindFlags, Name: name, Labels: labels}
}

// ListOf makes a list type.
func ListOf(elem *Type) *Type { return &Type{Kind: KindList, Elem: elem} }

// ListOfLen makes the type of lists of a fixed length.
func ListOfLen(elem *Type, n uint32) *Type { return &Type{Kind: KindList, Elem: elem, Len: n} }

// TupleOf makes a tuple type.
func TupleOf(elems ...*Type) *Type {
	fields := make([]Field, len(elems))
	for i, e := range elems {
		fields[i].Type = e
	}
	return &Type{Kind: KindTuple, Fields: fields}
}

// OptionOf makes an option type.
func OptionOf(elem *Type) *Type { return &Type{Kind: KindOption, Elem: elem} }

// ResultOf makes a result type; each side may be nil.
func ResultOf(ok, err *Type) *Type { return &Type{Kind: KindResult, OK: ok, Err: err} }

// MapOf makes a map type.
func MapOf(key, elem *Type) *Type { return &Type{Kind: KindMap, Key: key, Elem: elem} }

// OwnOf makes the type of owned handles of r.
func OwnOf(r *ResourceType) *Type { return &Type{Kind: KindOwn, Resource: r} }

// BorrowOf makes the type of borrowed handles of r.
func BorrowOf(r *ResourceType) *Type { return &Type{Kind: KindBorrow, Resource: r} }

// StreamOf makes a stream type; elem may be nil.
func StreamOf(elem *Type) *Type { return &Type{Kind: KindStream, Elem: elem} }

// FutureOf makes a future type; elem may be nil.
func FutureOf(elem *Type) *Type { return &Type{Kind: KindFuture, Elem: elem} }
