package postgres

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/wasmcloud"
)

// list is the text of an array whose elements have texts by f.
func list[T any](values []T, f func(T) (string, error)) (string, error) {
	return listWith(values, ",", f)
}

func listWith[T any](values []T, delimiter string, f func(T) (string, error)) (string, error) {
	elems := make([]*string, len(values))
	for i, v := range values {
		text, err := f(v)
		if err != nil {
			return "", err
		}
		elems[i] = &text
	}
	return arrayText(elems, delimiter), nil
}

func integer[T int16 | int32 | int64 | uint32](n T) (string, error) {
	return strconv.FormatInt(int64(n), 10), nil
}

func boolean(b bool) (string, error) { return strconv.FormatBool(b), nil }
func plain(s string) (string, error) { return s, nil }
func hexBytes(b []byte) (string, error) {
	return bytesText(b), nil
}

// hashable is a number of floating point as sign × mantissa × 2^exponent.
type hashable = wasmcloud.HashableF64

// infinite is the exponent of what is infinite, or no number, with the mantissa of infinity and others.
const (
	infinite64 = 0x7ff - 1075
	infinite32 = 0xff - 150
)

func float(h hashable) float64 {
	f := math.Ldexp(float64(h.F0), int(h.F1))
	switch {
	case h.F1 == infinite64 && h.F0 > 1<<52, h.F1 == infinite32 && h.F0 > 1<<23 && h.F0 < 1<<24:
		return math.NaN()
	case h.F1 == infinite32 && h.F0 == 1<<23:
		f = math.Inf(1)
	}
	if h.F2 < 0 {
		f = -f
	}
	return f
}

func double(h hashable) (string, error) { return floatText(float(h), 64), nil }
func single(h hashable) (string, error) { return floatText(float(h), 32), nil }

func number(s string) (string, error) { return s, checkDecimal(s) }
func uuid(s string) (string, error)   { return s, checkUUID(s) }
func jsonText(s string) (string, error) {
	if !json.Valid([]byte(s)) {
		return "", &ParameterError{"this is no JSON: " + s}
	}
	return s, nil
}

// bits are the first n bits of bytes, the highest of each first.
func bits(n uint32, data []byte) (string, error) {
	if uint64(len(data)) != (uint64(n)+7)/8 {
		return "", &ParameterError{fmt.Sprintf("%d bits are not in %d bytes", n, len(data))}
	}
	var b strings.Builder
	for i := range int(n) {
		b.WriteByte('0' + data[i/8]>>(7-i%8)&1)
	}
	return b.String(), nil
}

func fixedBits(t cm.Tuple2[uint32, []byte]) (string, error) { return bits(t.F0, t.F1) }

// varyingBits are as many as the number says, or all.
func varyingBits(t cm.Tuple2[*uint32, []byte]) (string, error) {
	n := uint32(8 * len(t.F1))
	if t.F0 != nil {
		n = *t.F0
	}
	return bits(n, t.F1)
}

func characters(t cm.Tuple2[uint32, []byte]) (string, error) {
	if uint64(t.F0) != uint64(len(t.F1)) {
		return "", &ParameterError{fmt.Sprintf("the text is of %d bytes, not %d", len(t.F1), t.F0)}
	}
	return string(t.F1), nil
}

// varyingCharacters may have fewer bytes than the number says.
func varyingCharacters(t cm.Tuple2[*uint32, []byte]) (string, error) {
	if t.F0 != nil && uint64(len(t.F1)) > uint64(*t.F0) {
		return "", &ParameterError{fmt.Sprintf("the text has %d bytes, more than %d", len(t.F1), *t.F0)}
	}
	return string(t.F1), nil
}

func mac6(m wasmcloud.MacAddressEui48) (string, error) {
	b := m.Bytes
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b.F0, b.F1, b.F2, b.F3, b.F4, b.F5), nil
}

func mac8(m wasmcloud.MacAddressEui64) (string, error) {
	b := m.Bytes
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x:%02x:%02x", b.F0, b.F1, b.F2, b.F3, b.F4, b.F5, b.F6, b.F7), nil
}

