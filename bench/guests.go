package main

import (
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

// shortNames are the guests that the documents name by their language.
var shortNames = map[string]string{"rust": "rust-http-full-p2", "rust-small": "rust-http-p2", "go": "go126-http-p2", "js": "js-qjs-http-p2", "c": "c-strings"}

// guestFile finds a component: a path, a bundled example, or a prebuilt guest of testdata/guests by its name or its language.
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
	for _, path := range []string{
		filepath.Join(root(), "testdata", "guests", "prebuilt", name+".component.wasm"),
		filepath.Join(root(), "examples", "demo", "guests", name+".wasm"),
	} {
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("%s: no such guest among testdata/guests/prebuilt or examples/demo/guests", name)
}
