package postgres

import (
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// The binary forms of PostgreSQL's types (the functions TYPE_send in its sources, src/backend/utils/adt). Whatever the server sends, a reader ends
// with an error where it is too short.

// errForm says that a value is not in the form of its type.
var errForm = errors.New("the server has sent it in another form")

// reader reads a value in its binary form. After a value that is too short all it reads is zero, and bad is set.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.bad, r.data = true, nil
		return make([]byte, max(0, min(n, 16)))
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) u8() uint8    { return r.bytes(1)[0] }
func (r *reader) u16() uint16  { return binary.BigEndian.Uint16(r.bytes(2)) }
func (r *reader) i32() int32   { return int32(binary.BigEndian.Uint32(r.bytes(4))) }
func (r *reader) i64() int64   { return int64(binary.BigEndian.Uint64(r.bytes(8))) }
func (r *reader) f64() float64 { return math.Float64frombits(uint64(r.i64())) }

// end is an error if the value was too short, or too long.
func (r *reader) end() error {
	if r.bad || len(r.data) > 0 {
		return errForm
	}
	return nil
}

// read reads a whole value.
func read[T any](data []byte, f func(r *reader) T) (T, error) {
	r := &reader{data: data}
	v := f(r)
	return v, r.end()
}

func readBool(data []byte) (bool, error) {
	return read(data, func(r *reader) bool { return r.u8() != 0 })
}
func readInt8(data []byte) (int8, error) {
	return read(data, func(r *reader) int8 { return int8(r.u8()) })
}
func readInt16(data []byte) (int16, error) {
	return read(data, func(r *reader) int16 { return int16(r.u16()) })
}
func readInt32(data []byte) (int32, error) { return read(data, (*reader).i32) }
func readInt64(data []byte) (int64, error) { return read(data, (*reader).i64) }
func readFloat64(data []byte) (float64, error) {
	return read(data, (*reader).f64)
}
func readFloat32(data []byte) (float32, error) {
	return read(data, func(r *reader) float32 { return math.Float32frombits(uint32(r.i32())) })
}
func readString(data []byte) (string, error) { return string(data), nil }

// readJSONB reads a value of jsonb, whose first byte is the version of its form.
func readJSONB(data []byte) (string, error) {
	if len(data) == 0 || data[0] != 1 {
		return "", errForm
	}
	return string(data[1:]), nil
}

func readUUID(data []byte) (string, error) {
	if len(data) != 16 {
		return "", errForm
	}
	s := hex.EncodeToString(data)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], nil
}

