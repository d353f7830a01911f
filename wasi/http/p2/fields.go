package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// fields is the resource fields. Several may share what they hold, none of which can be changed then.
type fields struct{ f *wasihttp.Fields }

var _ Fields = fields{}

func (f fields) Get(_ context.Context, name FieldName) ([]FieldValue, error) {
	values := f.f.Get(name)
	out := make([]FieldValue, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out, nil
}

func (f fields) Has(_ context.Context, name FieldName) (bool, error) { return f.f.Has(name), nil }

func (f fields) Set(_ context.Context, name FieldName, values []FieldValue) error {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return headerError(f.f.Set(name, all))
}

func (f fields) Delete(_ context.Context, name FieldName) error { return headerError(f.f.Delete(name)) }

func (f fields) Append(_ context.Context, name FieldName, value FieldValue) error {
	return headerError(f.f.Append(name, string(value)))
}

func (f fields) Entries(context.Context) ([]cm.Tuple2[FieldName, FieldValue], error) {
	entries := f.f.Entries()
	out := make([]cm.Tuple2[FieldName, FieldValue], len(entries))
	for i, e := range entries {
		out[i] = cm.Tuple2[FieldName, FieldValue]{F0: e.Name, F1: []byte(e.Value)}
	}
	return out, nil
}

func (f fields) Clone(context.Context) (Fields, error) { return fields{f.f.Clone()}, nil }

// NewFields implements [Types].
func (t types) NewFields(context.Context) (Fields, error) { return fields{t.limits.NewFields()}, nil }

// FieldsFromList implements [Types].
func (t types) FieldsFromList(_ context.Context, entries []cm.Tuple2[FieldName, FieldValue]) (Fields, error) {
	f := t.limits.NewFields()
	for _, e := range entries {
		if err := f.Append(e.F0, string(e.F1)); err != nil {
			return nil, headerError(err)
		}
	}
	return fields{f}, nil
}
