// Package watch says which files have changed that builds are made from.
//
// A change is one of contents: a file that is touched, or written again as it was, has not changed, so that most of what a build writes
// among its sources does not start the next build. A file that changes with each build is taken for something that the build makes, unless
// the config names it.
package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Folder is a folder with files that something is made from.
type Folder struct {
	Path string
	// Patterns choose the files, from Path; none: all that no .gitignore names.
	Patterns []string
}

// Config says what to watch. All paths are absolute.
type Config struct {
	Folders []Folder
	Files   []string // further files
	Ignore  []string // files and folders that do not count: what builds make, what components write
	// Quiet is how long nothing may change before a change counts, since editors and version control write several files; 0: 50 ms.
	Quiet time.Duration
}

// maxFolders and maxQuiet bound how many folders are watched, and how long changes that go on can hold back the first.
const (
	maxFolders = 20_000
	maxQuiet   = time.Second
)

// Watcher collects changes. Close it after use.
type Watcher struct {
	config Config
	fs     *fsnotify.Watcher
	done   chan struct{} // closed when its goroutine has ended
	wake   chan struct{}

	mu       sync.Mutex
	ignores  ignores
	contents map[string]string    // of the files that count, as far as they are known
	pending  map[string]time.Time // files that have changed since the last Next, and when
	last     time.Time            // of the last event
	built    time.Time            // when the last build has ended
	again    []string             // the files of the last Next
	times    int                  // how often in a row they, and no others, have changed during a build or just after it
	err      error
}

// New begins to watch.
func New(c Config) (*Watcher, error) {
	if c.Quiet <= 0 {
		c.Quiet = 50 * time.Millisecond
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(err)
	}
	w := &Watcher{config: c, fs: n, done: make(chan struct{}), wake: make(chan struct{}, 1), ignores: ignores{map[string][]rule{}},
		contents: map[string]string{}, pending: map[string]time.Time{}}
	for _, f := range c.Folders {
		err = errors.Join(err, w.add(f.Path, false))
	}
	for _, file := range c.Files {
		err = errors.Join(err, explain(n.Add(filepath.Dir(file)))) // of a file that editors replace nothing would be seen
		w.contents[file] = contentOf(file)
	}
	if err != nil {
		n.Close()
		return nil, err
	}
	go w.loop()
	return w, nil
}

// Close ends it.
func (w *Watcher) Close() error {
	err := w.fs.Close()
	<-w.done
	return err
}

// Next waits until files have changed and nothing has changed for a while, and returns them with the time of the first change. Changes between two
// calls are not lost.
func (w *Watcher) Next(ctx context.Context) (changed []string, since time.Time, err error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w.mu.Lock()
		var wait time.Duration
		if len(w.pending) > 0 {
			since = slices.MinFunc(slices.Collect(maps.Values(w.pending)), time.Time.Compare)
			wait = min(time.Until(w.last.Add(w.config.Quiet)), time.Until(since.Add(maxQuiet)))
			if wait <= 0 {
				changed = slices.Sorted(maps.Keys(w.pending))
				clear(w.pending)
				w.count(changed, since)
				w.mu.Unlock()
				return changed, since, nil
			}
		}
		failed := w.err
		w.mu.Unlock()
		if failed != nil {
			return nil, time.Time{}, failed
		}
		if wait == 0 {
			wait = time.Hour
		}
		timer.Reset(wait)
		select {
		case <-w.wake:
		case <-timer.C:
		case <-ctx.Done():
			return nil, time.Time{}, context.Cause(ctx)
		}
	}
}

// maxTimes bounds how often in a row the same files may change during a build or shortly after it: what a build writes, or has others write,
// such as a log of its output, would start builds for ever.
const (
	maxTimes = 10
	shortly  = 500 * time.Millisecond
)

// count notes which files have changed during a build or shortly after it. w.mu is held.
func (w *Watcher) count(changed []string, since time.Time) {
	switch {
	case since.Sub(w.built) > shortly, slices.ContainsFunc(changed, w.named):
		w.times = 0
	case slices.Equal(changed, w.again):
		w.times++
	default:
		w.times = 1
	}
	w.again = slices.Clone(changed)
}

// named says whether the config names a file, by itself or by a pattern: it counts whoever changes it.
func (w *Watcher) named(file string) bool {
	return slices.Contains(w.config.Files, file) || slices.ContainsFunc(w.config.Folders, func(f Folder) bool { return len(f.Patterns) > 0 && inside(f.Path, file) })
}

