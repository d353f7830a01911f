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
	"github.com/vitrine-wasm/vitrine/internal/private"
)

// diskCache keeps compiled code in a directory that any number of processes share.
//
// wazero has a cache on disk of its own, but that grows without bounds, does not say whether it had the code, and trusts
// what it reads. It is therefore given a directory that no other process knows. Code from the cache is put there before wazero looks
// for it, and code that wazero has written is moved from there to the cache, all in a folder of the cache's own:
//
//	code/<key of the module>/<wazero's file name>.<facts>.<digest of the file>   shared, written by rename only
//	run/engine-<random>/                                                        wazero's, one for each engine
//
// Code from the cache is run only if no other user can have written it, and only what the cache has made is deleted: see cachedir.go.
//
// If the machine code comes from the cache, the module's own code need not be read: wazero gets the module's skeleton, which holds an
// identifier of the module and its facts, and the file has the name by which wazero looks for the skeleton's machine code. That makes a
// start many times shorter, because wazero reads, validates and digests all of a module.
//
// wazero's file name stands for the processor's features, so one module may have several files. A file's modification
// time is the time of its last use; the least recently used ones are deleted when the directory grows past its bound.
type diskCache struct {
	wazero wazero.CompilationCache
	code   string // the shared directory
	run    string // this engine's
	files  string // where wazero writes, a directory in run that it names after version, processor and system
	most   int64
	config wazero.RuntimeConfig // of runtimes that are only made to learn file names
	warn   func(error)
	swept  sync.WaitGroup
	sealed bool // code is only read: see sealed.go

	// Any number of modules is taken from the cache at once; a compilation runs alone, so that it is clear which file belongs to
	// which module.
	mu sync.RWMutex

	dir   sync.Mutex      // held while code is taken from the cache, and files are read or changed
	given map[string]bool // names of the files that they have put there
}

const defaultCacheBytes = 1 << 30

// staleAfter is the age at which the directory of an engine that was not closed is removed. An engine that still runs makes its
// directory again.
const staleAfter = 7 * 24 * time.Hour

func openDiskCache(c Config, config wazero.RuntimeConfig) (*diskCache, error) {
	if isSealed(c.CacheDir) {
		return openSealed(c, config)
	}
	own, err := cacheFolder(c.CacheDir)
	if err != nil {
		return nil, err
	}
	d := newDiskCache(own, c, config)
	runs := filepath.Join(own, "run")
	for _, p := range []string{d.code, runs} {
		if err := private.Folder(p); err != nil {
			return nil, err
		}
	}
	if err := d.begin(runs); err != nil {
		return nil, err
	}
	d.swept.Go(func() { sweep(runs) }) // not to delay the start: there may be hundreds
	return d, nil
}

func newDiskCache(own string, c Config, config wazero.RuntimeConfig) *diskCache {
	d := &diskCache{code: filepath.Join(own, "code"), most: c.CacheBytes, config: config, warn: c.CacheWarning, given: map[string]bool{}}
	if d.most <= 0 {
		d.most = defaultCacheBytes
	}
	if d.warn == nil {
		d.warn = func(error) {}
	}
	return d
}

// begin makes the engine's folder in runs.
func (d *diskCache) begin(runs string) (err error) {
	if d.run, err = os.MkdirTemp(runs, "engine-"); err != nil {
		return err
	}
	if d.wazero, err = wazero.NewCompilationCacheWithDir(d.run); err != nil {
		return errors.Join(err, os.RemoveAll(d.run))
	}
	names, err := os.ReadDir(d.run)
	if err != nil || len(names) != 1 {
		return errors.Join(fmt.Errorf("%s: want one directory of wazero's", d.run), err, os.RemoveAll(d.run))
	}
	d.files = filepath.Join(d.run, names[0].Name())
	return nil
}

// sweep removes the directories of engines that ended long ago without Close.
func sweep(runs string) {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = removeEngine(filepath.Join(runs, e.Name())) // if it fails, the next sweep tries again
		}
	}
}

func (d *diskCache) close(ctx context.Context) error {
	d.swept.Wait()
	return errors.Join(d.wazero.Close(ctx), os.RemoveAll(d.run))
}

// compilation is a module to be compiled.
type compilation struct {
	key      moduleKey
	compile  func(context.Context, []byte) (wazero.CompiledModule, error)
	rewrite  func() (*corewasm.Result, error)
	skeleton func(corewasm.Facts) (*corewasm.Result, error)
}

// compile compiles a module, from the cache if it can. cached says that it could. A failure of the cache is no error:
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
	_ = d.clear() // files that other compilations could not remove
	c, err = w.compile(ctx, r.Wasm)
	if err != nil && ctx.Err() != nil {
		return nil, nil, false, err
	}
	if err != nil {
		// The module is invalid, or wazero's directory is gone or full. In the latter case wazero has the code in memory and succeeds the
		// second time.
		if e := d.clear(); e != nil {
			return nil, nil, false, errors.Join(err, e)
		}
		if c, err = w.compile(ctx, r.Wasm); err != nil {
			return nil, nil, false, err
		}
	}
	if d.sealed {
		_ = d.clear() // if it fails, the next compilation does it
	} else if d.keep(ctx, dir, w, r.Facts) {
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
	if c == nil && !d.sealed {
		removeModule(dir)
	}
	return c, r
}

// fromSkeleton compiles a skeleton whose machine code is in wazero's directory. It makes sure that wazero has taken that code: the
// functions of a skeleton that is compiled itself all trap.
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

// untouched says whether the given files are still the same, and all other files were given for other modules: then wazero has
// written nothing.
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

// statNow identifies the file that a path names at this moment. On Windows os.Stat would identify it only when it is compared, by the
// path, which may name another file by then; a file that is open is identified at once.
func statNow(path string) (fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// takeBack removes the files that were given.
func (d *diskCache) takeBack(given map[string]fs.FileInfo) {
	d.dir.Lock()
	defer d.dir.Unlock()
	for name := range given {
		_ = os.Remove(filepath.Join(d.files, name)) // if it fails, the next compilation removes it
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