// civil is a date of the Gregorian calendar, whose year 0 is 1 BC, and a time of its day.
type civil struct {
	year                 int32
	month, day           uint8
	hour, minute, second uint8
	nano                 uint32
	positive, negative/* infinity */ bool
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func civilOf(t time.Time) civil {
	return civil{
		year: int32(t.Year()), month: uint8(t.Month()), day: uint8(t.Day()),
		hour: uint8(t.Hour()), minute: uint8(t.Minute()), second: uint8(t.Second()), nano: uint32(t.Nanosecond()),
	}
}

// readDate reads days since 2000. The largest and the smallest number stand for infinity.
func readDate(data []byte) (civil, error) {
	days, err := readInt32(data)
	switch {
	case err != nil:
		return civil{}, err
	case days == math.MaxInt32:
		return civil{positive: true}, nil
	case days == math.MinInt32:
		return civil{negative: true}, nil
	}
	return civilOf(epoch.AddDate(0, 0, int(days))), nil
}

// readTimestamp reads microseconds since 2000, of a timestamp with or without a time zone: both are in UTC.
func readTimestamp(data []byte) (civil, error) {
	micros, err := readInt64(data)
	switch {
	case err != nil:
		return civil{}, err
	case micros == math.MaxInt64:
		return civil{positive: true}, nil
	case micros == math.MinInt64:
		return civil{negative: true}, nil
	}
	const day = int64(24 * time.Hour / time.Microsecond)
	days, rest := micros/day, micros%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	c := civilOf(epoch.AddDate(0, 0, int(days)))
	c.clock(rest)
	return c, nil
}

// readTime reads microseconds since midnight.
func readTime(data []byte) (c civil, err error) {
	micros, err := readInt64(data)
	c.clock(micros)
	return c, err
}

// clock sets the time of the day. 24:00:00, which PostgreSQL has, too, stays so.
func (c *civil) clock(micros int64) {
	seconds := micros / 1e6
	c.hour, c.minute, c.second, c.nano = uint8(seconds/3600), uint8(seconds/60%60), uint8(seconds%60), uint32(micros%1e6*1000)
}

// dateText is a date as a parameter. An infinite one has no year.
func (c civil) dateText() (string, error) {
	switch {
	case c.positive:
		return "infinity", nil
	case c.negative:
		return "-infinity", nil
	}
	if t := time.Date(int(c.year), time.Month(c.month), int(c.day), 0, 0, 0, 0, time.UTC); t.Month() != time.Month(c.month) || t.Day() != int(c.day) {
		return "", &ParameterError{"there is no such date: year " + strconv.Itoa(int(c.year)) + ", month " + strconv.Itoa(int(c.month)) + ", day " + strconv.Itoa(int(c.day))}
	}
	year, era := int64(c.year), ""
	if year <= 0 {
		year, era = 1-year, " BC"
	}
	return pad(year, 4) + "-" + pad(int64(c.month), 2) + "-" + pad(int64(c.day), 2) + era, nil
}

// timeText is a time of the day as a parameter. PostgreSQL keeps microseconds.
func (c civil) timeText() (string, error) {
	if c.hour > 23 && (c.hour != 24 || c.minute != 0 || c.second != 0 || c.nano != 0) || c.minute > 59 || c.second > 59 || c.nano > 999_999_999 {
		return "", &ParameterError{"there is no such time of the day"}
	}
	return pad(int64(c.hour), 2) + ":" + pad(int64(c.minute), 2) + ":" + pad(int64(c.second), 2) + "." + pad(int64(c.nano), 9), nil
}

// text is a date with its time as a parameter, and with an offset from UTC if that is not empty.
func (c civil) text(offset string) (string, error) {
	date, err := c.dateText()
	if err != nil || c.positive || c.negative {
		return date, err
	}
	clock, err := c.timeText()
	if day, ok := strings.CutSuffix(date, " BC"); ok {
		return day + " " + clock + offset + " BC", err
	}
	return date + " " + clock + offset, err
}

func pad(n int64, digits int) string {
	s := strconv.FormatInt(n, 10)
	return strings.Repeat("0", max(0, digits-len(s))) + s
}

// offsetText is an offset from UTC in seconds, to the east, as PostgreSQL writes it: +05:30.
func offsetText(seconds int64) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	s := sign + pad(seconds/3600, 2) + ":" + pad(seconds/60%60, 2)
	if seconds%60 != 0 {
		s += ":" + pad(seconds%60, 2)
	}
	return s
}

