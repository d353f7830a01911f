package bindgen

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// suffix is what all generated files end with.
const suffix = ".gen.go"

// Write makes dir, which it creates, hold these generated files, and no other ones that end in .gen.go.
func Write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	left, err := leftOver(dir, files)
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Drift says how what dir holds differs from what [Write] would make it hold, a line for each file: "types.gen.go: differs". The line ends of
// Windows make no difference.
func Drift(dir string, files map[string][]byte) ([]string, error) {
	var drift []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		had, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			drift = append(drift, name+": missing")
		case err != nil:
			return nil, err
		case !bytes.Equal(bytes.ReplaceAll(had, []byte("\r\n"), []byte("\n")), files[name]):
			drift = append(drift, name+": differs")
		}
	}
	left, err := leftOver(dir, files)
	for _, name := range left {
		drift = append(drift, name+": left over")
	}
	return drift, err
}

// leftOver are the generated files in dir that are not among these.
func leftOver(dir string, files map[string][]byte) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var left []string
	for _, e := range entries {
		if name := e.Name(); len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix && files[name] == nil {
			left = append(left, name)
		}
	}
	return left, nil
}
