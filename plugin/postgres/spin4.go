package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin4"
)

// spin4Databases serves spin:postgres/postgres@4.2.0.
type spin4Databases struct{ *databases }

// ConnectionOpen implements spin4.Postgres.
func (d spin4Databases) ConnectionOpen(ctx context.Context, address string) (spin4.Connection, error) {
	return d.connect(ctx, address, "")
}

// ConnectionOpenAsync implements spin4.Postgres.
func (d spin4Databases) ConnectionOpenAsync(ctx context.Context, address string) (spin4.Connection, error) {
	return d.connect(ctx, address, "")
}

func (d spin4Databases) connect(ctx context.Context, address, ca string) (spin4.Connection, error) {
	c, err := d.open(ctx, address, ca)
	if err != nil {
		return nil, spin4Failure(ctx, err)
	}
	return spin4Connection{c}, nil
}

// NewConnectionBuilder implements spin4.Postgres.
func (d spin4Databases) NewConnectionBuilder(_ context.Context, address string) (spin4.ConnectionBuilder, error) {
	return &spin4Builder{d: d, address: address}, nil
}

// spin4Builder is the resource.
type spin4Builder struct {
	d           spin4Databases
	address, ca string
}

// SetCaRoot implements spin4.ConnectionBuilder.
func (b *spin4Builder) SetCaRoot(ctx context.Context, certificate string) error {
	if err := checkCertificates(certificate); err != nil {
		return spin4Failure(ctx, err)
	}
	b.ca = certificate
	return nil
}

// Build implements spin4.ConnectionBuilder.
func (b *spin4Builder) Build(ctx context.Context) (spin4.Connection, error) {
	return b.d.connect(ctx, b.address, b.ca)
}

// BuildAsync implements spin4.ConnectionBuilder.
func (b *spin4Builder) BuildAsync(ctx context.Context) (spin4.Connection, error) {
	return b.d.connect(ctx, b.address, b.ca)
}

type spin4Connection struct{ *connection }

// Query implements spin4.Connection.
func (c spin4Connection) Query(ctx context.Context, statement string, params []spin4.ParameterValue) (out spin4.RowSet, err error) {
	s, err := spin4Statement(statement, params)
	if err != nil {
		return out, spin4Failure(ctx, err)
	}
	cols, err := c.query(ctx, s, func(cols []Column, values [][]byte) error {
		row, err := spin4Row(cols, values)
		out.Rows = append(out.Rows, row)
		return err
	})
	if err != nil {
		return spin4.RowSet{}, spin4Failure(ctx, err)
	}
	out.Columns = spin4Columns(cols)
	return out, nil
}

// spin4Rows are the parts of a result that is streamed.
type spin4Rows = cm.Tuple3[[]spin4.Column, *cm.StreamReader[spin4.Row], *cm.FutureReader[cm.Result[struct{}, spin4.Error]]]

// QueryAsync implements spin4.Connection.
func (c spin4Connection) QueryAsync(ctx context.Context, statement string, params []spin4.ParameterValue) (out spin4Rows, err error) {
	s, err := spin4Statement(statement, params)
	if err != nil {
		return out, spin4Failure(ctx, err)
	}
	r, err := c.stream(ctx, s)
	if err != nil {
		return out, spin4Failure(ctx, err)
	}
	out.F0 = spin4Columns(r.cols)
	out.F1, out.F2, err = feed(ctx, r, spin4Row, spin4Error)
	return out, err
}

// Execute implements spin4.Connection.
func (c spin4Connection) Execute(ctx context.Context, statement string, params []spin4.ParameterValue) (uint64, error) {
	s, err := spin4Statement(statement, params)
	if err != nil {
		return 0, spin4Failure(ctx, err)
	}
	n, err := c.execute(ctx, s)
	if err != nil {
		return 0, spin4Failure(ctx, err)
	}
	return n, nil
}

