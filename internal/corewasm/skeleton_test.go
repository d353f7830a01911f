package corewasm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func allFixtures(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, g := range []string{"testdata/*.wasm", "../core/testdata/*.wasm"} {
		files, err := filepath.Glob(g)
		if err != nil || len(files) == 0 {
			t.Fatal("no fixtures", err)
		}
		all = append(all, files...)
	}
	return all
}

func slots(t *testing.T, wasm []byte) []Slot {
	t.Helper()
	imports, err := ImportsOf(wasm)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Slot, len(imports))
	for i := range out {
		out[i] = Slot{Module: "$0", Field: imports[i].Field}
	}
	return out
}

// TestSkeleton compares the result of Skeleton with that of Rewrite.
func TestSkeleton(t *testing.T) {
	for _, file := range allFixtures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			wasm, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Slots: slots(t, wasm)}
			full, err := Rewrite(wasm, o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Skeleton(wasm, o, full.Facts, []byte("id"))
			if err != nil {
				t.Fatal(err)
			}
			other, err := Skeleton(wasm, o, full.Facts, []byte("ie"))
			if err != nil || bytes.Equal(s.Wasm, other.Wasm) {
				t.Error("another id gives the same skeleton", err)
			}
			if _, err := parse(s.Wasm); err != nil {
				t.Error("the skeleton:", err)
			}
			full.Wasm, s.Wasm = nil, nil
			if !reflect.DeepEqual(full, s) {
				t.Errorf("skeleton %+v\nrewritten %+v", s, full)
			}
		})
	}
}

func TestFactsAreChecked(t *testing.T) {
	wasm := fixture(t, "all")
	for _, f := range []Facts{"", "x", "0-0-0", "0-0--1-true", "0-0-0-maybe", "00-0-0-true", "0-0-0-true ", "1ffffffff-0-0-true"} {
		if _, err := Skeleton(wasm, Options{Slots: slots(t, wasm)}, f, nil); err == nil {
			t.Errorf("%q: no error", f)
		}
	}
}

// TestVersion fails when Rewrite writes other bytes than before: raise [Version] then, and put the new digest here.
func TestVersion(t *testing.T) {
	h := sha256.New()
	for _, wasm := range [][]byte{fixture(t, "all"), fixture(t, "checks"), manyFolds()} {
		r, err := Rewrite(wasm, Options{Slots: slots(t, wasm)})
		if err != nil {
			t.Fatal(err)
		}
		h.Write(r.Wasm)
	}
	const version, want = 10, "5e4a0888f58028fd3993e7d0ee734ee3b3c5b4467d7094a2efb34a0ed4223d1a"
	if got := hex.EncodeToString(h.Sum(nil)); got != want || Version != version {
		t.Errorf("version %d writes %s", Version, got)
	}
}
