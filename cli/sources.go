package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cli/internal/watch"
	"github.com/vitrine-wasm/vitrine/workload"
)

// sources are what a workload is made from, and what of it has to be built.
type sources struct {
	path    string   // of the workload, of its manifest if it has one
	also    []string // further files whose changes count
	watcher *watch.Watcher
	watched string // the watcher's config

	changed []string          // files that have changed since it was last decided what to build
	built   map[string]string // by component: the build that has made it as its files are now
}

func newSources(path string, also ...string) *sources {
	// A folder whose manifest goes away, and comes back, is not the component alone that it holds meanwhile.
	if manifest, bare, err := app.Resolve(path); err == nil && !bare {
		path = manifest
	}
	return &sources{path: path, also: also, built: map[string]string{}}
}

// change is what has changed, and when the first change was.
type change struct {
	files []string
	since time.Time
	all   bool // everything is to be built, whatever has changed
	err   error
}

// close ends the watching.
func (d *sources) close() {
	if d.watcher != nil {
		_ = d.watcher.Close()
	}
}

// watch watches what w is made from, by another watcher if that has changed.
func (d *sources) watch(w *workload.Spec) error {
	c, err := watchConfig(d.path, w)
	if err != nil {
		return err
	}
	c.Files = append(c.Files, d.also...)
	key := fmt.Sprintf("%q", []any{c.Folders, c.Files, c.Ignore})
	if key == d.watched {
		return nil
	}
	next, err := watch.New(c)
	if err != nil {
		return err
	}
	if d.watcher != nil {
		_ = d.watcher.Close()
	}
	d.watcher, d.watched = next, key
	return nil
}

// folderOf is what a component's build is made from.
func folderOf(c *workload.Component) (watch.Folder, error) {
	path, err := filepath.Abs(c.Build.Folder)
	return watch.Folder{Path: path, Patterns: c.Build.Watch}, err
}

// watchConfig says what the workload of path is made from.
func watchConfig(path string, w *workload.Spec) (c watch.Config, err error) {
	abs := func(file string) string {
		full, failed := filepath.Abs(file)
		if failed != nil {
			err = failed
		}
		return full
	}
	manifest, bare, err := app.Resolve(path)
	if err != nil {
		return c, err
	}
	if !bare {
		c.Files = append(c.Files, abs(manifest))
	}
	for _, component := range w.Components {
		b := &component.Build
		if len(b.Command) == 0 {
			c.Files = append(c.Files, abs(component.Source.File))
		} else {
			folder, failed := folderOf(&component)
			c.Folders, err = append(c.Folders, folder), errors.Join(err, failed)
			c.Ignore = append(c.Ignore, abs(component.Source.File))
		}
		for _, f := range component.Grants.Files {
			if !f.ReadOnly {
				c.Ignore = append(c.Ignore, abs(f.Host))
			}
		}
		for _, secret := range component.Grants.Secrets {
			if secret.File != "" {
				c.Files = append(c.Files, abs(secret.File))
			}
		}
	}
	return c, err
}

// stale are the components to build: those that are not built as their files and their build are now. They count as not built until they are.
func (d *sources) stale(w *workload.Spec) (names []string) {
	for i := range w.Components {
		c := &w.Components[i]
		if len(c.Build.Command) == 0 {
			continue
		}
		folder, err := folderOf(c)
		concerned := func(file string) bool { return d.watcher.Concerns(folder, file) }
		_, missing := os.Stat(c.Source.File)
		if err != nil || missing != nil || d.built[c.Name] != buildKey(c) || slices.ContainsFunc(d.changed, concerned) {
			names = append(names, c.Name)
			delete(d.built, c.Name)
		}
	}
	d.changed = nil
	return names
}

// note notes a change: what it concerns is to be built.
func (d *sources) note(c change) {
	d.changed = append(d.changed, c.files...)
	if c.all {
		clear(d.built)
	}
}

// choose builds the stale components alone, and notes which have been built.
func (d *sources) choose(w *workload.Spec, stale []string) build.Config {
	return build.Config{
		Choose: func(c *workload.Component) bool { return slices.Contains(stale, c.Name) },
		Built:  func(name string) { d.built[name] = buildKey(w.Component(name)) },
	}
}

// buildKey tells builds from each other.
func buildKey(c *workload.Component) string { return fmt.Sprintf("%q %q", c.Build, c.Source.File) }
