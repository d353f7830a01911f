package postgres

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/wasmcloud"
)

// wasmcloudBinary: numbers in decimal digits, addresses and queries are read as texts, all others in their binary form.
func wasmcloudBinary(typ string) bool {
	switch typ {
	case "numeric", "_numeric", "inet", "_inet", "cidr", "_cidr", "tsquery":
		return false
	}
	return true
}

// decoder reads a value of one type.
type decoder func(data []byte) (wasmcloud.PgValue, error)

func one[T any](read func([]byte) (T, error), make func(T) wasmcloud.PgValue) decoder {
	return func(data []byte) (wasmcloud.PgValue, error) {
		v, err := read(data)
		return make(v), err
	}
}

func many[T any](read func([]byte) (T, error), make func([]T) wasmcloud.PgValue) decoder {
	return func(data []byte) (wasmcloud.PgValue, error) {
		v, err := readArray(data, read, noNull[T])
		return make(v), err
	}
}

// texts reads an array in its text form.
func texts(make func([]string) wasmcloud.PgValue) decoder {
	return func(data []byte) (wasmcloud.PgValue, error) {
		elems, err := readArrayText(string(data))
		out := []string{}
		for _, e := range elems {
			if e == nil {
				return wasmcloud.PgValue{}, errNull
			}
			out = append(out, *e)
		}
		return make(out), err
	}
}

// wasmcloudTypes are the types that have a case, by their names in pg_type.
var wasmcloudTypes = map[string]decoder{
	"int8": one(readInt64, wasmcloud.PgValueInt8), "_int8": many(readInt64, wasmcloud.PgValueInt8Array),
	"int4": one(readInt32, wasmcloud.PgValueInt4), "_int4": many(readInt32, wasmcloud.PgValueInt4Array),
	"int2": one(readInt16, wasmcloud.PgValueInt2), "_int2": many(readInt16, wasmcloud.PgValueInt2Array),
	"int2vector": one(readVector, wasmcloud.PgValueInt2Vector), "_int2vector": many(readVector, wasmcloud.PgValueInt2VectorArray),
	"bool": one(readBool, wasmcloud.PgValueBool), "_bool": many(readBool, wasmcloud.PgValueBoolArray),
	"float8": one(readDouble, wasmcloud.PgValueFloat8), "_float8": many(readDouble, wasmcloud.PgValueFloat8Array),
	"float4": one(readSingle, wasmcloud.PgValueFloat4), "_float4": many(readSingle, wasmcloud.PgValueFloat4Array),
	"numeric": one(readString, wasmcloud.PgValueNumeric), "_numeric": texts(wasmcloud.PgValueNumericArray),
	"money": one(readMoney, wasmcloud.PgValueMoney), "_money": many(readMoney, wasmcloud.PgValueMoneyArray),
	"bit": one(readBits, wasmcloud.PgValueBit), "_bit": many(readBits, wasmcloud.PgValueBitArray),
	"varbit": one(readVarbit, wasmcloud.PgValueVarbit), "_varbit": many(readVarbit, wasmcloud.PgValueVarbitArray),
	"bytea": one(readBytes, wasmcloud.PgValueBytea), "_bytea": many(readBytes, wasmcloud.PgValueByteaArray),
	"char": one(readChars, wasmcloud.PgValueChar), "_char": many(readChars, wasmcloud.PgValueCharArray),
	"bpchar": one(readChars, wasmcloud.PgValueChar), "_bpchar": many(readChars, wasmcloud.PgValueCharArray),
	"varchar": one(readVarchar, wasmcloud.PgValueVarchar), "_varchar": many(readVarchar, wasmcloud.PgValueVarcharArray),
	"cidr": one(readString, wasmcloud.PgValueCidr), "_cidr": texts(wasmcloud.PgValueCidrArray),
	"inet": one(readString, wasmcloud.PgValueInet), "_inet": texts(wasmcloud.PgValueInetArray),
	"macaddr": one(readMAC6, wasmcloud.PgValueMacaddr), "_macaddr": many(readMAC6, wasmcloud.PgValueMacaddrArray),
	"macaddr8": one(readMAC8, wasmcloud.PgValueMacaddr8), "_macaddr8": many(readMAC8, wasmcloud.PgValueMacaddr8Array),
	"box": one(readBox, wasmcloud.PgValueBox), "_box": many(readBox, wasmcloud.PgValueBoxArray),
	"circle": one(readCircle, wasmcloud.PgValueCircle), "_circle": many(readCircle, wasmcloud.PgValueCircleArray),
	"line": one(readLine, wasmcloud.PgValueLine), "_line": many(readLine, wasmcloud.PgValueLineArray),
	"lseg": one(readSegment, wasmcloud.PgValueLseg), "_lseg": many(readSegment, wasmcloud.PgValueLsegArray),
	"path": one(readPath, wasmcloud.PgValuePath), "_path": many(readPath, wasmcloud.PgValuePathArray),
	"point": one(readPoint, wasmcloud.PgValuePoint), "_point": many(readPoint, wasmcloud.PgValuePointArray),
	"polygon": one(readPolygon, wasmcloud.PgValuePolygon), "_polygon": many(readPolygon, wasmcloud.PgValuePolygonArray),
	"date": one(readDay, wasmcloud.PgValueDate), "_date": many(readDay, wasmcloud.PgValueDateArray),
	"daterange": one(readDays, wasmcloud.PgValueInterval), "_daterange": many(readDays, wasmcloud.PgValueIntervalArray),
	"time": one(readClock, wasmcloud.PgValueTime), "_time": many(readClock, wasmcloud.PgValueTimeArray),
	"timetz": one(readZoned, wasmcloud.PgValueTimeTz), "_timetz": many(readZoned, wasmcloud.PgValueTimeTzArray),
	"timestamp": one(readMoment, wasmcloud.PgValueTimestamp), "_timestamp": many(readMoment, wasmcloud.PgValueTimestampArray),
	"timestamptz": one(readUTC, wasmcloud.PgValueTimestampTz), "_timestamptz": many(readUTC, wasmcloud.PgValueTimestampTzArray),
	"json": one(readString, wasmcloud.PgValueJSON), "_json": many(readString, wasmcloud.PgValueJSONArray),
	"jsonb": one(readJSONB, wasmcloud.PgValueJsonb), "_jsonb": many(readJSONB, wasmcloud.PgValueJsonbArray),
	"pg_lsn": one(readLSN, wasmcloud.PgValuePgLsn), "_pg_lsn": many(readLSN, wasmcloud.PgValuePgLsnArray),
	"pg_snapshot": one(readSnapshot, wasmcloud.PgValuePgSnapshot), "txid_snapshot": one(readSnapshot, wasmcloud.PgValuePgSnapshot),
	"xid8": one(readInt64, wasmcloud.PgValueTxidSnapshot),
	"name": one(readString, wasmcloud.PgValueName), "_name": many(readString, wasmcloud.PgValueNameArray),
	"text": one(readString, wasmcloud.PgValueText), "_text": many(readString, wasmcloud.PgValueTextArray),
	"xml": one(readString, wasmcloud.PgValueXML), "_xml": many(readString, wasmcloud.PgValueXMLArray),
	"tsquery": one(readString, wasmcloud.PgValueTsQuery), "tsvector": one(readLexemes, wasmcloud.PgValueTsVector),
	"uuid": one(readUUID, wasmcloud.PgValueUUID), "_uuid": many(readUUID, wasmcloud.PgValueUUIDArray),
	"hstore": one(readHstore, wasmcloud.PgValueHstore),
}

