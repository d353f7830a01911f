package bind

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// maxCaseText bounds what CaseText makes, in bytes, but for the label and what the last value adds.
const maxCaseText = 256

// CaseText is a case of a variant in words: `circle({X: 1, Y: 2})`. payload points to the field that holds the payload. Texts are
// quoted and long values cut. Of handles, streams and futures it shows only that there is one, because a handle may refer to anything
// of the host's. Generated bindings call it.
func CaseText(label string, payload any) string {
	w := caseText{most: len(label) + maxCaseText}
	w.WriteString(label + "(")
	w.value(reflect.ValueOf(payload).Elem())
	return w.String() + ")"
}

type caseText struct {
	strings.Builder
	most int
}

// full says that there is no more room.
func (w *caseText) full() bool { return w.Len() >= w.most }

var resourcePointer = reflect.TypeFor[*cm.Resource]()

func (w *caseText) value(v reflect.Value) {
	if v.Type() == resourcePointer || v.Kind() == reflect.Interface || v.Kind() == reflect.Struct && v.NumField() == 1 && v.Field(0).Type() == resourcePointer {
		w.WriteString("resource")
		return
	}
	if _, ok := v.Interface().(io.Closer); ok { // a reader
		w.WriteString("stream or future")
		return
	}
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		w.WriteString(s.String())
		return
	}
	switch v.Kind() {
	case reflect.String:
		w.text(v.String())
	case reflect.Pointer:
		w.option(v)
	case reflect.Struct:
		w.fields(v)
	case reflect.Slice, reflect.Array:
		w.list(v.Len(), "[", "]", func(i int) { w.value(v.Index(i)) })
	case reflect.Map:
		w.WriteString(strconv.Itoa(v.Len()) + " entries")
	default:
		fmt.Fprint(w, v.Interface())
	}
}

func (w *caseText) text(s string) {
	if room := max(w.most-w.Len(), 0); len(s) > room {
		w.WriteString(strconv.Quote(strings.ToValidUTF8(s[:room], "")) + "…")
		return
	}
	w.WriteString(strconv.Quote(s))
}

func (w *caseText) option(v reflect.Value) {
	if v.IsNil() {
		w.WriteString("none")
		return
	}
	w.WriteString("some(")
	w.value(v.Elem())
	w.WriteString(")")
}

// fields writes a record, a tuple or a result.
func (w *caseText) fields(v reflect.Value) {
	if r, ok := v.Interface().(interface{ Variant() cm.Variant }); ok {
		arm, at := r.Variant().Case, "OK"
		if arm == "error" {
			at = "Err"
		}
		w.WriteString(arm + "(")
		w.value(v.FieldByName(at))
		w.WriteString(")")
		return
	}
	t := v.Type()
	if t.NumField() > 0 && t.Field(0).Name == "F0" {
		w.list(t.NumField(), "(", ")", func(i int) { w.value(v.Field(i)) })
		return
	}
	w.list(t.NumField(), "{", "}", func(i int) {
		w.WriteString(t.Field(i).Name + ": ")
		w.value(v.Field(i))
	})
}

func (w *caseText) list(n int, open, end string, each func(i int)) {
	w.WriteString(open)
	for i := range n {
		if i > 0 {
			w.WriteString(", ")
		}
		if w.full() {
			w.WriteString("…")
			break
		}
		each(i)
	}
	w.WriteString(end)
}
