// Command witsig writes the signatures of a WIT package in the house style: one file an interface, the worlds in one
// more. Signatures come from -from; documentation comes only from the files that are in -to already, item by item, so
// that text written here stays and none is taken over.
//
//	go run ./tests/witsig -package wasi:io@0.2.12 -to wasi/wit/wasi-io@0.2.12 -from ../shared/wit/wasi-io@0.2.12
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vitrine-wasm/vitrine/wit"
)

func main() {
	pkg := flag.String("package", "", "the package, ns:name@version")
	to := flag.String("to", "", "folder to write to")
	from := flag.String("from", "", "the folder of the package, then those that it refers to, with commas between them")
	flag.Parse()
	if err := run(*pkg, *to, strings.Split(*from, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "witsig:", err)
		os.Exit(1)
	}
}

func run(name, to string, from []string) error {
	set, err := wit.Load(from...)
	if err != nil {
		return err
	}
	p, err := pick(set, name)
	if err != nil {
		return err
	}
	docs, err := ownDocs(to, from, name)
	if err != nil {
		return err
	}
	p.EachDocs(func(path string, d *string) { *d = docs[path] })
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for file, text := range p.Files() {
		if err := os.WriteFile(filepath.Join(to, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ownDocs are the docs in the folder to, by item. The first of from is the package itself.
func ownDocs(to string, from []string, name string) (map[string]string, error) {
	docs := map[string]string{}
	if found, _ := filepath.Glob(filepath.Join(to, "*.wit")); len(found) == 0 {
		return docs, nil
	}
	set, err := wit.Load(append([]string{to}, from[1:]...)...)
	if err != nil {
		return nil, err
	}
	p, err := pick(set, name)
	if err != nil {
		return nil, err
	}
	p.EachDocs(func(path string, d *string) { docs[path] = *d })
	return docs, nil
}

func pick(set *wit.Set, name string) (*wit.Package, error) {
	for _, p := range set.Packages {
		if p.String() == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("package %s is not in the given folders", name)
}