// ExecuteAsync implements spin4.Connection.
func (c spin4Connection) ExecuteAsync(ctx context.Context, statement string, params []spin4.ParameterValue) (uint64, error) {
	return c.Execute(ctx, statement, params)
}

// spin4Failure is the error of a function.
func spin4Failure(ctx context.Context, err error) error {
	f, ok := failureOf(ctx, err)
	if !ok {
		return f.cause
	}
	return cm.FailFor(f.spin4(), f.cause)
}

// spin4Error is an error as the value of a future.
func spin4Error(ctx context.Context, err error) spin4.Error {
	f, _ := failureOf(ctx, err)
	return f.spin4()
}

// spin4 is the error of Spin's interfaces, of which 3 and 2 have the same cases.
func (f failure) spin4() spin4.Error {
	switch f.kind {
	case kindUnavailable, kindDenied:
		return spin4.ErrorConnectionFailed(f.text)
	case kindParameter:
		return spin4.ErrorBadParameter(f.text)
	case kindStatement, kindTimeout:
		return spin4.ErrorQueryFailed(spin4.QueryErrorText(f.text))
	case kindServer:
		e := spin4.DbError{AsText: f.text, Severity: f.server.Severity, Code: f.server.Code, Message: f.server.Message, Extras: extras(f.server)}
		if f.server.Detail != "" {
			e.Detail = &f.server.Detail
		}
		return spin4.ErrorQueryFailed(spin4.QueryErrorDbError(e))
	case kindValue:
		return spin4.ErrorValueConversionFailed(f.text)
	}
	return spin4.ErrorOther(f.text)
}

func extras(e *ServerError) []cm.Tuple2[string, string] {
	out := make([]cm.Tuple2[string, string], len(e.Extras))
	for i, x := range e.Extras {
		out[i] = cm.Tuple2[string, string]{F0: x[0], F1: x[1]}
	}
	return out
}

// spin4Types are the types that have a case of their own. All are read in their binary form, but for numbers in decimal digits.
var spin4Types = map[string]spin4.DbDataType{
	"bool": spin4.DbDataTypeBoolean(), "char": spin4.DbDataTypeInt8(), "int2": spin4.DbDataTypeInt16(), "int4": spin4.DbDataTypeInt32(), "int8": spin4.DbDataTypeInt64(),
	"float4": spin4.DbDataTypeFloating32(), "float8": spin4.DbDataTypeFloating64(), "text": spin4.DbDataTypeStr(), "varchar": spin4.DbDataTypeStr(), "bpchar": spin4.DbDataTypeStr(),
	"name": spin4.DbDataTypeStr(), "bytea": spin4.DbDataTypeBinary(), "date": spin4.DbDataTypeDate(), "time": spin4.DbDataTypeTime(), "timestamp": spin4.DbDataTypeDatetime(),
	"timestamptz": spin4.DbDataTypeDatetime(), "uuid": spin4.DbDataTypeUUID(), "jsonb": spin4.DbDataTypeJsonb(), "numeric": spin4.DbDataTypeDecimal(),
	"int4range": spin4.DbDataTypeRangeInt32(), "int8range": spin4.DbDataTypeRangeInt64(), "numrange": spin4.DbDataTypeRangeDecimal(), "_int4": spin4.DbDataTypeArrayInt32(),
	"_int8": spin4.DbDataTypeArrayInt64(), "_numeric": spin4.DbDataTypeArrayDecimal(), "_text": spin4.DbDataTypeArrayStr(), "_varchar": spin4.DbDataTypeArrayStr(),
	"_bpchar": spin4.DbDataTypeArrayStr(), "interval": spin4.DbDataTypeInterval(),
}

func spin4Binary(typ string) bool { return typ != "numeric" && typ != "numrange" && typ != "_numeric" }

func spin4Columns(cols []Column) []spin4.Column {
	out := make([]spin4.Column, len(cols))
	for i, c := range cols {
		t, ok := spin4Types[c.Type]
		if !ok {
			t = spin4.DbDataTypeOther(c.Type)
		}
		out[i] = spin4.Column{Name: c.Name, DataType: t}
	}
	return out
}

