// Command bindgen writes Go bindings from WIT.
//
//	bindgen -house ROOT
//	bindgen -wit DIR,… -bind WIT -name GONAME -out DIR [-import WIT=IMPORT/PATH:GONAME,…] [-wasi ROOT] [-features F,…]
//
// The first form writes all bindings of the module that lies at ROOT. The second writes those of one package
// ("wasi:io@0.2.12") or world ("my:app/service@1.0.0"). Types of other packages are imported from where -import says;
// -wasi adds the WIT text of the module at ROOT, and imports WASI's types from its bindings.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/bindgen"
	"github.com/vitrine-wasm/vitrine/wit"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bindgen:", err)
		os.Exit(1)
	}
}

func run() error {
	house := flag.String("house", "", "write the bindings of the module with this root")
	dirs := flag.String("wit", "", "folders or files of WIT text, with commas between them")
	bind := flag.String("bind", "", "the package or world to bind")
	name := flag.String("name", "", "name of the Go package")
	out := flag.String("out", "", "folder to write to")
	imports := flag.String("import", "", "bindings to import types from: WIT=path:name, with commas between them")
	wasi := flag.String("wasi", "", "root of the module whose WASI text and bindings to use")
	features := flag.String("features", "", "unstable features to bind, or *")
	flag.Parse()
	if *house != "" {
		return writeHouse(*house)
	}
	if *dirs == "" || *bind == "" || *name == "" || *out == "" {
		flag.Usage()
		return fmt.Errorf("want -house, or -wit, -bind, -name and -out")
	}
	paths := strings.Split(*dirs, ",")
	if *wasi != "" {
		paths = append(paths, bindgen.HouseWIT(*wasi)...)
	}
	set, err := wit.Load(paths...)
	if err != nil {
		return err
	}
	b := bindgen.Binding{WIT: *bind, Name: *name, Features: split(*features)}
	var others []bindgen.Binding
	if *wasi != "" {
		others = slices.Clone(bindgen.House)
	}
	for _, i := range split(*imports) {
		w, rest, ok1 := strings.Cut(i, "=")
		p, n, ok2 := strings.Cut(rest, ":")
		if !ok1 || !ok2 {
			return fmt.Errorf("-import %s: want WIT=path:name", i)
		}
		others = append(others, bindgen.Binding{WIT: w, Path: p, Name: n})
	}
	files, err := bindgen.Generate(set, b, others)
	if err != nil {
		return err
	}
	return bindgen.Write(*out, files)
}

func writeHouse(root string) error {
	all, err := bindgen.GenerateHouse(root)
	if err != nil {
		return err
	}
	for _, b := range bindgen.House {
		files := map[string][]byte{}
		for name, src := range all {
			if dir, file := filepath.Split(name); filepath.Clean(dir) == filepath.FromSlash(b.Dir()) {
				files[file] = src
			}
		}
		if err := bindgen.Write(filepath.Join(root, b.Dir()), files); err != nil {
			return err
		}
	}
	return nil
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
