package core

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/vitrine-wasm/vitrine/internal/private"
)

// The cache keeps its files in a folder of its own, with a file in it that marks it as the cache's, and under names that no other
// program uses: the user's cache folder may hold other things, and only the cache's own files may be deleted.
const (
	cacheName = "vitrine-compiled"
	cacheMark = "VITRINE-CACHE"
	markText  = "This folder is Vitrine's cache of compiled code. Whatever is in it may be deleted at any time.\n"
)

// The names of what may be deleted: an engine's folder, a module's, and a file of a module's code.
var (
	engineName = regexp.MustCompile(`^engine-[0-9]+$`)
	moduleName = regexp.MustCompile(`^[0-9a-f]{64}$`)
	codeName   = regexp.MustCompile(`^[^.]+\.[^.]+\.[0-9a-f]+-[0-9a-f]{8}$`)
)

// cacheFolder makes the cache's own folder in dir, and dir where it is not there yet. It is a *private.Error if others can
// change what is in it. dir may be a symbolic link; nothing below it is followed.
func cacheFolder(dir string) (string, error) {
	dir, err := private.Root(dir)
	if err != nil {
		return "", err
	}
	own := filepath.Join(dir, cacheName)
	if err := private.Folder(own); err != nil {
		return "", err
	}
	return own, mark(own)
}

// mark makes the file that marks a folder as the cache's. A folder without it that is not empty belongs to something else.
func mark(own string) error {
	path := filepath.Join(own, cacheMark)
	marked := func() bool {
		info, err := os.Lstat(path)
		return err == nil && info.Mode().IsRegular()
	}
	if marked() {
		return nil
	}
	entries, err := os.ReadDir(own)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		if marked() { // by another process, between the two checks
			return nil
		}
		return fmt.Errorf("%s is no cache of Vitrine's: there is no file %s in it", own, cacheMark)
	}
	return os.WriteFile(path, []byte(markText), 0o600)
}

// removeEngine removes the folder of an engine. Links in it are removed, not their targets.
func removeEngine(path string) error {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || private.Foreign(info) != "" || !engineName.MatchString(filepath.Base(path)) {
		return err
	}
	return os.RemoveAll(path)
}

// codeFiles are the files of code in a module's folder; none if it is no folder of the cache's.
func codeFiles(dir string) []fs.DirEntry {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !moduleName.MatchString(filepath.Base(dir)) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []fs.DirEntry
	for _, e := range entries {
		if e.Type().IsRegular() && codeName.MatchString(e.Name()) {
			out = append(out, e)
		}
	}
	return out
}

// removeModule removes the code of a module.
func removeModule(dir string) {
	for _, e := range codeFiles(dir) {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
	_ = os.Remove(dir) // fails unless it is empty
}
