package httpp3

import (
	"context"
	"errors"

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

// messageFields wraps the fields of a message.
func messageFields(f *wasihttp.Fields) fields { return fields{wasihttp.MessageFields(f, headerError)} }

func (f fields) CopyAll(ctx context.Context) ([]cm.Tuple2[FieldName, FieldValue], error) {
	return f.Entries(ctx)
}

func (f fields) Clone(ctx context.Context) (Fields, error) {
	return newFields(ctx, f.AccountedFields.Fields.Clone())
}

// NewFields implements [Types].
func (t types) NewFields(ctx context.Context) (Fields, error) {
	return newFields(ctx, t.limits.NewFields())
}

// FieldsFromList implements [Types].
func (t types) FieldsFromList(ctx context.Context, entries []cm.Tuple2[FieldName, FieldValue]) (Fields, error) {
	f, err := t.limits.FieldsOf(entries)
	if err != nil {
		return nil, headerError(err)
	}
	return newFields(ctx, f)
}

// head moves the headers and their charge into a new message. Headers over the operator's limit are a trap: the interface has no
// error for them here.
func (t types) head(ctx context.Context, headers Headers) (*wasihttp.Fields, cm.Holding, error) {
	h, err := cm.ObjectAs[fields](FieldsType, headers)
	if err != nil {
		return nil, cm.Holding{}, err
	}
	f, held, err := h.Head(ctx, t.limits)
	if errors.Is(err, wasihttp.ErrFieldsSize) {
		err = cm.Trapf(cm.TrapHeaders, "%w", err)
	}
	return f, held, err
}