func spin4Row(cols []Column, values [][]byte) (spin4.Row, error) {
	row := make(spin4.Row, len(values))
	for i, data := range values {
		if data == nil {
			row[i] = spin4.DbValueDbNull()
			continue
		}
		var err error
		if row[i], err = spin4Value(cols[i].Type, data); err != nil {
			return nil, &valueError{cols[i].Type, err.Error()}
		}
	}
	return row, nil
}

// as makes a case of what a reader has read.
func as[T any](make func(T) spin4.DbValue, v T, err error) (spin4.DbValue, error) {
	return make(v), err
}

func spin4Value(typ string, data []byte) (out spin4.DbValue, err error) {
	switch typ {
	case "bool":
		v, err := readBool(data)
		return as(spin4.DbValueBoolean, v, err)
	case "char":
		v, err := readInt8(data)
		return as(spin4.DbValueInt8, v, err)
	case "int2":
		v, err := readInt16(data)
		return as(spin4.DbValueInt16, v, err)
	case "int4":
		v, err := readInt32(data)
		return as(spin4.DbValueInt32, v, err)
	case "int8":
		v, err := readInt64(data)
		return as(spin4.DbValueInt64, v, err)
	case "float4":
		v, err := readFloat32(data)
		return as(spin4.DbValueFloating32, v, err)
	case "float8":
		v, err := readFloat64(data)
		return as(spin4.DbValueFloating64, v, err)
	case "text", "varchar", "bpchar", "name":
		return spin4.DbValueStr(string(data)), nil
	case "bytea":
		return spin4.DbValueBinary(data), nil
	case "uuid":
		v, err := readUUID(data)
		return as(spin4.DbValueUUID, v, err)
	case "jsonb":
		v, err := readJSONB(data)
		return as(spin4.DbValueJsonb, []byte(v), err)
	case "numeric":
		return spin4.DbValueDecimal(string(data)), nil
	case "date", "time", "timestamp", "timestamptz", "interval":
		return spin4Time(typ, data)
	case "int4range", "int8range", "numrange", "_int4", "_int8", "_numeric", "_text", "_varchar", "_bpchar":
		return spin4Many(typ, data)
	}
	return spin4.DbValueUnsupported(data), nil
}

// spin4Time reads dates and times.
func spin4Time(typ string, data []byte) (out spin4.DbValue, err error) {
	var c civil
	switch typ {
	case "interval":
		v, err := read(data, func(r *reader) spin4.Interval { return spin4.Interval{Micros: r.i64(), Days: r.i32(), Months: r.i32()} })
		return as(spin4.DbValueInterval, v, err)
	case "date":
		c, err = readDate(data)
	case "time":
		c, err = readTime(data)
	default:
		c, err = readTimestamp(data)
	}
	if c.positive || c.negative {
		err = errors.New("it is infinite")
	}
	switch typ {
	case "date":
		return as(spin4.DbValueDate, cm.Tuple3[int32, uint8, uint8]{F0: c.year, F1: c.month, F2: c.day}, err)
	case "time":
		return as(spin4.DbValueTime, cm.Tuple4[uint8, uint8, uint8, uint32]{F0: c.hour, F1: c.minute, F2: c.second, F3: c.nano}, err)
	}
	return as(spin4.DbValueDatetime, cm.Tuple7[int32, uint8, uint8, uint8, uint8, uint8, uint32]{
		F0: c.year, F1: c.month, F2: c.day, F3: c.hour, F4: c.minute, F5: c.second, F6: c.nano,
	}, err)
}

