//go:build unix

package core

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filled makes a cache with the code of "basics" in it, and gives the paths of its parts.
func filled(t *testing.T) map[string]string {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "cache")
	t.Run("made", func(t *testing.T) { compileIn(t, cache, 0, "basics") })
	own := filepath.Join(cache, cacheName)
	file := cacheFiles(t, cache)[0]
	return map[string]string{"cache": cache, "its own folder": own, "run": filepath.Join(own, "run"), "code": filepath.Join(own, "code"),
		"a module": filepath.Dir(file), "a file": file}
}

// TestCacheOfOthers: nothing is run from a cache that, or a part of which, belongs to another user or can be written to by others; it is
// said which.
func TestCacheOfOthers(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"another's": func(path string) error { return os.Lchown(path, 12345, 12345) },
		"group":     func(path string) error { return addMode(path, 0o020) },
		"everybody": func(path string) error { return addMode(path, 0o002) },
	} {
		for _, part := range []string{"cache", "its own folder", "run", "code", "a module", "a file"} {
			t.Run(name+" "+part, func(t *testing.T) {
				parts := filled(t)
				if err := spoil(parts[part]); errors.Is(err, fs.ErrPermission) {
					t.Skipf("only root can give a file away: %v", err)
				} else if err != nil {
					t.Fatal(err)
				}
				var warned []error
				e, err := NewEngine(t.Context(), Config{CacheDir: parts["cache"], CacheWarning: func(err error) { warned = append(warned, err) }})
				if err == nil {
					wasm := fixture(t, "basics")
					var cached bool
					_, cached, err = e.Compile(t.Context(), wasm, CompileOptions{Slots: slotsFor(t, wasm)})
					if cached || err != nil || len(warned) == 0 {
						t.Errorf("it ran: %v (%v), warnings %v", cached, err, warned)
					}
					if err := e.Close(context.Background()); err != nil {
						t.Error(err)
					}
					err = errors.Join(warned...)
				}
				if !untrusted(err) || !strings.Contains(err.Error(), parts[part]) {
					t.Errorf("got %v, wanted %s to be named", err, parts[part])
				}
			})
		}
	}
}

func addMode(path string, bits fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()|bits)
}

// TestCacheParents: what stands around the cache folder must not let others put another in its place; a folder that is sticky does not.
func TestCacheParents(t *testing.T) {
	for name, c := range map[string]struct {
		mode fs.FileMode
		good bool
	}{
		"sticky":          {0o777 | fs.ModeSticky, true},
		"everybody's":     {0o777, false},
		"its user's":      {0o755, true},
		"its user's only": {0o700, true},
	} {
		t.Run(name, func(t *testing.T) {
			parent := filepath.Join(t.TempDir(), "parent")
			if err := os.Mkdir(parent, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(parent, c.mode); err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{filepath.Join(parent, "cache"), parent} {
				e, err := NewEngine(t.Context(), Config{CacheDir: dir})
				if err == nil {
					err = e.Close(context.Background())
				}
				if c.good && err != nil || !c.good && !untrusted(err) {
					t.Errorf("%s: %v", dir, err)
				}
			}
		})
	}
}
