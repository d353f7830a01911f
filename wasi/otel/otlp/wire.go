package otlp

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// deepest is how deep messages may be nested in a request: about 90 lists or maps in each other.
const deepest = 200

var errDeep = errors.New("nested too deep")

// check says what is wrong with a message in protobuf's wire format. Unknown fields are skipped, as are known ones of another wire
// type; texts may be no UTF-8. depth is how many levels may be below.
func check(b []byte, m *message, depth int) error {
	if depth == 0 {
		return errDeep
	}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("protobuf: %w", protowire.ParseError(n))
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return fmt.Errorf("protobuf: field %d: %w", num, protowire.ParseError(n))
		}
		if f := m.field(num); f != nil && typ == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(b)
			if err := f.check(content, depth-1); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

// check says what is wrong with a value of variable length.
func (f *field) check(b []byte, depth int) error {
	switch {
	case f.kind == kindMessage:
		return check(b, f.of, depth)
	case f.kind.wireType() == protowire.BytesType || !f.repeated:
		return nil
	}
	for len(b) > 0 {
		n := protowire.ConsumeFieldValue(f.num, f.kind.wireType(), b)
		if n < 0 {
			return fmt.Errorf("protobuf: packed field %d: %w", f.num, protowire.ParseError(n))
		}
		b = b[n:]
	}
	return nil
}

// value is one value of a field: bytes of a message, a text or bytes, the bits of anything else.
type value struct {
	bytes []byte
	bits  uint64
}

func (v value) double() float64 { return math.Float64frombits(v.bits) }

// values are the known fields of a message that check has found nothing wrong with, in the order in which they are written.
// Packed values come one by one.
func (m *message) values(b []byte) iter.Seq2[protowire.Number, value] {
	return func(yield func(protowire.Number, value) bool) {
		for len(b) > 0 {
			num, typ, n := protowire.ConsumeTag(b)
			if n < 0 {
				return
			}
			rest := b[n:]
			if n = protowire.ConsumeFieldValue(num, typ, rest); n < 0 {
				return
			}
			b = rest[n:]
			f := m.field(num)
			if f == nil {
				continue
			}
			want := f.kind.wireType()
			switch {
			case typ == want:
				v, _ := consume(typ, rest)
				if !yield(num, v) {
					return
				}
			case typ == protowire.BytesType && f.repeated:
				packed, _ := protowire.ConsumeBytes(rest)
				for len(packed) > 0 {
					v, n := consume(want, packed)
					if n < 0 || !yield(num, v) {
						return
					}
					packed = packed[n:]
				}
			}
		}
	}
}

func consume(typ protowire.Type, b []byte) (v value, n int) {
	switch typ {
	case protowire.VarintType:
		v.bits, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var bits uint32
		bits, n = protowire.ConsumeFixed32(b)
		v.bits = uint64(bits)
	case protowire.Fixed64Type:
		v.bits, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		v.bytes, n = protowire.ConsumeBytes(b)
	default:
		n = -1
	}
	return v, n
}

// last is the last value of a field of bytes, which is the one that counts; nil if there is none. Protobuf merges messages of one field that
// is written twice, which no exporter does.
func (m *message) last(b []byte, num protowire.Number) (out []byte) {
	for n, v := range m.values(b) {
		if n == num {
			out = v.bytes
		}
	}
	return out
}
