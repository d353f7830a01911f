package postgres

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin3"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin4"
)

// spin3Databases serves spin:postgres/postgres@3.0.0. Its values are those of 4.2.0 without the types that came later.
type spin3Databases struct{ *databases }

// ConnectionOpen implements spin3.Postgres.
func (d spin3Databases) ConnectionOpen(ctx context.Context, address string) (spin3.Connection, error) {
	c, err := d.open(ctx, address, "")
	if err != nil {
		return nil, spin3Failure(ctx, err)
	}
	return spin3Connection{c}, nil
}

type spin3Connection struct{ *connection }

// Query implements spin3.Connection.
func (c spin3Connection) Query(ctx context.Context, statement string, params []spin3.ParameterValue) (out spin3.RowSet, err error) {
	s, err := spin4Statement(statement, convert(params, spin3Param))
	if err != nil {
		return out, spin3Failure(ctx, err)
	}
	cols, err := c.query(ctx, s, func(cols []Column, values [][]byte) error {
		row, err := spin4Row(cols, values)
		out.Rows = append(out.Rows, convert(row, spin3Value))
		return err
	})
	if err != nil {
		return spin3.RowSet{}, spin3Failure(ctx, err)
	}
	out.Columns = convert(cols, func(c Column) spin3.Column {
		t, ok := spin3Types[spin4Types[c.Type].Tag]
		if _, known := spin4Types[c.Type]; !ok || !known {
			t = spin3.DbDataTypeOther
		}
		return spin3.Column{Name: c.Name, DataType: t}
	})
	return out, nil
}

// Execute implements spin3.Connection.
func (c spin3Connection) Execute(ctx context.Context, statement string, params []spin3.ParameterValue) (uint64, error) {
	s, err := spin4Statement(statement, convert(params, spin3Param))
	if err != nil {
		return 0, spin3Failure(ctx, err)
	}
	n, err := c.execute(ctx, s)
	if err != nil {
		return 0, spin3Failure(ctx, err)
	}
	return n, nil
}

func convert[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

var spin3Types = map[spin4.DbDataTypeTag]spin3.DbDataType{
	spin4.DbDataTypeTagBoolean: spin3.DbDataTypeBoolean, spin4.DbDataTypeTagInt8: spin3.DbDataTypeInt8, spin4.DbDataTypeTagInt16: spin3.DbDataTypeInt16,
	spin4.DbDataTypeTagInt32: spin3.DbDataTypeInt32, spin4.DbDataTypeTagInt64: spin3.DbDataTypeInt64, spin4.DbDataTypeTagFloating32: spin3.DbDataTypeFloating32,
	spin4.DbDataTypeTagFloating64: spin3.DbDataTypeFloating64, spin4.DbDataTypeTagStr: spin3.DbDataTypeStr, spin4.DbDataTypeTagBinary: spin3.DbDataTypeBinary,
	spin4.DbDataTypeTagDate: spin3.DbDataTypeDate, spin4.DbDataTypeTagTime: spin3.DbDataTypeTime, spin4.DbDataTypeTagDatetime: spin3.DbDataTypeDatetime,
}

func spin3Param(p spin3.ParameterValue) spin4.ParameterValue {
	switch p.Tag {
	case spin3.ParameterValueTagBoolean:
		return spin4.ParameterValueBoolean(p.Boolean)
	case spin3.ParameterValueTagInt8:
		return spin4.ParameterValueInt8(p.Int8)
	case spin3.ParameterValueTagInt16:
		return spin4.ParameterValueInt16(p.Int16)
	case spin3.ParameterValueTagInt32:
		return spin4.ParameterValueInt32(p.Int32)
	case spin3.ParameterValueTagInt64:
		return spin4.ParameterValueInt64(p.Int64)
	case spin3.ParameterValueTagFloating32:
		return spin4.ParameterValueFloating32(p.Floating32)
	case spin3.ParameterValueTagFloating64:
		return spin4.ParameterValueFloating64(p.Floating64)
	case spin3.ParameterValueTagStr:
		return spin4.ParameterValueStr(p.Str)
	case spin3.ParameterValueTagBinary:
		return spin4.ParameterValueBinary(p.Binary)
	case spin3.ParameterValueTagDate:
		return spin4.ParameterValueDate(p.Date)
	case spin3.ParameterValueTagTime:
		return spin4.ParameterValueTime(p.Time)
	case spin3.ParameterValueTagDatetime:
		return spin4.ParameterValueDatetime(p.Datetime)
	case spin3.ParameterValueTagTimestamp:
		return spin4.ParameterValueTimestamp(p.Timestamp)
	}
	return spin4.ParameterValueDbNull()
}

func spin3Value(v spin4.DbValue) spin3.DbValue {
	switch v.Tag {
	case spin4.DbValueTagBoolean:
		return spin3.DbValueBoolean(v.Boolean)
	case spin4.DbValueTagInt8:
		return spin3.DbValueInt8(v.Int8)
	case spin4.DbValueTagInt16:
		return spin3.DbValueInt16(v.Int16)
	case spin4.DbValueTagInt32:
		return spin3.DbValueInt32(v.Int32)
	case spin4.DbValueTagInt64:
		return spin3.DbValueInt64(v.Int64)
	case spin4.DbValueTagFloating32:
		return spin3.DbValueFloating32(v.Floating32)
	case spin4.DbValueTagFloating64:
		return spin3.DbValueFloating64(v.Floating64)
	case spin4.DbValueTagStr:
		return spin3.DbValueStr(v.Str)
	case spin4.DbValueTagBinary:
		return spin3.DbValueBinary(v.Binary)
	case spin4.DbValueTagDate:
		return spin3.DbValueDate(v.Date)
	case spin4.DbValueTagTime:
		return spin3.DbValueTime(v.Time)
	case spin4.DbValueTagDatetime:
		return spin3.DbValueDatetime(v.Datetime)
	case spin4.DbValueTagDbNull:
		return spin3.DbValueDbNull()
	}
	return spin3.DbValueUnsupported()
}

func spin3Failure(ctx context.Context, err error) error {
	f, ok := failureOf(ctx, err)
	if !ok {
		return f.cause
	}
	return cm.FailFor(map[spin4.ErrorTag]func(string) spin3.Error{
		spin4.ErrorTagConnectionFailed: spin3.ErrorConnectionFailed, spin4.ErrorTagBadParameter: spin3.ErrorBadParameter,
		spin4.ErrorTagQueryFailed: spin3.ErrorQueryFailed, spin4.ErrorTagValueConversionFailed: spin3.ErrorValueConversionFailed, spin4.ErrorTagOther: spin3.ErrorOther,
	}[f.spin4().Tag](f.text), f.cause)
}