func point(p wasmcloud.Point) (string, error) {
	return "(" + floatText(float(p.F0), 64) + "," + floatText(float(p.F1), 64) + ")", nil
}

func points(list []wasmcloud.Point) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i], _ = point(p) // it never fails
	}
	return strings.Join(texts, ",")
}

type twoPoints = cm.Tuple2[wasmcloud.Point, wasmcloud.Point]

func box(t twoPoints) (string, error) { return points([]wasmcloud.Point{t.F0, t.F1}), nil }

// segment is the text of a line, too, through two points.
func segment(t twoPoints) (string, error) {
	return "[" + points([]wasmcloud.Point{t.F0, t.F1}) + "]", nil
}

func circle(t cm.Tuple2[wasmcloud.Point, hashable]) (string, error) {
	return "<" + points([]wasmcloud.Point{t.F0}) + "," + floatText(float(t.F1), 64) + ">", nil
}

// path is open: nothing says whether it is closed.
func path(p []wasmcloud.Point) (string, error)    { return "[" + points(p) + "]", nil }
func polygon(p []wasmcloud.Point) (string, error) { return "(" + points(p) + ")", nil }

func (c civil) withDate(d wasmcloud.Date) (civil, error) {
	switch d.Tag {
	case wasmcloud.DateTagPositiveInfinity:
		c.positive = true
		return c, nil
	case wasmcloud.DateTagNegativeInfinity:
		c.negative = true
		return c, nil
	}
	if d.Ymd.F1 > 12 || d.Ymd.F2 > 31 {
		return c, &ParameterError{fmt.Sprintf("there is no such date: year %d, month %d, day %d", d.Ymd.F0, d.Ymd.F1, d.Ymd.F2)}
	}
	c.year, c.month, c.day = d.Ymd.F0, uint8(d.Ymd.F1), uint8(d.Ymd.F2)
	return c, nil
}

func (c civil) withTime(t wasmcloud.Time) (civil, error) {
	if t.Hour > 24 || t.Min > 59 || t.Sec > 59 || t.Micro > 999_999 {
		return c, &ParameterError{"there is no such time of the day"}
	}
	c.hour, c.minute, c.second, c.nano = uint8(t.Hour), uint8(t.Min), uint8(t.Sec), t.Micro*1000
	return c, nil
}

func date(d wasmcloud.Date) (string, error) {
	c, err := civil{}.withDate(d)
	if err != nil {
		return "", err
	}
	return c.dateText()
}

func clock(t wasmcloud.Time) (string, error) {
	c, err := civil{}.withTime(t)
	if err != nil {
		return "", err
	}
	return c.timeText()
}

// zoned has the zone as the guest writes it: an offset, or a name.
func zoned(t wasmcloud.TimeTz) (string, error) {
	text, err := clock(t.Time)
	return text + " " + t.Timesonze, err
}

func timestamp(t wasmcloud.Timestamp) (string, error) { return moment(t, "") }

func moment(t wasmcloud.Timestamp, offset string) (string, error) {
	c, err := civil{}.withDate(t.Date)
	if err == nil {
		c, err = c.withTime(t.Time)
	}
	if err != nil {
		return "", err
	}
	return c.text(offset)
}

// timestampZoned is a time at an offset from UTC, which counts to the east, or to the west.
func timestampZoned(t wasmcloud.TimestampTz) (string, error) {
	seconds := int64(t.Offset.EasternHemisphereSecs)
	if t.Offset.Tag == wasmcloud.OffsetTagWesternHemisphereSecs {
		seconds = -int64(t.Offset.WesternHemisphereSecs)
	}
	return moment(t.Timestamp, offsetText(seconds))
}

// dates is an interval of the interface: a range of dates. What PostgreSQL calls interval has no case.
func dates(i wasmcloud.Interval) (string, error) {
	start, err := date(i.Start)
	if err != nil {
		return "", err
	}
	end, err := date(i.End)
	return rangeText(limits[string]{&limit[string]{start, i.StartInclusive}, &limit[string]{end, i.EndInclusive}}, func(s string) string { return `"` + s + `"` }), err
}

