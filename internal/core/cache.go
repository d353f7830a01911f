package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// diskCache keeps compiled code in a directory that any number of processes share.
//
// wazero has a cache on disk of its own, but that grows without bounds, does not say whether it was of use, and trusts
// what it reads. It is therefore given a directory that no other process knows, and each piece of code is put there
// before wazero looks for it and taken away after wazero has written it:
//
//	code/<digest of the module>/<wazero's file name>.<digest of the file>   shared, written by rename only
//	run/<random>/                                                          wazero's, one for each engine
//
// wazero's file name stands for the processor's features, so one module may have several files. A file's modification
// time is when it was last of use; the least recently used ones go when the directory grows past its bound.
type diskCache struct {
	wazero wazero.CompilationCache
	code   string // the shared directory
	run    string // this engine's
	files  string // where wazero writes, a directory in run that it names after version, processor and system
	most   int64

	mu sync.Mutex // one compilation at a time, so that it is clear which file belongs to which module
}

const defaultCacheBytes = 1 << 30

// staleAfter is when the directory of an engine that did not close is swept away. An engine that is alive after all makes
// its directory again.
const staleAfter = 7 * 24 * time.Hour

func openDiskCache(dir string, most int64) (*diskCache, error) {
	if most <= 0 {
		most = defaultCacheBytes
	}
	d := &diskCache{code: filepath.Join(dir, "code"), most: most}
	runs := filepath.Join(dir, "run")
	for _, p := range []string{d.code, runs} {
		if err := os.MkdirAll(p, 0o700); err != nil {
			return nil, err
		}
	}
	sweep(runs)
	var err error
	if d.run, err = os.MkdirTemp(runs, ""); err != nil {
		return nil, err
	}
	if d.wazero, err = wazero.NewCompilationCacheWithDir(d.run); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.run))
	}
	names, err := os.ReadDir(d.run)
	if err != nil || len(names) != 1 {
		return nil, errors.Join(fmt.Errorf("%s: want one directory of wazero's", d.run), err, os.RemoveAll(d.run))
	}
	d.files = filepath.Join(d.run, names[0].Name())
	return d, nil
}

// sweep removes what engines of long ago left behind.
func sweep(runs string) {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.RemoveAll(filepath.Join(runs, e.Name())) // next time, if it fails
		}
	}
}

func (d *diskCache) close(ctx context.Context) error {
	return errors.Join(d.wazero.Close(ctx), os.RemoveAll(d.run))
}

type compileFunc func(context.Context, []byte) (wazero.CompiledModule, error)

// compile compiles a module, from the cache if it can. cached says that it could. Trouble with the cache is no error:
// the module is compiled without it.
func (d *diskCache) compile(ctx context.Context, compile compileFunc, code []byte) (c wazero.CompiledModule, cached bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := sha256.New()
	io.WriteString(h, filepath.Base(d.files)) //nolint:errcheck // hashes do not fail
	h.Write(code)
	dir := filepath.Join(d.code, hex.EncodeToString(h.Sum(nil)))

	given := d.give(dir)
	c, err = compile(ctx, code)
	if err != nil {
		// The module is bad, or a file is, or wazero's directory is gone or full. In the last case wazero has the code
		// in memory and is content the second time.
		_ = os.RemoveAll(d.files)
		if len(given) > 0 {
			_ = os.RemoveAll(dir)
			given = nil
		}
		if e := os.MkdirAll(d.files, 0o700); e != nil {
			return nil, false, errors.Join(err, e)
		}
		if c, err = compile(ctx, code); err != nil {
			return nil, false, err
		}
	}
	made := d.take(dir, given)
	if made > 0 {
		d.evict()
	}
	return c, made == 0 && len(given) > 0, nil
}

// give puts the files of a module where wazero looks for them, and names them.
func (d *diskCache) give(dir string) (given []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // there are none
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		name, sum, ok := strings.Cut(e.Name(), ".")
		if !ok {
			continue
		}
		got, err := digest(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has just thrown it out
		}
		if err != nil || got != sum {
			_ = os.Remove(path) // damaged
			continue
		}
		if link(path, filepath.Join(d.files, name)) != nil {
			continue
		}
		now := time.Now()
		_ = os.Chtimes(path, now, now) // a lost date costs a compilation at worst
		given = append(given, name)
	}
	return given
}

// take empties wazero's directory and moves what is new in it to the shared one. made is how many files were new.
func (d *diskCache) take(dir string, given []string) (made int) {
	entries, err := os.ReadDir(d.files)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		path := filepath.Join(d.files, e.Name())
		if !slices.Contains(given, e.Name()) && !strings.HasSuffix(e.Name(), ".tmp") {
			made++
			if sum, err := digest(path); err == nil && os.MkdirAll(dir, 0o700) == nil {
				// Two processes may do this at once; they write the same.
				if os.Rename(path, filepath.Join(dir, e.Name()+"."+sum)) == nil {
					continue
				}
			}
		}
		_ = os.Remove(path)
	}
	return made
}

// evict removes the least recently used files until nine tenths of the bound are left.
func (d *diskCache) evict() {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	dirs, _ := os.ReadDir(d.code)
	for _, dir := range dirs {
		entries, _ := os.ReadDir(filepath.Join(d.code, dir.Name()))
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				files = append(files, file{filepath.Join(d.code, dir.Name(), e.Name()), info.Size(), info.ModTime()})
				total += info.Size()
			}
		}
	}
	if total <= d.most {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if total <= d.most-d.most/10 {
			return
		}
		if os.Remove(f.path) == nil {
			total -= f.size
			_ = os.Remove(filepath.Dir(f.path)) // fails unless it is empty
		}
	}
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// link makes to the same file as from, or a copy where the file system has no links.
func link(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