// spin4Many reads ranges and arrays.
func spin4Many(typ string, data []byte) (out spin4.DbValue, err error) {
	switch typ {
	case "int4range":
		v, err := readRange(data, readInt32)
		return as(spin4.DbValueRangeInt32, spin4Range(v), err)
	case "int8range":
		v, err := readRange(data, readInt64)
		return as(spin4.DbValueRangeInt64, spin4Range(v), err)
	case "numrange":
		v, err := readNumericRange(string(data))
		return as(spin4.DbValueRangeDecimal, spin4Range(v), err)
	case "_int4":
		elem, null := optional(readInt32)
		v, err := readArray(data, elem, null)
		return as(spin4.DbValueArrayInt32, v, err)
	case "_int8":
		elem, null := optional(readInt64)
		v, err := readArray(data, elem, null)
		return as(spin4.DbValueArrayInt64, v, err)
	case "_numeric":
		v, err := readArrayText(string(data))
		return as(spin4.DbValueArrayDecimal, v, err)
	}
	elem, null := optional(readString)
	v, err := readArray(data, elem, null)
	return as(spin4.DbValueArrayStr, v, err)
}

// spin4Bounds is a range of Spin's.
type spin4Bounds[T any] = cm.Tuple2[*cm.Tuple2[T, spin4.RangeBoundKind], *cm.Tuple2[T, spin4.RangeBoundKind]]

func spin4Range[T any](l limits[T]) (out spin4Bounds[T]) {
	bound := func(b *limit[T]) *cm.Tuple2[T, spin4.RangeBoundKind] {
		if b == nil {
			return nil
		}
		kind := spin4.RangeBoundKindExclusive
		if b.inclusive {
			kind = spin4.RangeBoundKindInclusive
		}
		return &cm.Tuple2[T, spin4.RangeBoundKind]{F0: b.v, F1: kind}
	}
	return spin4Bounds[T]{F0: bound(l.lower), F1: bound(l.upper)}
}

func spin4Limits[T any](b spin4Bounds[T]) limits[T] {
	bound := func(t *cm.Tuple2[T, spin4.RangeBoundKind]) *limit[T] {
		if t == nil {
			return nil
		}
		return &limit[T]{t.F0, t.F1 == spin4.RangeBoundKindInclusive}
	}
	return limits[T]{bound(b.F0), bound(b.F1)}
}

func spin4Statement(statement string, params []spin4.ParameterValue) (Statement, error) {
	s := Statement{SQL: statement, Params: make([]Param, len(params)), Binary: spin4Binary}
	for i := range params {
		var err error
		if s.Params[i], err = spin4Param(&params[i]); err != nil {
			return s, err
		}
	}
	return s, nil
}

func spin4Param(p *spin4.ParameterValue) (Param, error) {
	switch p.Tag {
	case spin4.ParameterValueTagDbNull:
		return Param{Null: true}, nil
	case spin4.ParameterValueTagInt8:
		return Param{Text: strconv.Itoa(int(p.Int8)), Byte: &p.Int8}, nil
	}
	text, err := spin4Text(p)
	return Param{Text: text}, err
}

func spin4Text(p *spin4.ParameterValue) (string, error) {
	switch p.Tag {
	case spin4.ParameterValueTagBoolean:
		return strconv.FormatBool(p.Boolean), nil
	case spin4.ParameterValueTagInt16:
		return strconv.Itoa(int(p.Int16)), nil
	case spin4.ParameterValueTagInt32:
		return strconv.Itoa(int(p.Int32)), nil
	case spin4.ParameterValueTagInt64:
		return strconv.FormatInt(p.Int64, 10), nil
	case spin4.ParameterValueTagFloating32:
		return floatText(float64(p.Floating32), 32), nil
	case spin4.ParameterValueTagFloating64:
		return floatText(p.Floating64, 64), nil
	case spin4.ParameterValueTagStr:
		return p.Str, nil
	case spin4.ParameterValueTagBinary:
		return bytesText(p.Binary), nil
	case spin4.ParameterValueTagDate:
		return civil{year: p.Date.F0, month: p.Date.F1, day: p.Date.F2}.dateText()
	case spin4.ParameterValueTagTime:
		return civil{hour: p.Time.F0, minute: p.Time.F1, second: p.Time.F2, nano: p.Time.F3}.timeText()
	case spin4.ParameterValueTagDatetime:
		d := p.Datetime
		return civil{year: d.F0, month: d.F1, day: d.F2, hour: d.F3, minute: d.F4, second: d.F5, nano: d.F6}.text("+00")
	case spin4.ParameterValueTagTimestamp:
		return timestampText(p.Timestamp)
	case spin4.ParameterValueTagUUID:
		return p.UUID, checkUUID(p.UUID)
	case spin4.ParameterValueTagJsonb:
		if !json.Valid(p.Jsonb) {
			return "", &ParameterError{"this is no JSON: " + string(p.Jsonb)}
		}
		return string(p.Jsonb), nil
	case spin4.ParameterValueTagDecimal:
		return p.Decimal, checkDecimal(p.Decimal)
	}
	return spin4ManyText(p)
}

