package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// fields is the resource fields. Several may share what they hold, none of which can be changed then.
type fields struct{ *heldFields }

// heldFields are fields, with what they hold if they are their own. Those of a message are the message's.
type heldFields struct {
	f       *wasihttp.Fields
	own     bool
	holding cm.Holding
}

var _ Fields = fields{}

// newFields makes fields of their own: what they take is taken from the account in ctx. The error is a trap: the interface has
// none for it.
func newFields(ctx context.Context, f *wasihttp.Fields) (fields, error) {
	out := fields{&heldFields{f: f, own: true}}
	return out, out.settle(ctx)
}

// ofMessage are the fields of a message.
func ofMessage(f *wasihttp.Fields) fields { return fields{&heldFields{f: f}} }

// settle holds as much as the fields take now.
func (f fields) settle(ctx context.Context) error {
	if !f.own {
		return nil
	}
	return f.holding.Hold(ctx, f.f.Size())
}

// Drop gives back what they took.
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
	return f.changed(ctx, f.f.Set(name, all))
}

func (f fields) Delete(ctx context.Context, name FieldName) error {
	return f.changed(ctx, f.f.Delete(name))
}

func (f fields) Append(ctx context.Context, name FieldName, value FieldValue) error {
	return f.changed(ctx, f.f.Append(name, string(value)))
}

// changed ends a change of the fields. No change takes more than fields may have at all, so that it is done first.
func (f fields) changed(ctx context.Context, err error) error {
	if err != nil {
		return headerError(err)
	}
	return f.settle(ctx)
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