func lsn(n uint64) (string, error) { return fmt.Sprintf("%X/%X", n>>32, uint32(n)), nil }

func snapshot(t cm.Tuple3[int64, int64, []int64]) (string, error) {
	texts := convert(t.F2, func(n int64) string { return strconv.FormatInt(n, 10) })
	return fmt.Sprintf("%d:%d:%s", t.F0, t.F1, strings.Join(texts, ",")), nil
}

// lexemes are a text search vector. A lexeme with several positions is in the list once for each.
func lexemes(list []wasmcloud.Lexeme) (string, error) {
	var b strings.Builder
	for _, l := range list {
		b.WriteString("'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(l.Data) + "'")
		if l.Position != nil {
			fmt.Fprintf(&b, ":%d", *l.Position)
			if l.Weight != nil {
				b.WriteString(l.Weight.String())
			}
		}
		b.WriteByte(' ')
	}
	return b.String(), nil
}

func hstore(pairs []cm.Tuple2[string, *string]) (string, error) {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		value := "NULL"
		if p.F1 != nil {
			value = `"` + quoting.Replace(*p.F1) + `"`
		}
		texts[i] = `"` + quoting.Replace(p.F0) + `"=>` + value
	}
	return strings.Join(texts, ","), nil
}

func vector(ns []int16) (string, error) {
	return strings.Join(convert(ns, func(n int16) string { return strconv.Itoa(int(n)) }), " "), nil
}

// wasmcloudText is the text of a value for a parameter.
func wasmcloudText(v *wasmcloud.PgValue) (string, error) {
	if text, ok := wasmcloudNumber(v); ok {
		return text()
	}
	if text, ok := wasmcloudString(v); ok {
		return text()
	}
	if text, ok := wasmcloudShape(v); ok {
		return text()
	}
	if text, ok := wasmcloudTime(v); ok {
		return text()
	}
	return "", &ParameterError{"there is no such type of parameter"}
}

// text is the text of a value that is made when it is known which one it is.
type text = func() (string, error)

func of[T any](f func(T) (string, error), v T) (text, bool) {
	return func() (string, error) { return f(v) }, true
}

func ofList[T any](f func(T) (string, error), v []T) (text, bool) {
	return func() (string, error) { return list(v, f) }, true
}

