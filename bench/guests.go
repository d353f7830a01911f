package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// root is the module's folder: measurements work from any folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..")
}

// shortNames are the guests that have the name of their language; those of WASI 0.3 end in 3.
var shortNames = map[string]string{
	"rust": "rust-http-full-p2", "rust-small": "rust-http-p2", "go": "go126-http-p2", "js": "js-qjs-http-p2", "c": "c-strings",
	"rust3": "rust-http-p3", "go3": "go126-http-async-p3", "js3": "js-qjs-hello-http-p3", "c3": "c-http-p3",
}

// isAsync says whether a guest is one of WASI 0.3, by its name.
func isAsync(guest string) bool { return strings.Contains(cmp.Or(shortNames[guest], guest), "-p3") }

// guestFile finds a component: a path, or a prebuilt guest of testdata/guests by its name or its language.
func guestFile(name string) (string, error) {
	if strings.HasSuffix(name, ".wasm") {
		path, err := filepath.Abs(name)
		if err == nil {
			_, err = os.Stat(path)
		}
		return path, err
	}
	if long := shortNames[name]; long != "" {
		name = long
	}
	path, err := filepath.Abs(filepath.Join(root(), "testdata", "guests", "prebuilt", name+".component.wasm"))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("there is no guest %s in testdata/guests/prebuilt: %w", name, err)
	}
	return path, nil
}
