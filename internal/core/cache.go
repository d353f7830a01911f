package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// diskCache keeps compiled code in a directory that any number of processes share.
//
// wazero has a cache on disk of its own, but that grows without bounds, does not say whether it was of use, and trusts
// what it reads. It is therefore given a directory that no other process knows, and each piece of code is put there
// before wazero looks for it and taken away after wazero has written it, all in a folder of the cache's own:
//
//	code/<key of the module>/<wazero's file name>.<facts>.<digest of the file>   shared, written by rename only
//	run/engine-<random>/                                                        wazero's, one for each engine
//
// Code is run from there only if nobody else can have written it, and nothing is deleted but what was made here: see cachedir.go.
//
// With the code from the cache nobody needs to read the module's: wazero gets the module's skeleton, which names itself
// after the module and its facts, and the file is kept under the name by which wazero looks for the skeleton's code.
// That makes a start many times shorter, because wazero reads, validates and digests all that it is given.
//
// wazero's file name stands for the processor's features, so one module may have several files. A file's modification
// time is when it was last of use; the least recently used ones go when the directory grows past its bound.
type diskCache struct {
	wazero wazero.CompilationCache
	code   string // the shared directory
	run    string // this engine's
	files  string // where wazero writes, a directory in run that it names after version, processor and system
	most   int64
	config wazero.RuntimeConfig // of runtimes that only find out names
	warn   func(error)
	swept  sync.WaitGroup

	// Any number of modules is taken from the cache at once; who compiles does so alone, so that it is clear which file
	// belongs to which module.
	mu sync.RWMutex

	dir   sync.Mutex      // held by those who take code from the cache, while they look at files or change it
	given map[string]bool // names of what they have put there
}

const defaultCacheBytes = 1 << 30

// staleAfter is when the directory of an engine that did not close is swept away. An engine that is alive after all makes
// its directory again.
const staleAfter = 7 * 24 * time.Hour

func openDiskCache(c Config, config wazero.RuntimeConfig) (*diskCache, error) {
	own, err := cacheFolder(c.CacheDir)
	if err != nil {
		return nil, err
	}
	d := &diskCache{code: filepath.Join(own, "code"), most: c.CacheBytes, config: config, warn: c.CacheWarning, given: map[string]bool{}}
	if d.most <= 0 {
		d.most = defaultCacheBytes
	}
	if d.warn == nil {
		d.warn = func(error) {}
	}
	runs := filepath.Join(own, "run")
	for _, p := range []string{d.code, runs} {
		if err := ownFolder(p); err != nil {
			return nil, err
		}
	}
	if d.run, err = os.MkdirTemp(runs, "engine-"); err != nil {
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
	d.swept.Go(func() { sweep(runs) }) // beside the start: there may be hundreds to look at
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
			_ = removeEngine(filepath.Join(runs, e.Name())) // next time, if it fails
		}
	}
}

func (d *diskCache) close(ctx context.Context) error {
	d.swept.Wait()
	return errors.Join(d.wazero.Close(ctx), os.RemoveAll(d.run))
}

// compilation is a module that is wanted.
type compilation struct {
	key      moduleKey
	compile  func(context.Context, []byte) (wazero.CompiledModule, error)
	rewrite  func() (*corewasm.Result, error)
	skeleton func(corewasm.Facts) (*corewasm.Result, error)
}

// compile compiles a module, from the cache if it can. cached says that it could. Trouble with the cache is no error:
// the module is compiled without it.
func (d *diskCache) compile(ctx context.Context, w compilation) (c wazero.CompiledModule, r *corewasm.Result, cached bool, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d ", filepath.Base(d.files), corewasm.Version)
	h.Write(w.key[:])
	dir := filepath.Join(d.code, hex.EncodeToString(h.Sum(nil)))

	if c, r = d.find(ctx, dir, w); c != nil {
		return c, r, true, nil
	}
	if r, err = w.rewrite(); err != nil {
		return nil, nil, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.clear() // of what others could not remove
	c, err = w.compile(ctx, r.Wasm)
	if err != nil && ctx.Err() != nil {
		return nil, nil, false, err
	}
	if err != nil {
		// The module is bad, or wazero's directory is gone or full. Then wazero has the code in memory and is content the
		// second time.
		if e := d.clear(); e != nil {
			return nil, nil, false, errors.Join(err, e)
		}
		if c, err = w.compile(ctx, r.Wasm); err != nil {
			return nil, nil, false, err
		}
	}
	if d.keep(ctx, dir, w, r.Facts) {
		d.evict()
	}
	return c, r, false, nil
}

// find takes a module's code from the cache; nil if it is not there.
func (d *diskCache) find(ctx context.Context, dir string, w compilation) (wazero.CompiledModule, *corewasm.Result) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	given, known := d.give(dir)
	if len(given) == 0 {
		return nil, nil
	}
	defer d.takeBack(given)
	c, r := d.fromSkeleton(ctx, given, known, w)
	if c == nil {
		removeModule(dir)
	}
	return c, r
}

// fromSkeleton compiles a skeleton in the presence of its code. It makes sure that the code was taken: a skeleton that is
// compiled itself traps wherever it is called.
func (d *diskCache) fromSkeleton(ctx context.Context, given map[string]fs.FileInfo, known corewasm.Facts, w compilation) (wazero.CompiledModule, *corewasm.Result) {
	r, err := w.skeleton(known)
	if err != nil {
		return nil, nil
	}
	c, err := w.compile(ctx, r.Wasm)
	if err != nil {
		return nil, nil
	}
	if !d.untouched(given) {
		_ = c.Close(ctx)
		return nil, nil
	}
	return c, r
}

// untouched says whether the files that were given are there still, and no others but those that were given for other
// modules: wazero has written nothing.
func (d *diskCache) untouched(given map[string]fs.FileInfo) bool {
	d.dir.Lock()
	defer d.dir.Unlock()
	entries, err := os.ReadDir(d.files)
	found := 0
	for _, e := range entries {
		switch want := given[e.Name()]; {
		case want != nil:
			now, err := statNow(filepath.Join(d.files, e.Name()))
			if err != nil || !os.SameFile(now, want) {
				return false
			}
			found++
		case !d.given[e.Name()]:
			return false
		}
	}
	return err == nil && found == len(given)
}

// statNow tells which file a path names at this moment. Windows would look that up when it is compared, by the path, under which
// another file may lie then; what is open is known at once.
func statNow(path string) (fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// takeBack removes what was given.
func (d *diskCache) takeBack(given map[string]fs.FileInfo) {
	d.dir.Lock()
	defer d.dir.Unlock()
	for name := range given {
		_ = os.Remove(filepath.Join(d.files, name)) // what stays is cleared away by the next who compiles
		delete(d.given, name)
	}
}

// clear empties wazero's directory, and makes it if it is not there.
func (d *diskCache) clear() error {
	entries, err := os.ReadDir(d.files)
	if err != nil {
		_ = os.RemoveAll(d.files)
		return os.MkdirAll(d.files, 0o700)
	}
	for _, e := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(d.files, e.Name())))
	}
	return err
}
