package wit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads and resolves WIT from the file system. A path is a file, a folder of *.wit files that make one package
// (with what its folder "deps" holds), or a folder of such folders.
func Load(paths ...string) (*Set, error) {
	groups, err := gatherAll(paths)
	if err != nil {
		return nil, err
	}
	return Resolve(groups...)
}

// gatherAll reads the sources at several paths of the file system.
func gatherAll(paths []string) ([][]Source, error) {
	var groups [][]Source
	for _, p := range paths {
		dir, name := filepath.Split(filepath.Clean(p))
		if dir == "" {
			dir = "."
		}
		gs, err := gather(os.DirFS(dir), name, dir)
		if err != nil {
			return nil, err
		}
		groups = append(groups, gs...)
	}
	return groups, nil
}

// LoadFS is [Load] on a file system, an embedded one say.
func LoadFS(fsys fs.FS, paths ...string) (*Set, error) {
	var groups [][]Source
	for _, p := range paths {
		gs, err := gather(fsys, p, "")
		if err != nil {
			return nil, err
		}
		groups = append(groups, gs...)
	}
	return Resolve(groups...)
}

// gather reads the sources at p, a group for each package. base goes before names in messages.
func gather(fsys fs.FS, p, base string) ([][]Source, error) {
	info, err := fs.Stat(fsys, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(base, p), cause(err))
	}
	if !info.IsDir() {
		src, err := readSource(fsys, p, base)
		return [][]Source{{src}}, err
	}
	entries, err := fs.ReadDir(fsys, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(base, p), cause(err))
	}
	var own []Source
	var groups [][]Source
	var dirs []string
	for _, e := range entries {
		switch name := path.Join(p, e.Name()); {
		case e.IsDir():
			dirs = append(dirs, name)
		case strings.HasSuffix(e.Name(), ".wit"):
			src, err := readSource(fsys, name, base)
			if err != nil {
				return nil, err
			}
			own = append(own, src)
		}
	}
	if own != nil {
		groups = append(groups, own)
		dirs = slices.DeleteFunc(dirs, func(d string) bool { return path.Base(d) != "deps" })
	}
	for _, d := range dirs {
		if path.Base(d) == "deps" {
			gs, err := gatherDeps(fsys, d, base)
			if err != nil {
				return nil, err
			}
			groups = append(groups, gs...)
			continue
		}
		gs, err := gather(fsys, d, base)
		if err != nil {
			return nil, err
		}
		groups = append(groups, gs...)
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("%s: no *.wit file", filepath.Join(base, p))
	}
	return groups, nil
}

// gatherDeps reads a folder "deps": each entry is a package (WIT.md §Root Package: A Directory).
func gatherDeps(fsys fs.FS, dir, base string) ([][]Source, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(base, dir), cause(err))
	}
	var groups [][]Source
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), ".wit") {
			continue
		}
		gs, err := gather(fsys, path.Join(dir, e.Name()), base)
		if err != nil {
			return nil, err
		}
		groups = append(groups, gs...)
	}
	return groups, nil
}

func readSource(fsys fs.FS, p, base string) (Source, error) {
	b, err := fs.ReadFile(fsys, p)
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", filepath.Join(base, p), cause(err))
	}
	return Source{Name: filepath.Join(base, p), Text: string(b)}, nil
}

// cause is a file error without the path, which the message has already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// LoadBeside is [Load], with the packages of a file system besides: of its top folders those whose package no path has in the same version. So
// a set that names packages of others need not hold their text.
func LoadBeside(fsys fs.FS, paths ...string) (*Set, error) {
	groups, err := gatherAll(paths)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, g := range groups {
		names, err := packagesOf(g)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			has[n] = true
		}
	}
	others, err := gather(fsys, ".", "")
	if err != nil {
		return nil, err
	}
	for _, g := range others {
		names, err := packagesOf(g)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(names, func(n string) bool { return has[n] }) {
			groups = append(groups, g)
		}
	}
	return Resolve(groups...)
}

// packagesOf are the packages that sources declare.
func packagesOf(group []Source) (names []string, err error) {
	for i := range group {
		f, err := parse(&group[i])
		if err != nil {
			return nil, err
		}
		if f.pkg != nil {
			names = append(names, f.pkg.String())
		}
		for _, n := range f.nested {
			names = append(names, n.decl.String())
		}
	}
	return names, nil
}