func wasmcloudValue(typ string, data []byte) (wasmcloud.PgValue, error) {
	if f := wasmcloudTypes[typ]; f != nil {
		return f(data)
	}
	return wasmcloud.PgValue{}, errors.New("there is none; have the statement cast it: ::text")
}

// readVector reads an int2vector, which is sent as an array.
func readVector(data []byte) ([]int16, error) { return readArray(data, readInt16, noNull[int16]) }

// hash makes the parts of a number of floating point: mantissa, exponent and sign.
func hash(f float64) hashable {
	b := math.Float64bits(f)
	mantissa, exponent := b&(1<<52-1), int16(b>>52&0x7ff)
	if exponent == 0 {
		mantissa <<= 1
	} else {
		mantissa |= 1 << 52
	}
	return hashable{F0: mantissa, F1: exponent - 1075, F2: sign(b >> 63)}
}

func hash32(f float32) hashable {
	b := math.Float32bits(f)
	mantissa, exponent := uint64(b&(1<<23-1)), int16(b>>23&0xff)
	if exponent == 0 {
		mantissa <<= 1
	} else {
		mantissa |= 1 << 23
	}
	return hashable{F0: mantissa, F1: exponent - 150, F2: sign(uint64(b >> 31))}
}

func sign(bit uint64) int8 {
	if bit == 1 {
		return -1
	}
	return 1
}

func readDouble(data []byte) (hashable, error) {
	f, err := readFloat64(data)
	return hash(f), err
}

func readSingle(data []byte) (hashable, error) {
	f, err := readFloat32(data)
	return hash32(f), err
}

