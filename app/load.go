package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// FileName is the name of a folder's manifest.
const FileName = "vitrine.yaml"

// maxManifest bounds a manifest's size in bytes.
const maxManifest = 1 << 20

// wasmMagic are the first bytes of every WebAssembly file.
var wasmMagic = []byte("\x00asm")

// Load reads a manifest, a folder that holds one, or a component alone, which becomes a workload with every default (see
// [Format.Bare]). Mistakes in a manifest are [Errors]; a path that cannot be read is an error of os.
func (f *Format) Load(path string) (*workload.Spec, error) {
	path, bare, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	if bare {
		return f.spec(f.Bare(path), ""), nil
	}
	data, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	return f.Parse(path, data)
}

// LoadUnbuilt is Load for a workload that is about to be built: the source file of a component that has a build command need
// not exist.
func (f *Format) LoadUnbuilt(path string) (*workload.Spec, error) {
	unbuilt := *f
	unbuilt.unbuilt = true
	return unbuilt.Load(path)
}

// Parse reads a manifest's text; file is its name for messages, and paths in it start from file's folder.
func (f *Format) Parse(file string, data []byte) (*workload.Spec, error) {
	m, err := f.Document(file, data)
	if err != nil {
		return nil, err
	}
	return f.spec(m, filepath.Dir(file)), nil
}

// Document is Parse, but returns the document. The error about a document of an unknown version names the known ones.
func (f *Format) Document(file string, data []byte) (*v1alpha1.Workload, error) {
	var m v1alpha1.Workload
	d := f.decode(file, data, &m)
	d.check(&m, filepath.Dir(file))
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	return &m, nil
}

// Spec checks a document that did not come from a file, and returns its workload; paths start from dir. Mistakes are [Errors]
// without a place.
func (f *Format) Spec(m *v1alpha1.Workload, dir string) (*workload.Spec, error) {
	n, err := nodeOf(m)
	if err != nil {
		return nil, err
	}
	d := newDecoder(f, "")
	var read v1alpha1.Workload
	if d.supportedVersion(n) {
		d.decodeValue(n, reflect.ValueOf(&read).Elem(), "", "")
	}
	d.check(&read, dir)
	if len(d.errs) > 0 {
		return nil, d.errs
	}
	return f.spec(&read, dir), nil
}

// Bare is the manifest of a component alone: one component named after the file, with the trigger of the first type that is
// supported and has a [workload.TriggerType].Default.
func (f *Format) Bare(file string) *v1alpha1.Workload {
	return f.Alone(file, v1alpha1.Source{File: file})
}

// Alone is Bare for a component that is from anywhere; name may be any text, of which a name is made.
func (f *Format) Alone(text string, source v1alpha1.Source) *v1alpha1.Workload {
	name := bareName(text)
	return &v1alpha1.Workload{
		APIVersion: v1alpha1.APIVersion,
		Kind:       v1alpha1.Kind,
		Metadata:   v1alpha1.Metadata{Name: name},
		Spec: v1alpha1.Spec{
			Components: []v1alpha1.Component{{Name: name, Source: source}},
			Triggers:   f.defaultTriggers(name),
		},
	}
}

// Resolve is the file that a path stands for: itself, or the manifest in a folder, or without one the only .wasm file there (several are a
// [*SeveralError]). bare says that it is a component's file rather than a
// manifest.
func Resolve(path string) (file string, bare bool, err error) {
	if path == "" {
		path = "."
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", false, err
	}
	if info.IsDir() {
		folder := path
		path = filepath.Join(folder, FileName)
		info, err = os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			path, info, err = loneComponent(folder, err)
		}
		if err != nil {
			return "", false, err
		}
	}
	if !info.Mode().IsRegular() {
		return "", false, &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is no file")}
	}
	switch filepath.Ext(path) {
	case ".wasm":
		return path, true, nil
	case ".yaml", ".yml", ".json":
		return path, false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	head := make([]byte, len(wasmMagic))
	n, _ := f.Read(head)
	return path, bytes.Equal(head[:n], wasmMagic), nil
}

// loneComponent is the one component in a folder without a manifest. missing is the error where there is none.
func loneComponent(folder string, missing error) (string, fs.FileInfo, error) {
	entries, err := os.ReadDir(folder)
	var found []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".wasm" && !e.IsDir() {
			found = append(found, filepath.Join(folder, e.Name()))
		}
	}
	switch {
	case err != nil || len(found) == 0:
		return "", nil, missing
	case len(found) > 1:
		return "", nil, &SeveralError{Folder: folder, Files: found}
	}
	info, err := os.Stat(found[0])
	return found[0], info, err
}

// SeveralError says that a folder without a manifest has several components.
type SeveralError struct {
	Folder string
	Files  []string // their paths
}

// Error names the folder and how many there are.
func (e *SeveralError) Error() string {
	return fmt.Sprintf("%s has %d components and no %s", e.Folder, len(e.Files), FileName)
}

func readManifest(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxManifest {
		return nil, Errors{{File: path, Line: 1, Column: 1, Problem: fmt.Sprintf("the file is larger than %d bytes; is it a manifest?", maxManifest)}}
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// bareName makes a component's name from a file's: "rust-price" from "Rust_Price.component.wasm".
func bareName(file string) v1alpha1.Name {
	s := strings.ToLower(filepath.Base(file))
	s = strings.TrimSuffix(strings.TrimSuffix(s, ".wasm"), ".component")
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
	s = strings.Trim(s[:min(len(s), 63)], "-")
	if s == "" {
		s = "component"
	}
	return v1alpha1.Name(s)
}
