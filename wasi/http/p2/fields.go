package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// fields is the resource fields. Several may share immutable fields.
type fields struct{ *accountedFields }

// accountedFields are fields and their charge, if the message that they belong to has not charged them.
type accountedFields struct {
	f       *wasihttp.Fields
	own     bool
	holding cm.Holding
}

var _ Fields = fields{}

// newFields makes fields that are charged to the account in ctx. Its error is a trap, as the interface has none.
func newFields(ctx context.Context, f *wasihttp.Fields) (fields, error) {
	out := fields{&accountedFields{f: f, own: true}}
	return out, out.updateHolding(ctx)
}

// messageFields are the fields of a message.
func messageFields(f *wasihttp.Fields) fields { return fields{&accountedFields{f: f}} }

// updateHolding charges the current size.
func (f fields) updateHolding(ctx context.Context) error {
	if !f.own {
		return nil
	}
	return f.holding.Hold(ctx, f.f.Size())
}

// Drop ends the charge.
func (f fields) Drop(context.Context) error {
	f.holding.Release()
	return nil
}

func (f fields) Get(_ context.Context, name FieldName) ([]FieldValue, error) {
	values := f.f.Get(name)
	out := make([]FieldValue, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out, nil
}

func (f fields) Has(_ context.Context, name FieldName) (bool, error) { return f.f.Has(name), nil }

func (f fields) Set(ctx context.Context, name FieldName, values []FieldValue) error {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return f.finishChange(ctx, f.f.Set(name, all))
}

func (f fields) Delete(ctx context.Context, name FieldName) error {
	return f.finishChange(ctx, f.f.Delete(name))
}

func (f fields) Append(ctx context.Context, name FieldName, value FieldValue) error {
	return f.finishChange(ctx, f.f.Append(name, string(value)))
}

// finishChange charges a change of the fields afterwards: the limit of fields bounds each change.
func (f fields) finishChange(ctx context.Context, err error) error {
	if err != nil {
		return headerError(err)
	}
	return f.updateHolding(ctx)
}

func (f fields) Entries(context.Context) ([]cm.Tuple2[FieldName, FieldValue], error) {
	entries := f.f.Entries()
	out := make([]cm.Tuple2[FieldName, FieldValue], len(entries))
	for i, e := range entries {
		out[i] = cm.Tuple2[FieldName, FieldValue]{F0: e.Name, F1: []byte(e.Value)}
	}
	return out, nil
}

func (f fields) Clone(ctx context.Context) (Fields, error) { return newFields(ctx, f.f.Clone()) }

// NewFields implements [Types].
func (t types) NewFields(ctx context.Context) (Fields, error) {
	return newFields(ctx, t.limits.NewFields())
}

// FieldsFromList implements [Types].
func (t types) FieldsFromList(ctx context.Context, entries []cm.Tuple2[FieldName, FieldValue]) (Fields, error) {
	f := t.limits.NewFields()
	for _, e := range entries {
		if err := f.Append(e.F0, string(e.F1)); err != nil {
			return nil, headerError(err)
		}
	}
	return newFields(ctx, f)
}