// readMoney reads an amount with two digits behind the point, as most currencies have; the server's lc_monetary, which may say otherwise, is not sent.
func readMoney(data []byte) (string, error) {
	n, err := readInt64(data)
	digits := strconv.FormatInt(n, 10)
	minus := ""
	if n < 0 {
		minus, digits = "-", digits[1:]
	}
	digits = strings.Repeat("0", max(0, 3-len(digits))) + digits
	return minus + digits[:len(digits)-2] + "." + digits[len(digits)-2:], err
}

func readBits(data []byte) (t cm.Tuple2[uint32, []byte], err error) {
	r := &reader{data: data}
	n := r.i32()
	if n < 0 || r.bad || len(r.data) != (int(n)+7)/8 {
		return t, errForm
	}
	return cm.Tuple2[uint32, []byte]{F0: uint32(n), F1: r.data}, nil
}

func readVarbit(data []byte) (cm.Tuple2[*uint32, []byte], error) {
	t, err := readBits(data)
	return cm.Tuple2[*uint32, []byte]{F0: &t.F0, F1: t.F1}, err
}

func readBytes(data []byte) ([]byte, error) { return data, nil }

func readChars(data []byte) (cm.Tuple2[uint32, []byte], error) {
	return cm.Tuple2[uint32, []byte]{F0: uint32(len(data)), F1: data}, nil
}

// readVarchar does not say the column's length, which is not sent.
func readVarchar(data []byte) (cm.Tuple2[*uint32, []byte], error) {
	return cm.Tuple2[*uint32, []byte]{F1: data}, nil
}

func readMAC6(data []byte) (out wasmcloud.MacAddressEui48, err error) {
	return read(data, func(r *reader) wasmcloud.MacAddressEui48 {
		b := r.bytes(6)
		return wasmcloud.MacAddressEui48{Bytes: cm.Tuple6[uint8, uint8, uint8, uint8, uint8, uint8]{F0: b[0], F1: b[1], F2: b[2], F3: b[3], F4: b[4], F5: b[5]}}
	})
}

func readMAC8(data []byte) (out wasmcloud.MacAddressEui64, err error) {
	return read(data, func(r *reader) wasmcloud.MacAddressEui64 {
		b := r.bytes(8)
		return wasmcloud.MacAddressEui64{Bytes: cm.Tuple8[uint8, uint8, uint8, uint8, uint8, uint8, uint8, uint8]{
			F0: b[0], F1: b[1], F2: b[2], F3: b[3], F4: b[4], F5: b[5], F6: b[6], F7: b[7],
		}}
	})
}

func (r *reader) point() wasmcloud.Point {
	x, y := r.f64(), r.f64()
	return wasmcloud.Point{F0: hash(x), F1: hash(y)}
}

func readPoint(data []byte) (wasmcloud.Point, error) { return read(data, (*reader).point) }

func readSegment(data []byte) (twoPoints, error) {
	return read(data, func(r *reader) twoPoints { return twoPoints{F0: r.point(), F1: r.point()} })
}

// readBox reads the upper right corner first, as it is sent.
func readBox(data []byte) (twoPoints, error) {
	t, err := readSegment(data)
	return twoPoints{F0: t.F1, F1: t.F0}, err
}

func readCircle(data []byte) (cm.Tuple2[wasmcloud.Point, hashable], error) {
	return read(data, func(r *reader) cm.Tuple2[wasmcloud.Point, hashable] {
		return cm.Tuple2[wasmcloud.Point, hashable]{F0: r.point(), F1: hash(r.f64())}
	})
}

// readLine finds two points of the line Ax + By + C = 0.
func readLine(data []byte) (twoPoints, error) {
	return read(data, func(r *reader) twoPoints {
		a, b, c := r.f64(), r.f64(), r.f64()
		at := func(x, y float64) wasmcloud.Point { return wasmcloud.Point{F0: hash(x), F1: hash(y)} }
		if b == 0 {
			return twoPoints{F0: at(-c/a, 0), F1: at(-c/a, 1)}
		}
		return twoPoints{F0: at(0, -c/b), F1: at(1, -(a+c)/b)}
	})
}

func (r *reader) points() []wasmcloud.Point {
	n := int(r.i32())
	if n < 0 || n > len(r.data)/16 {
		r.bad = true
		return nil
	}
	out := make([]wasmcloud.Point, n)
	for i := range out {
		out[i] = r.point()
	}
	return out
}

func readPolygon(data []byte) ([]wasmcloud.Point, error) { return read(data, (*reader).points) }