// spin4ManyText is the text of ranges, arrays and intervals.
func spin4ManyText(p *spin4.ParameterValue) (string, error) {
	switch p.Tag {
	case spin4.ParameterValueTagRangeInt32:
		return rangeText(spin4Limits(p.RangeInt32), func(n int32) string { return strconv.Itoa(int(n)) }), nil
	case spin4.ParameterValueTagRangeInt64:
		return rangeText(spin4Limits(p.RangeInt64), func(n int64) string { return strconv.FormatInt(n, 10) }), nil
	case spin4.ParameterValueTagRangeDecimal:
		l := spin4Limits(p.RangeDecimal)
		for _, b := range []*limit[string]{l.lower, l.upper} {
			if b != nil {
				if err := checkDecimal(b.v); err != nil {
					return "", err
				}
			}
		}
		return rangeText(l, func(s string) string { return s }), nil
	case spin4.ParameterValueTagArrayInt32:
		return optionsText(p.ArrayInt32, func(n int32) string { return strconv.Itoa(int(n)) }), nil
	case spin4.ParameterValueTagArrayInt64:
		return optionsText(p.ArrayInt64, func(n int64) string { return strconv.FormatInt(n, 10) }), nil
	case spin4.ParameterValueTagArrayDecimal:
		for _, d := range p.ArrayDecimal {
			if d != nil {
				if err := checkDecimal(*d); err != nil {
					return "", err
				}
			}
		}
		return arrayText(p.ArrayDecimal, ","), nil
	case spin4.ParameterValueTagArrayStr:
		return arrayText(p.ArrayStr, ","), nil
	case spin4.ParameterValueTagInterval:
		i := p.Interval
		return intervalText(int64(i.Months), int64(i.Days), i.Micros), nil
	}
	return "", &ParameterError{"there is no such type of parameter"}
}

func optionsText[T any](list []*T, text func(T) string) string {
	elems := make([]*string, len(list))
	for i, v := range list {
		if v != nil {
			s := text(*v)
			elems[i] = &s
		}
	}
	return arrayText(elems, ",")
}

// intervalText has a sign with each part: one alone may count for all.
func intervalText(months, days, micros int64) string {
	signed := func(n int64) string {
		if n < 0 {
			return strconv.FormatInt(n, 10)
		}
		return "+" + strconv.FormatInt(n, 10)
	}
	// Microseconds alone would be rounded to what a number of floating point has.
	return signed(months) + " mons " + signed(days) + " days " + signed(micros/1e6) + " secs " + signed(micros%1e6) + " usecs"
}

// timestampText is a number of seconds since 1970.
func timestampText(seconds int64) (string, error) {
	const most = 9_224_318_016_000 // the end of the year 294276, PostgreSQL's last
	if seconds > most || seconds < -most {
		return "", &ParameterError{"the timestamp is out of range"}
	}
	return civilOf(unix(seconds)).text("+00")
}
