package core

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/internal/private"
)

// A cache may be sealed: made in advance, carried by an image, and read by processes of other users. It is never written to, and code in it may be
// the system's user's. wazero has a folder of its own elsewhere, with links to the code.

// sealMark is the file that marks a cache as sealed.
const (
	sealMark = "VITRINE-SEALED"
	sealText = "This cache of compiled code is only read: vitrine precompile has made it.\n"
)

// Seal makes the cache in dir one that is only read, by any user. No engine may use it. A dir that has more in it than the cache keeps its permissions.
func Seal(dir string) error {
	own := filepath.Join(dir, cacheName)
	if err := os.RemoveAll(filepath.Join(own, "run")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(own, sealMark), []byte(sealText), 0o644); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 1 { // others may not want to have theirs read: a home, for example
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return filepath.WalkDir(own, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.Chmod(path, 0o755)
		case e.Type().IsRegular():
			return os.Chmod(path, 0o644)
		}
		return nil
	})
}

// Unseal makes a sealed cache one that can be written to by its owner, and does nothing to any other folder. was says that it was sealed.
func Unseal(dir string) (was bool, err error) {
	switch err = os.Remove(filepath.Join(dir, cacheName, sealMark)); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, err
}

func isSealed(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, cacheName, sealMark))
	return err == nil && info.Mode().IsRegular()
}

// openSealed opens a sealed cache. It is a *private.Error if others than the system's user or this process's can change what is in it.
func openSealed(c Config, config wazero.RuntimeConfig) (*diskCache, error) {
	dir, err := private.Existing(c.CacheDir)
	if err != nil {
		return nil, err
	}
	own := filepath.Join(dir, cacheName)
	d := newDiskCache(own, c, config)
	d.sealed = true
	for _, path := range []string{own, d.code} {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, &private.Error{Path: path, Why: "is no folder"}
		}
		if why := private.Trusted(info); why != "" {
			return nil, &private.Error{Path: path, Why: why}
		}
	}
	// An image of nothing else has no folder for temporary files, but each container has one for shared memory. Links take no space in it.
	for _, runs := range []string{os.TempDir(), "/dev/shm"} {
		if err = d.begin(runs); err == nil {
			return d, nil
		}
	}
	return nil, err
}

// foreign says why code in the cache is not trusted.
func (d *diskCache) foreign(info fs.FileInfo) string {
	if d.sealed {
		return private.Trusted(info)
	}
	return private.Foreign(info)
}

// link puts code where wazero reads it. A file of another user can only be named, and a file that is never written need not be had.
func (d *diskCache) link(from, to string) error {
	if d.sealed && os.Symlink(from, to) == nil {
		return nil
	}
	return link(from, to)
}

// stat is of the code itself where it is only named.
func (d *diskCache) stat(path string) (fs.FileInfo, error) {
	if d.sealed {
		return os.Stat(path)
	}
	return os.Lstat(path)
}