// readArray reads an array of one dimension, or of none, which is empty. null makes the element for NULL.
func readArray[T any](data []byte, elem func([]byte) (T, error), null func() (T, error)) ([]T, error) {
	r := &reader{data: data}
	dimensions := r.i32()
	r.i32() // whether there are NULLs
	r.i32() // the elements' type
	if dimensions == 0 && !r.bad {
		return []T{}, nil
	}
	if dimensions != 1 {
		return nil, errors.New("the array has several dimensions")
	}
	n := r.i32()
	r.i32() // the first index
	if n < 0 || int(n) > len(r.data)/4 {
		return nil, errForm
	}
	out := make([]T, 0, n)
	for range n {
		var v T
		var err error
		if size := r.i32(); size < 0 {
			v, err = null()
		} else {
			v, err = elem(r.bytes(int(size)))
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, r.end()
}

// errNull says that an array has NULL in it, for which the interface has no form.
var errNull = errors.New("the array has NULL in it")

func noNull[T any]() (v T, err error) { return v, errNull }

// optional makes the readers for arrays whose elements may be NULL.
func optional[T any](elem func([]byte) (T, error)) (func([]byte) (*T, error), func() (*T, error)) {
	return func(data []byte) (*T, error) {
		v, err := elem(data)
		return &v, err
	}, func() (*T, error) { return nil, nil }
}

// readArrayText reads an array of one dimension in its text form (PostgreSQL 15, 8.15.6). nil stands for NULL.
func readArrayText(text string) ([]*string, error) {
	if _, rest, ok := strings.Cut(text, "]="); ok && strings.HasPrefix(text, "[") {
		text = rest // the indices do not begin with 1
	}
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return nil, errForm
	}
	text = text[1 : len(text)-1]
	out := []*string{}
	for text != "" {
		if text[0] == '{' {
			return nil, errors.New("the array has several dimensions")
		}
		var elem strings.Builder
		quoted, i := false, 0
	elements:
		for inside := false; i < len(text); i++ {
			switch c := text[i]; {
			case c == '\\' && i+1 < len(text):
				i++
				elem.WriteByte(text[i])
			case c == '"':
				inside, quoted = !inside, true
			case c == ',' && !inside:
				break elements
			default:
				elem.WriteByte(c)
			}
		}
		v := elem.String()
		if !quoted && v == "NULL" {
			out = append(out, nil)
		} else {
			out = append(out, &v)
		}
		if i == len(text) {
			break
		}
		text = text[i+1:]
	}
	return out, nil
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// arrayText is an array in its text form. nil stands for NULL. delimiter is a comma, but for boxes.
func arrayText(elems []*string, delimiter string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range elems {
		if i > 0 {
			b.WriteString(delimiter)
		}
		if e == nil {
			b.WriteString("NULL")
			continue
		}
		b.WriteByte('"')
		_, _ = quoting.WriteString(&b, *e) // a Builder has no errors
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// limits are the two bounds of a range; nil: there is none on that side.
type limits[T any] struct{ lower, upper *limit[T] }

type limit[T any] struct {
	v         T
	inclusive bool
}

// readRange reads a range. An empty one is that between a value and itself, without both.
func readRange[T any](data []byte, elem func([]byte) (T, error)) (out limits[T], err error) {
	const empty, lowerInclusive, upperInclusive, lowerInfinite, upperInfinite, lowerNull, upperNull = 1, 2, 4, 8, 16, 32, 64
	r := &reader{data: data}
	flags := r.u8()
	if flags&empty != 0 {
		return limits[T]{&limit[T]{}, &limit[T]{}}, r.end()
	}
	bound := func(inclusive, none uint8) *limit[T] {
		if flags&none != 0 || err != nil {
			return nil
		}
		b := &limit[T]{inclusive: flags&inclusive != 0}
		b.v, err = elem(r.bytes(int(r.i32())))
		return b
	}
	out.lower = bound(lowerInclusive, lowerInfinite|lowerNull)
	out.upper = bound(upperInclusive, upperInfinite|upperNull)
	return out, errors.Join(err, r.end())
}

// readNumericRange reads a range of numbers in its text form (8.17.5).
func readNumericRange(text string) (out limits[string], err error) {
	if text == "empty" {
		return limits[string]{&limit[string]{v: "0"}, &limit[string]{v: "0"}}, nil
	}
	if len(text) < 3 || !strings.ContainsAny(text[:1], "[(") || !strings.ContainsAny(text[len(text)-1:], "])") {
		return out, errForm
	}
	lower, upper, ok := strings.Cut(text[1:len(text)-1], ",")
	if !ok {
		return out, errForm
	}
	if lower != "" {
		out.lower = &limit[string]{lower, text[0] == '['}
	}
	if upper != "" {
		out.upper = &limit[string]{upper, text[len(text)-1] == ']'}
	}
	return out, nil
}

// rangeText is a range in its text form.
func rangeText[T any](l limits[T], text func(T) string) string {
	open, closing, lower, upper := "(", ")", "", ""
	if l.lower != nil {
		lower = text(l.lower.v)
		if l.lower.inclusive {
			open = "["
		}
	}
	if l.upper != nil {
		upper = text(l.upper.v)
		if l.upper.inclusive {
			closing = "]"
		}
	}
	return open + lower + "," + upper + closing
}

// floatText is a number of floating point as a parameter.
func floatText(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

// bytesText is a value of type bytea.
func bytesText(b []byte) string { return `\x` + hex.EncodeToString(b) }

// checkDecimal finds out whether a text is a number as numeric has them.
func checkDecimal(s string) error {
	digits := strings.TrimLeft(strings.TrimSpace(s), "+-")
	for _, special := range []string{"NaN", "Infinity", "inf"} {
		if strings.EqualFold(digits, special) {
			return nil
		}
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "xXpP_") {
		return &ParameterError{"this is no decimal number: " + s}
	}
	return nil
}

// checkUUID finds out whether a text is a UUID in one of the forms that PostgreSQL reads.
func checkUUID(s string) error {
	digits := strings.NewReplacer("-", "", "{", "", "}", "").Replace(strings.TrimPrefix(s, "urn:uuid:"))
	if b, err := hex.DecodeString(digits); err != nil || len(b) != 16 {
		return &ParameterError{"this is no UUID: " + s}
	}
	return nil
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// checkCertificates finds out whether a text has certificates, in PEM.
func checkCertificates(text string) error {
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		return &ParameterError{"want a certificate in PEM"}
	}
	return nil
}
