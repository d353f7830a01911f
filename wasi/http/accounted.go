package http

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
)

// AccountedFields are fields as a component has them, and their charge if the message that they belong to has not charged them. Its
// methods are those of the resource fields that WASI's versions share; Fail makes the version's error of one of this package's. Several
// resources may share immutable fields.
type AccountedFields struct {
	Fields  *Fields
	Holding cm.Holding
	own     bool
	fail    func(error) error
}

// NewAccountedFields makes fields that are charged to the account in ctx. Its error is a trap, as the interface has none.
func NewAccountedFields(ctx context.Context, f *Fields, fail func(error) error) (*AccountedFields, error) {
	out := &AccountedFields{Fields: f, own: true, fail: fail}
	return out, out.updateHolding(ctx)
}

// NewAccountedFields makes empty fields, as the function of that name does of others.
func (l Limits) NewAccountedFields(ctx context.Context, fail func(error) error) (*AccountedFields, error) {
	out := &struct {
		AccountedFields
		fields Fields
	}{fields: Fields{max: l.Fields}}
	out.Fields, out.own, out.fail = &out.fields, true, fail
	return &out.AccountedFields, out.updateHolding(ctx)
}

// MessageFields are the fields of a message, which charges them.
func MessageFields(f *Fields, fail func(error) error) *AccountedFields {
	return &AccountedFields{Fields: f, fail: fail}
}

// Head moves the fields and their charge into a new message. It checks the size again: a copy of incoming fields may be larger than a
// guest's own fields.
func (f *AccountedFields) Head(ctx context.Context, l Limits) (*Fields, cm.Holding, error) {
	if most := l.Fields; most > 0 && f.Fields.Size() > most {
		_ = f.Drop(ctx)
		return nil, cm.Holding{}, fmt.Errorf("%w: %d bytes", ErrFieldsSize, most)
	}
	return f.Fields, f.Holding, nil
}

// updateHolding charges the current size.
func (f *AccountedFields) updateHolding(ctx context.Context) error {
	if !f.own {
		return nil
	}
	return f.Holding.Hold(ctx, f.Fields.Size())
}

// Drop ends the charge.
func (f *AccountedFields) Drop(context.Context) error {
	f.Holding.Release()
	return nil
}

// Get returns all values of name.
func (f *AccountedFields) Get(_ context.Context, name string) ([][]byte, error) {
	return byteValues(f.Fields.Get(name)), nil
}

func byteValues(values []string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

// Has says whether there is a field of that name.
func (f *AccountedFields) Has(_ context.Context, name string) (bool, error) {
	return f.Fields.Has(name), nil
}

// Set replaces all values of name.
func (f *AccountedFields) Set(ctx context.Context, name string, values [][]byte) error {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return f.finishChange(ctx, f.Fields.Set(name, all))
}

// Delete removes all values of name.
func (f *AccountedFields) Delete(ctx context.Context, name string) error {
	return f.finishChange(ctx, f.Fields.Delete(name))
}

// GetAndDelete removes all values of name and returns them.
func (f *AccountedFields) GetAndDelete(ctx context.Context, name string) ([][]byte, error) {
	values := f.Fields.Get(name)
	return byteValues(values), f.Delete(ctx, name)
}

// Append adds a value.
func (f *AccountedFields) Append(ctx context.Context, name string, value []byte) error {
	return f.finishChange(ctx, f.Fields.Append(name, string(value)))
}

// finishChange charges a change of the fields afterwards: the limit of fields bounds each change.
func (f *AccountedFields) finishChange(ctx context.Context, err error) error {
	if err != nil {
		return f.fail(err)
	}
	return f.updateHolding(ctx)
}

// Entries returns all names and values in order.
func (f *AccountedFields) Entries(context.Context) ([]cm.Tuple2[string, []byte], error) {
	entries := f.Fields.Entries()
	out := make([]cm.Tuple2[string, []byte], len(entries))
	for i, e := range entries {
		out[i] = cm.Tuple2[string, []byte]{F0: e.Name, F1: []byte(e.Value)}
	}
	return out, nil
}

// FieldsOf makes fields of a component's list.
func (l Limits) FieldsOf(entries []cm.Tuple2[string, []byte]) (*Fields, error) {
	f := l.NewFields()
	for _, e := range entries {
		if err := f.Append(e.F0, string(e.F1)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// SetCharged changes a string of a message with set, and the message's charge with it.
func SetCharged(ctx context.Context, held *cm.Holding, from, to string, set func(string) error) error {
	resize := func(by int) error { return held.Hold(ctx, held.Bytes()+by) }
	if err := resize(len(to) - len(from)); err != nil {
		return err
	}
	err := set(to)
	if err != nil {
		_ = resize(len(from) - len(to)) // it was charged before
	}
	return err
}

// methods are the methods of WASI's variant, in the order of its cases.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// MethodCase is the case of wasi:http/types.method; that of other methods comes after all others.
func MethodCase(method string) int {
	for i, m := range methods {
		if method == m {
			return i
		}
	}
	return len(methods)
}

// MethodOf is the method of a case; other is that of the last one.
func MethodOf(c int, other string) string {
	if c < len(methods) {
		return methods[c]
	}
	return other
}