// Built is called when a build has ended. It returns files that have changed with each of many builds, and nothing else has: they do not count
// from now on.
func (w *Watcher) Built() (made []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.built = time.Now()
	if w.times >= maxTimes {
		made = w.again
		w.config.Ignore = append(w.config.Ignore, made...)
		w.times, w.again = 0, nil
		for _, file := range made {
			delete(w.pending, file)
		}
	}
	return made
}

func (w *Watcher) loop() {
	defer close(w.done)
	for {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			w.event(e)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.rescan()
				continue
			}
			w.mu.Lock()
			w.err = explain(err)
			w.mu.Unlock()
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *Watcher) event(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod {
		return
	}
	if filepath.Base(e.Name) == ".gitignore" {
		w.mu.Lock()
		clear(w.ignores.byDir)
		w.mu.Unlock()
	}
	if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
		if e.Op.Has(fsnotify.Create) {
			_ = w.add(e.Name, true)
		}
		return
	}
	w.look(e.Name)
}

// rescan looks at all files, after events were lost.
func (w *Watcher) rescan() {
	for _, f := range w.config.Folders {
		_ = w.add(f.Path, true)
	}
	for _, file := range w.config.Files {
		w.look(file)
	}
}

// look notes a change of a file, if it has changed and counts.
func (w *Watcher) look(file string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.counts(file) {
		return
	}
	now := contentOf(file)
	if was, known := w.contents[file]; known && was == now || !known && now == "" {
		return
	}
	w.contents[file] = now
	w.last = time.Now()
	if _, ok := w.pending[file]; !ok {
		w.pending[file] = w.last
	}
}

// add watches a folder and those below it, and reads the files in it. report says that the files are new: they have changed.
func (w *Watcher) add(root string, report bool) error {
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && file == root:
			return explain(err)
		case err != nil:
			return nil // it is gone again
		case !d.IsDir():
			if report {
				w.look(file)
				return nil
			}
			w.mu.Lock()
			if w.counts(file) {
				w.contents[file] = contentOf(file)
			}
			w.mu.Unlock()
			return nil
		}
		w.mu.Lock()
		skip := !w.enters(file)
		w.mu.Unlock()
		if skip {
			return fs.SkipDir
		}
		if len(w.fs.WatchList()) >= maxFolders {
			return fmt.Errorf("there are more than %d folders to watch; say in a .gitignore or in watch which of them count", maxFolders)
		}
		return explain(w.fs.Add(file))
	})
}

// enters says whether a folder is watched. w.mu is held.
func (w *Watcher) enters(dir string) bool {
	for _, f := range w.config.Folders {
		if inside(f.Path, dir) && !w.left(dir) && !w.ignores.ignored(f.Path, dir, true) {
			return true
		}
	}
	return false
}

// Concerns says whether a file that has changed is one of a folder of the config.
func (w *Watcher) Concerns(f Folder, file string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chosen(f, file)
}

// counts says whether a file is one that something is made from. w.mu is held.
func (w *Watcher) counts(file string) bool {
	if slices.Contains(w.config.Files, file) {
		return true
	}
	if w.left(file) || isOutput(file) {
		return false
	}
	return slices.ContainsFunc(w.config.Folders, func(f Folder) bool { return w.chosen(f, file) })
}

// chosen says whether a folder's patterns choose a file. w.mu is held.
func (w *Watcher) chosen(f Folder, file string) bool {
	if !inside(f.Path, file) || w.ignores.ignored(f.Path, file, false) {
		return false
	}
	rel, err := filepath.Rel(f.Path, file)
	return err == nil && (len(f.Patterns) == 0 || slices.ContainsFunc(f.Patterns, func(p string) bool { return match(p, filepath.ToSlash(rel)) }))
}

// isOutput says whether a file is what the process itself prints to.
func isOutput(file string) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if own, err := f.Stat(); err == nil && os.SameFile(info, own) {
			return true
		}
	}
	return false
}

// left says whether Config.Ignore names a path, or a folder above it.
func (w *Watcher) left(file string) bool {
	return slices.ContainsFunc(w.config.Ignore, func(i string) bool { return inside(i, file) })
}

// inside says whether a path is a folder, or below it.
func inside(dir, file string) bool {
	return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// maxContent bounds the bytes of a file that are compared; of a larger one size and time are.
const maxContent = 8 << 20

// contentOf stands for a file's contents; empty: there is no such file.
func contentOf(file string) string {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if info.Size() > maxContent {
		return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	}
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxContent)); err != nil {
		return ""
	}
	return string(h.Sum(nil))
}

// explain says what to do about the system's bounds.
func explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) {
		return fmt.Errorf("the system allows no more folders to be watched: %w; raise fs.inotify.max_user_watches and max_user_instances (Linux), or name fewer files in watch", err)
	}
	return err
}
