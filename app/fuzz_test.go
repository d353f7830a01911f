package app

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// FuzzParse parses any text, and the full manifest with any part of it replaced: errors have places in the file and are the same
// each time, and a valid manifest is the same when it is written and parsed again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(fullManifest), false, uint16(0), uint16(0))
	f.Add([]byte("a: &a [*a]"), false, uint16(0), uint16(0))
	f.Add([]byte("spec: {components: [{name: a, links: {b: c}}]}"), false, uint16(0), uint16(0))
	f.Add([]byte("a: &a [b]\nc: &c [*a, *a]\n<<: *c\n---\nx"), false, uint16(0), uint16(0))
	f.Add([]byte("? [a, b]\n: !!binary aGk=\n\"\\x00\": 'x'\n"), false, uint16(0), uint16(0))
	f.Add([]byte("metadata: {name: x, labels: {a: \"1\", ? b : ''}, annotations: {\"\\n\": \" x \"}}"), false, uint16(0), uint16(0))
	for _, v := range []string{"", "x", "1", "-1", "0x10", "1e9", "~", "[]", "{}", "|\n  x", "99999999999999999999", "1Ki", "1.5h", "!!str 5", "*a", "\t"} {
		for _, key := range []string{"LOG: ", "memory: ", "deadline: ", "max: ", "isolation: ", "access: ", "path: ", "version: ", "queue: ", "file: "} {
			at := strings.Index(fullManifest, key) + len(key)
			f.Add([]byte(v), true, uint16(at), uint16(strings.IndexAny(fullManifest[at:], ",}")))
		}
	}
	dir := folder(f)
	file := filepath.Join(dir, "vitrine.yaml")
	f.Fuzz(func(t *testing.T, data []byte, patch bool, at, del uint16) {
		if patch {
			from := min(int(at), len(fullManifest))
			to := min(from+int(del), len(fullManifest))
			data = append(append([]byte(fullManifest[:from]), data...), fullManifest[to:]...)
		}
		var m v1alpha1.Workload
		d := testFormat.decode(file, data, &m)
		d.check(&m, dir)
		w, err := testFormat.Parse(file, data)
		if (err == nil) != (len(d.errs) == 0) {
			t.Fatalf("parse: %v, check: %v", err, d.errs)
		}
		if err != nil {
			checkPlaces(t, file, data, err)
			if _, err2 := testFormat.Parse(file, data); err2 == nil || err2.Error() != err.Error() {
				t.Fatalf("first:\n%v\nthen:\n%v", err, err2)
			}
			return
		}
		text, err := Write(&m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := testFormat.Parse(file, text)
		if err == nil {
			dropEmpty(reflect.ValueOf(w).Elem())
			dropEmpty(reflect.ValueOf(again).Elem())
		}
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Fatalf("written manifest: %v\n%s\n%+v\n%+v", err, text, w, again)
		}
		var m2 v1alpha1.Workload
		testFormat.decode(file, text, &m2)
		if text2, err := Write(&m2); err != nil || !bytes.Equal(text, text2) {
			t.Fatalf("written again, %v:\n%s\n%s", err, text, text2)
		}
	})
}

// FuzzRewrite changes any manifest as flags do: the rewritten manifest means the changed workload.
func FuzzRewrite(f *testing.F) {
	names := sortedKeys(changes)
	for _, text := range manifests() {
		for i := range names {
			f.Add([]byte(text), uint8(i))
		}
	}
	dir := folder(f)
	file := filepath.Join(dir, "vitrine.yaml")
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		if _, err := testFormat.Parse(file, data); err != nil {
			return
		}
		what := names[int(which)%len(names)]
		out, want := rewritten(t, file, data, changes[what])
		got, err := testFormat.Parse(file, out)
		if err != nil {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		absolute(t, got)
		absolute(t, want)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: it says %+v\nwanted  %+v\n%s", what, got, want, out)
		}
	})
}

// checkPlaces fails unless every mistake has a place in the file and a message of one line.
func checkPlaces(t *testing.T, file string, data []byte, err error) {
	t.Helper()
	var es Errors
	if !errors.As(err, &es) || len(es) == 0 || len(es) > maxErrors+1 {
		t.Fatalf("%T with %d mistakes: %v", err, len(es), err)
	}
	lines := 1 + bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + bytes.Count(data, []byte("\u0085")) +
		bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029"))
	for _, e := range es {
		if e.File != file || e.Line < 1 || e.Line > lines+1 || e.Column < 1 || e.Column > len(data)+2 || e.Problem == "" {
			t.Fatalf("mistake at %d:%d of %d lines, %d bytes: %+v", e.Line, e.Column, lines, len(data), e)
		}
		if strings.ContainsAny(e.Error(), "\n\r\x00") {
			t.Fatalf("a mistake takes more than a line: %q", e.Error())
		}
	}
}

// dropEmpty makes empty lists and mappings nil: an absent key means the same.
func dropEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dropEmpty(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dropEmpty(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dropEmpty(v.Index(i))
		}
		if v.Len() == 0 {
			v.SetZero()
		}
	case reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
		}
	}
}
