package core

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/private"
)

// precious makes a folder with something in it, and gives a function that says what of it is gone.
func precious(t *testing.T, dir string) (lost func() []string) {
	t.Helper()
	long := time.Now().Add(-10 * staleAfter)
	files := []string{"thesis.txt", "engine-1/thesis.txt", strings.Repeat("a", 64) + "/thesis.txt", strings.Repeat("b", 64) + "/x.y.1-12345678.txt"}
	for _, f := range files {
		path := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
		for p := path; p != dir; p = filepath.Dir(p) {
			if err := os.Chtimes(p, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
	return func() (gone []string) {
		for _, f := range files {
			if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
				gone = append(gone, f)
			}
		}
		return gone
	}
}

// TestCacheDeletesOnlyItsOwn: sweeping, throwing out and clearing up touch nothing that the cache has not made, wherever it lies and
// whatever leads to it.
func TestCacheDeletesOnlyItsOwn(t *testing.T) {
	link := func(t *testing.T, to, at string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for name, place := range map[string]func(t *testing.T, cache string) (treasure string){
		"beside it":     func(t *testing.T, cache string) string { return cache },
		"a folder run":  func(t *testing.T, cache string) string { return filepath.Join(cache, "run") },
		"a folder code": func(t *testing.T, cache string) string { return filepath.Join(cache, "code") },
		"among engines": func(t *testing.T, cache string) string { return filepath.Join(cache, cacheName, "run", "letters") },
		"among code":    func(t *testing.T, cache string) string { return filepath.Join(cache, cacheName, "code", "letters") },
		"in a module": func(t *testing.T, cache string) string {
			return filepath.Join(cache, cacheName, "code", strings.Repeat("c", 64))
		},
		"link among runs": func(t *testing.T, cache string) string {
			return linked(t, link, filepath.Join(cache, cacheName, "run", "engine-7"))
		},
		"link in a run": func(t *testing.T, cache string) string {
			return linked(t, link, filepath.Join(cache, cacheName, "run", "engine-8", "x"))
		},
		"link among code": func(t *testing.T, cache string) string {
			return linked(t, link, filepath.Join(cache, cacheName, "code", strings.Repeat("d", 64)))
		},
		"link in a module": func(t *testing.T, cache string) string {
			return linked(t, link, filepath.Join(cache, cacheName, "code", strings.Repeat("e", 64), "a.b.1-12345678"))
		},
		"link for run": func(t *testing.T, cache string) string {
			return replaced(t, link, filepath.Join(cache, cacheName, "run"))
		},
		"link for code": func(t *testing.T, cache string) string {
			return replaced(t, link, filepath.Join(cache, cacheName, "code"))
		},
		"link for all": func(t *testing.T, cache string) string { return replaced(t, link, filepath.Join(cache, cacheName)) },
	} {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			t.Run("made", func(t *testing.T) { compileIn(t, cache, 0, "start") })
			treasure := place(t, cache)
			lost := precious(t, treasure)
			long := time.Now().Add(-10 * staleAfter)
			for _, e := range []string{"engine-7", "engine-8"} {
				_ = os.Chtimes(filepath.Join(cache, cacheName, "run", e), long, long)
			}
			t.Run("used", func(t *testing.T) {
				for _, module := range []string{"basics", "importer", "start", "bounded"} {
					if e, err := NewEngine(t.Context(), Config{CacheDir: cache}); err != nil {
						t.Logf("the cache is refused: %v", err)
						continue
					} else if err := e.Close(context.Background()); err != nil {
						t.Error(err)
					}
					compileIn(t, cache, 1, module) // which throws out all that there is
				}
			})
			if gone := lost(); len(gone) > 0 {
				t.Errorf("lost: %q", gone)
			}
		})
	}
}

// linked gives a folder of somebody's, to which a link leads.
func linked(t *testing.T, link func(t *testing.T, to, at string), at string) string {
	t.Helper()
	to := t.TempDir()
	link(t, to, at)
	return to
}

// replaced is linked with the link in the place of what was there.
func replaced(t *testing.T, link func(t *testing.T, to, at string), at string) string {
	t.Helper()
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	return linked(t, link, at)
}

// TestCacheInAFolderOfOthers: a folder of the cache's name that is not the cache's is not used.
func TestCacheInAFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	precious(t, filepath.Join(dir, cacheName))
	_, err := NewEngine(t.Context(), Config{CacheDir: dir})
	if err == nil || !strings.Contains(err.Error(), "is no cache of Vitrine's") {
		t.Errorf("got %v", err)
	}
}

// TestCacheBehindALink: the cache folder itself may be a link.
func TestCacheBehindALink(t *testing.T) {
	to, at := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	if err := os.Symlink(to, at); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	compileIn(t, at, 0, "basics")
	if !compileIn(t, at, 0, "basics") || !compileIn(t, to, 0, "basics") {
		t.Error("a miss the second time")
	}
}

func untrusted(err error) bool {
	var u *private.Error
	return errors.As(err, &u)
}
