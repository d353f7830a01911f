package httpp2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// fields is the resource fields.
type fields struct{ *wasihttp.AccountedFields }

var _ Fields = fields{}

// newFields makes fields that are charged to the account in ctx. Its error is a trap, as the interface has none.
func newFields(ctx context.Context, f *wasihttp.Fields) (fields, error) {
	out, err := wasihttp.NewAccountedFields(ctx, f, headerError)
	return fields{out}, err
}

// messageFields are the fields of a message.
func messageFields(f *wasihttp.Fields) fields { return fields{wasihttp.MessageFields(f, headerError)} }

func (f fields) Clone(ctx context.Context) (Fields, error) {
	return newFields(ctx, f.AccountedFields.Fields.Clone())
}

// NewFields implements [Types].
func (t types) NewFields(ctx context.Context) (Fields, error) {
	out, err := t.limits.NewAccountedFields(ctx, headerError)
	return fields{out}, err
}

// FieldsFromList implements [Types].
func (t types) FieldsFromList(ctx context.Context, entries []cm.Tuple2[FieldName, FieldValue]) (Fields, error) {
	f, err := t.limits.FieldsOf(entries)
	if err != nil {
		return nil, headerError(err)
	}
	return newFields(ctx, f)
}