func wasmcloudNumber(v *wasmcloud.PgValue) (text, bool) {
	switch v.Tag {
	case wasmcloud.PgValueTagBigInt:
		return of(integer[int64], v.BigInt)
	case wasmcloud.PgValueTagInt8:
		return of(integer[int64], v.Int8)
	case wasmcloud.PgValueTagInt8Array:
		return ofList(integer[int64], v.Int8Array)
	case wasmcloud.PgValueTagBigSerial:
		return of(integer[int64], v.BigSerial)
	case wasmcloud.PgValueTagSerial8:
		return of(integer[int64], v.Serial8)
	case wasmcloud.PgValueTagBool:
		return of(boolean, v.Bool)
	case wasmcloud.PgValueTagBoolean:
		return of(boolean, v.Boolean)
	case wasmcloud.PgValueTagBoolArray:
		return ofList(boolean, v.BoolArray)
	case wasmcloud.PgValueTagDouble:
		return of(double, v.Double)
	case wasmcloud.PgValueTagFloat8:
		return of(double, v.Float8)
	case wasmcloud.PgValueTagFloat8Array:
		return ofList(double, v.Float8Array)
	case wasmcloud.PgValueTagReal:
		return of(single, v.Real)
	case wasmcloud.PgValueTagFloat4:
		return of(single, v.Float4)
	case wasmcloud.PgValueTagFloat4Array:
		return ofList(single, v.Float4Array)
	case wasmcloud.PgValueTagInteger:
		return of(integer[int32], v.Integer)
	case wasmcloud.PgValueTagInt:
		return of(integer[int32], v.Int)
	case wasmcloud.PgValueTagInt4:
		return of(integer[int32], v.Int4)
	case wasmcloud.PgValueTagInt4Array:
		return ofList(integer[int32], v.Int4Array)
	case wasmcloud.PgValueTagNumeric:
		return of(number, v.Numeric)
	case wasmcloud.PgValueTagDecimal:
		return of(number, v.Decimal)
	case wasmcloud.PgValueTagNumericArray:
		return ofList(number, v.NumericArray)
	case wasmcloud.PgValueTagMoney:
		return of(number, v.Money)
	case wasmcloud.PgValueTagMoneyArray:
		return ofList(number, v.MoneyArray)
	case wasmcloud.PgValueTagSerial:
		return of(integer[uint32], v.Serial)
	case wasmcloud.PgValueTagSerial4:
		return of(integer[uint32], v.Serial4)
	case wasmcloud.PgValueTagSmallInt:
		return of(integer[int16], v.SmallInt)
	case wasmcloud.PgValueTagInt2:
		return of(integer[int16], v.Int2)
	case wasmcloud.PgValueTagInt2Array:
		return ofList(integer[int16], v.Int2Array)
	case wasmcloud.PgValueTagInt2Vector:
		return of(vector, v.Int2Vector)
	case wasmcloud.PgValueTagInt2VectorArray:
		return ofList(vector, v.Int2VectorArray)
	case wasmcloud.PgValueTagSmallSerial:
		return of(integer[int16], v.SmallSerial)
	case wasmcloud.PgValueTagSerial2:
		return of(integer[int16], v.Serial2)
	case wasmcloud.PgValueTagPgLsn:
		return of(lsn, v.PgLsn)
	case wasmcloud.PgValueTagPgLsnArray:
		return ofList(lsn, v.PgLsnArray)
	case wasmcloud.PgValueTagPgSnapshot:
		return of(snapshot, v.PgSnapshot)
	case wasmcloud.PgValueTagTxidSnapshot:
		return of(integer[int64], v.TxidSnapshot)
	}
	return nil, false
}

func wasmcloudString(v *wasmcloud.PgValue) (text, bool) {
	switch v.Tag {
	case wasmcloud.PgValueTagBit:
		return of(fixedBits, v.Bit)
	case wasmcloud.PgValueTagBitArray:
		return ofList(fixedBits, v.BitArray)
	case wasmcloud.PgValueTagBitVarying:
		return of(varyingBits, v.BitVarying)
	case wasmcloud.PgValueTagVarbit:
		return of(varyingBits, v.Varbit)
	case wasmcloud.PgValueTagVarbitArray:
		return ofList(varyingBits, v.VarbitArray)
	case wasmcloud.PgValueTagBytea:
		return of(hexBytes, v.Bytea)
	case wasmcloud.PgValueTagByteaArray:
		return ofList(hexBytes, v.ByteaArray)
	case wasmcloud.PgValueTagChar:
		return of(characters, v.Char)
	case wasmcloud.PgValueTagCharArray:
		return ofList(characters, v.CharArray)
	case wasmcloud.PgValueTagVarchar:
		return of(varyingCharacters, v.Varchar)
	case wasmcloud.PgValueTagVarcharArray:
		return ofList(varyingCharacters, v.VarcharArray)
	case wasmcloud.PgValueTagCidr:
		return of(plain, v.Cidr)
	case wasmcloud.PgValueTagCidrArray:
		return ofList(plain, v.CidrArray)
	case wasmcloud.PgValueTagInet:
		return of(plain, v.Inet)
	case wasmcloud.PgValueTagInetArray:
		return ofList(plain, v.InetArray)
	case wasmcloud.PgValueTagMacaddr:
		return of(mac6, v.Macaddr)
	case wasmcloud.PgValueTagMacaddrArray:
		return ofList(mac6, v.MacaddrArray)
	case wasmcloud.PgValueTagMacaddr8:
		return of(mac8, v.Macaddr8)
	case wasmcloud.PgValueTagMacaddr8Array:
		return ofList(mac8, v.Macaddr8Array)
	case wasmcloud.PgValueTagJSON:
		return of(jsonText, v.JSON)
	case wasmcloud.PgValueTagJSONArray:
		return ofList(jsonText, v.JSONArray)
	case wasmcloud.PgValueTagJsonb:
		return of(jsonText, v.Jsonb)
	case wasmcloud.PgValueTagJsonbArray:
		return ofList(jsonText, v.JsonbArray)
	case wasmcloud.PgValueTagName:
		return of(plain, v.Name)
	case wasmcloud.PgValueTagNameArray:
		return ofList(plain, v.NameArray)
	case wasmcloud.PgValueTagText:
		return of(plain, v.Text)
	case wasmcloud.PgValueTagTextArray:
		return ofList(plain, v.TextArray)
	case wasmcloud.PgValueTagXML:
		return of(plain, v.XML)
	case wasmcloud.PgValueTagXMLArray:
		return ofList(plain, v.XMLArray)
	case wasmcloud.PgValueTagTsQuery:
		return of(plain, v.TsQuery)
	case wasmcloud.PgValueTagTsVector:
		return of(lexemes, v.TsVector)
	case wasmcloud.PgValueTagUUID:
		return of(uuid, v.UUID)
	case wasmcloud.PgValueTagUUIDArray:
		return ofList(uuid, v.UUIDArray)
	case wasmcloud.PgValueTagHstore:
		return of(hstore, v.Hstore)
	}
	return nil, false
}

