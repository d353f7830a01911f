package postgres

import (
	"context"
	"strconv"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin2"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/bindings/spin4"
)

// spin2Databases serves fermyon:spin/postgres@2.0.0. Its values are those of spin:postgres without the types that came later, and with
// unsigned integers, which PostgreSQL has as parameters only.
type spin2Databases struct{ *databases }

// ConnectionOpen implements spin2.Postgres.
func (d spin2Databases) ConnectionOpen(ctx context.Context, address string) (spin2.Connection, error) {
	c, err := d.open(ctx, address, "")
	if err != nil {
		return nil, spin2Failure(ctx, err)
	}
	return spin2Connection{c}, nil
}

type spin2Connection struct{ *connection }

// Query implements spin2.Connection.
func (c spin2Connection) Query(ctx context.Context, statement string, params []spin2.ParameterValue) (out spin2.RowSet, err error) {
	s, err := spin2Statement(statement, params)
	if err != nil {
		return out, spin2Failure(ctx, err)
	}
	cols, err := c.query(ctx, s, func(cols []Column, values [][]byte) error {
		row, err := spin4Row(cols, values)
		out.Rows = append(out.Rows, convert(row, spin2Value))
		return err
	})
	if err != nil {
		return spin2.RowSet{}, spin2Failure(ctx, err)
	}
	out.Columns = convert(cols, func(c Column) spin2.Column {
		t, ok := spin2Types[spin4Types[c.Type].Tag]
		if _, known := spin4Types[c.Type]; !ok || !known {
			t = spin2.DbDataTypeOther
		}
		return spin2.Column{Name: c.Name, DataType: t}
	})
	return out, nil
}

// Execute implements spin2.Connection.
func (c spin2Connection) Execute(ctx context.Context, statement string, params []spin2.ParameterValue) (uint64, error) {
	s, err := spin2Statement(statement, params)
	if err != nil {
		return 0, spin2Failure(ctx, err)
	}
	n, err := c.execute(ctx, s)
	if err != nil {
		return 0, spin2Failure(ctx, err)
	}
	return n, nil
}

func spin2Statement(statement string, params []spin2.ParameterValue) (Statement, error) {
	s, err := spin4Statement(statement, convert(params, spin2Param))
	if err != nil {
		return s, err
	}
	for i, p := range params { // what version 4 has no case for
		switch p.Tag {
		case spin2.ParameterValueTagUint8:
			s.Params[i] = Param{Text: strconv.Itoa(int(p.Uint8))}
		case spin2.ParameterValueTagUint16:
			s.Params[i] = Param{Text: strconv.Itoa(int(p.Uint16))}
		case spin2.ParameterValueTagUint32:
			s.Params[i] = Param{Text: strconv.FormatUint(uint64(p.Uint32), 10)}
		case spin2.ParameterValueTagUint64:
			s.Params[i] = Param{Text: strconv.FormatUint(p.Uint64, 10)}
		}
	}
	return s, nil
}

var spin2Types = map[spin4.DbDataTypeTag]spin2.DbDataType{
	spin4.DbDataTypeTagBoolean: spin2.DbDataTypeBoolean, spin4.DbDataTypeTagInt8: spin2.DbDataTypeInt8, spin4.DbDataTypeTagInt16: spin2.DbDataTypeInt16,
	spin4.DbDataTypeTagInt32: spin2.DbDataTypeInt32, spin4.DbDataTypeTagInt64: spin2.DbDataTypeInt64, spin4.DbDataTypeTagFloating32: spin2.DbDataTypeFloating32,
	spin4.DbDataTypeTagFloating64: spin2.DbDataTypeFloating64, spin4.DbDataTypeTagStr: spin2.DbDataTypeStr, spin4.DbDataTypeTagBinary: spin2.DbDataTypeBinary,
}

func spin2Param(p spin2.ParameterValue) spin4.ParameterValue {
	switch p.Tag {
	case spin2.ParameterValueTagBoolean:
		return spin4.ParameterValueBoolean(p.Boolean)
	case spin2.ParameterValueTagInt8:
		return spin4.ParameterValueInt8(p.Int8)
	case spin2.ParameterValueTagInt16:
		return spin4.ParameterValueInt16(p.Int16)
	case spin2.ParameterValueTagInt32:
		return spin4.ParameterValueInt32(p.Int32)
	case spin2.ParameterValueTagInt64:
		return spin4.ParameterValueInt64(p.Int64)
	case spin2.ParameterValueTagFloating32:
		return spin4.ParameterValueFloating32(p.Floating32)
	case spin2.ParameterValueTagFloating64:
		return spin4.ParameterValueFloating64(p.Floating64)
	case spin2.ParameterValueTagStr:
		return spin4.ParameterValueStr(p.Str)
	case spin2.ParameterValueTagBinary:
		return spin4.ParameterValueBinary(p.Binary)
	}
	return spin4.ParameterValueDbNull()
}

func spin2Value(v spin4.DbValue) spin2.DbValue {
	switch v.Tag {
	case spin4.DbValueTagBoolean:
		return spin2.DbValueBoolean(v.Boolean)
	case spin4.DbValueTagInt8:
		return spin2.DbValueInt8(v.Int8)
	case spin4.DbValueTagInt16:
		return spin2.DbValueInt16(v.Int16)
	case spin4.DbValueTagInt32:
		return spin2.DbValueInt32(v.Int32)
	case spin4.DbValueTagInt64:
		return spin2.DbValueInt64(v.Int64)
	case spin4.DbValueTagFloating32:
		return spin2.DbValueFloating32(v.Floating32)
	case spin4.DbValueTagFloating64:
		return spin2.DbValueFloating64(v.Floating64)
	case spin4.DbValueTagStr:
		return spin2.DbValueStr(v.Str)
	case spin4.DbValueTagBinary:
		return spin2.DbValueBinary(v.Binary)
	case spin4.DbValueTagDbNull:
		return spin2.DbValueDbNull()
	}
	return spin2.DbValueUnsupported()
}

func spin2Failure(ctx context.Context, err error) error {
	f, ok := failureOf(ctx, err)
	if !ok {
		return f.cause
	}
	return cm.FailFor(map[spin4.ErrorTag]func(string) spin2.Error{
		spin4.ErrorTagConnectionFailed: spin2.ErrorConnectionFailed, spin4.ErrorTagBadParameter: spin2.ErrorBadParameter,
		spin4.ErrorTagQueryFailed: spin2.ErrorQueryFailed, spin4.ErrorTagValueConversionFailed: spin2.ErrorValueConversionFailed, spin4.ErrorTagOther: spin2.ErrorOther,
	}[f.spin4().Tag](f.text), f.cause)
}