func readPath(data []byte) ([]wasmcloud.Point, error) {
	return read(data, func(r *reader) []wasmcloud.Point {
		r.u8() // whether it is closed
		return r.points()
	})
}

func (c civil) wasmcloudDate() wasmcloud.Date {
	switch {
	case c.positive:
		return wasmcloud.DatePositiveInfinity()
	case c.negative:
		return wasmcloud.DateNegativeInfinity()
	}
	return wasmcloud.DateYmd(cm.Tuple3[int32, uint32, uint32]{F0: c.year, F1: uint32(c.month), F2: uint32(c.day)})
}

func (c civil) wasmcloudTime() wasmcloud.Time {
	return wasmcloud.Time{Hour: uint32(c.hour), Min: uint32(c.minute), Sec: uint32(c.second), Micro: c.nano / 1000}
}

func readDay(data []byte) (wasmcloud.Date, error) {
	c, err := readDate(data)
	return c.wasmcloudDate(), err
}

// readDays reads a range of dates. One without a bound goes to infinity.
func readDays(data []byte) (wasmcloud.Interval, error) {
	l, err := readRange(data, readDate)
	out := wasmcloud.Interval{Start: wasmcloud.DateNegativeInfinity(), End: wasmcloud.DatePositiveInfinity()}
	if l.lower != nil {
		out.Start, out.StartInclusive = l.lower.v.wasmcloudDate(), l.lower.inclusive
	}
	if l.upper != nil {
		out.End, out.EndInclusive = l.upper.v.wasmcloudDate(), l.upper.inclusive
	}
	return out, err
}

func readClock(data []byte) (wasmcloud.Time, error) {
	c, err := readTime(data)
	return c.wasmcloudTime(), err
}

// readZoned reads a time and its zone, in seconds to the west.
func readZoned(data []byte) (wasmcloud.TimeTz, error) {
	return read(data, func(r *reader) wasmcloud.TimeTz {
		var c civil
		c.clock(r.i64())
		return wasmcloud.TimeTz{Time: c.wasmcloudTime(), Timesonze: offsetText(-int64(r.i32()))}
	})
}

func readMoment(data []byte) (wasmcloud.Timestamp, error) {
	c, err := readTimestamp(data)
	return wasmcloud.Timestamp{Date: c.wasmcloudDate(), Time: c.wasmcloudTime()}, err
}

func readUTC(data []byte) (wasmcloud.TimestampTz, error) {
	t, err := readMoment(data)
	return wasmcloud.TimestampTz{Timestamp: t, Offset: wasmcloud.OffsetWesternHemisphereSecs(0)}, err
}

func readLSN(data []byte) (uint64, error) {
	n, err := readInt64(data)
	return uint64(n), err
}

func readSnapshot(data []byte) (cm.Tuple3[int64, int64, []int64], error) {
	return read(data, func(r *reader) (t cm.Tuple3[int64, int64, []int64]) {
		n := int(r.i32())
		t.F0, t.F1, t.F2 = r.i64(), r.i64(), []int64{}
		if n < 0 || n > len(r.data)/8 {
			r.bad = true
			return t
		}
		for range n {
			t.F2 = append(t.F2, r.i64())
		}
		return t
	})
}

// readLexemes reads a text search vector: the lexemes, each with the number of its positions, of which each has its weight in the two
// highest bits.
func readLexemes(data []byte) ([]wasmcloud.Lexeme, error) {
	out := []wasmcloud.Lexeme{}
	r := &reader{data: data}
	for n := r.i32(); n > 0 && !r.bad; n-- {
		end := strings.IndexByte(string(r.data), 0)
		if end < 0 {
			return nil, errForm
		}
		word := string(r.bytes(end))
		r.u8()
		positions := r.u16()
		if positions == 0 {
			out = append(out, wasmcloud.Lexeme{Data: word})
		}
		for ; positions > 0 && !r.bad; positions-- {
			at := r.u16()
			position, weight := at&(1<<14-1), wasmcloud.LexemeWeightD-wasmcloud.LexemeWeight(at>>14)
			out = append(out, wasmcloud.Lexeme{Data: word, Position: &position, Weight: &weight})
		}
	}
	return out, r.end()
}

func readHstore(data []byte) ([]cm.Tuple2[string, *string], error) {
	out := []cm.Tuple2[string, *string]{}
	r := &reader{data: data}
	for n := r.i32(); n > 0 && !r.bad; n-- {
		pair := cm.Tuple2[string, *string]{F0: string(r.bytes(int(r.i32())))}
		if size := r.i32(); size >= 0 {
			value := string(r.bytes(int(size)))
			pair.F1 = &value
		}
		out = append(out, pair)
	}
	return out, r.end()
}