func wasmcloudShape(v *wasmcloud.PgValue) (text, bool) {
	switch v.Tag {
	case wasmcloud.PgValueTagBox:
		return of(box, v.Box)
	case wasmcloud.PgValueTagBoxArray:
		return func() (string, error) { return listWith(v.BoxArray, ";", box) }, true
	case wasmcloud.PgValueTagCircle:
		return of(circle, v.Circle)
	case wasmcloud.PgValueTagCircleArray:
		return ofList(circle, v.CircleArray)
	case wasmcloud.PgValueTagLine:
		return of(segment, v.Line)
	case wasmcloud.PgValueTagLineArray:
		return ofList(segment, v.LineArray)
	case wasmcloud.PgValueTagLseg:
		return of(segment, v.Lseg)
	case wasmcloud.PgValueTagLsegArray:
		return ofList(segment, v.LsegArray)
	case wasmcloud.PgValueTagPath:
		return of(path, v.Path)
	case wasmcloud.PgValueTagPathArray:
		return ofList(path, v.PathArray)
	case wasmcloud.PgValueTagPoint:
		return of(point, v.Point)
	case wasmcloud.PgValueTagPointArray:
		return ofList(point, v.PointArray)
	case wasmcloud.PgValueTagPolygon:
		return of(polygon, v.Polygon)
	case wasmcloud.PgValueTagPolygonArray:
		return ofList(polygon, v.PolygonArray)
	}
	return nil, false
}

func wasmcloudTime(v *wasmcloud.PgValue) (text, bool) {
	switch v.Tag {
	case wasmcloud.PgValueTagDate:
		return of(date, v.Date)
	case wasmcloud.PgValueTagDateArray:
		return ofList(date, v.DateArray)
	case wasmcloud.PgValueTagInterval:
		return of(dates, v.Interval)
	case wasmcloud.PgValueTagIntervalArray:
		return ofList(dates, v.IntervalArray)
	case wasmcloud.PgValueTagTime:
		return of(clock, v.Time)
	case wasmcloud.PgValueTagTimeArray:
		return ofList(clock, v.TimeArray)
	case wasmcloud.PgValueTagTimeTz:
		return of(zoned, v.TimeTz)
	case wasmcloud.PgValueTagTimeTzArray:
		return ofList(zoned, v.TimeTzArray)
	case wasmcloud.PgValueTagTimestamp:
		return of(timestamp, v.Timestamp)
	case wasmcloud.PgValueTagTimestampArray:
		return ofList(timestamp, v.TimestampArray)
	case wasmcloud.PgValueTagTimestampTz:
		return of(timestampZoned, v.TimestampTz)
	case wasmcloud.PgValueTagTimestampTzArray:
		return ofList(timestampZoned, v.TimestampTzArray)
	}
	return nil, false
}
