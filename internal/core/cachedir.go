package core

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

// UntrustedCacheError says that code in a cache folder is not run, because another user could have put it there.
type UntrustedCacheError struct{ Path, Why string }

// Error names the folder or file, and who can change it.
func (e *UntrustedCacheError) Error() string { return e.Path + " " + e.Why }

// cacheFolder makes the cache's own folder in dir, and dir where it is not there yet. It is an *UntrustedCacheError if others can
// change what is in it. dir may be a symbolic link; nothing below it is followed.
func cacheFolder(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if err := checkOuter(dir); err != nil {
		return "", err
	}
	own := filepath.Join(dir, cacheName)
	if err := ownFolder(own); err != nil {
		return "", err
	}
	return own, mark(own)
}

// checkOuter checks the folders around the cache's own: no other user may be able to replace it. In a sticky folder no other user can.
func checkOuter(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if why := foreign(info, true); why != "" {
		return &UntrustedCacheError{dir, why}
	}
	for outer := filepath.Dir(dir); ; outer = filepath.Dir(outer) {
		info, err := os.Stat(outer)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o002 != 0 && checksModes && info.Mode()&fs.ModeSticky == 0 {
			return &UntrustedCacheError{outer, "can be written to by everybody"}
		}
		if outer == filepath.Dir(outer) {
			return nil
		}
	}
}

// ownFolder makes a folder that no other user can write to, or checks one that exists.
func ownFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder of Vitrine's, as its name says that it is", path)
	}
	if why := foreign(info, false); why != "" {
		return &UntrustedCacheError{path, why}
	}
	return nil
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
	if err != nil || !info.IsDir() || foreign(info, false) != "" || !engineName.MatchString(filepath.Base(path)) {
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
