package cm

// Holds says whether v has the form of a value of kind k, without looking at what it holds: whether the accessors for k
// can read it. Whoever lowers values that a host function made asks it first, because a wrong accessor panics.
func (v Val) Holds(k Kind) bool {
	switch k {
	case KindString:
		return v.form == formString
	case KindRecord, KindTuple, KindMap:
		return v.form == formVals
	case KindList:
		return v.form == formVals || v.form == formBytes
	case KindVariant, KindEnum, KindOption, KindResult:
		return v.form == formCase
	case KindFlags:
		return v.form == formNum || v.form == formVals
	case KindOwn, KindBorrow:
		return v.form == formResource && v.ptr != nil
	case KindStream, KindFuture, KindErrorContext:
		return v.form == formAny
	}
	return v.form == formNum
}
