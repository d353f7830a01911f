// Package scaffold makes projects from templates: those in the binary, a folder, or a git repository.
package scaffold

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// files are the templates: a folder each, in which the file TEMPLATE says in its first line what it is for, in its second which programs, and
// other parts of toolchains, its build needs, and in a third "gosdk" if the project gets that folder, as sdk. A file named gitignore becomes .gitignore. Here, but not in templates
// from elsewhere, main.go.tmpl becomes main.go: Go's tools would take the latter for a part of this module. gosdk is a copy of some packages of the module sdk/go, which go generate writes.
//
//go:generate go test -run TestSDK -update
//go:embed templates gosdk
var files embed.FS

// meta is the name of the file that describes a template.
const meta = "TEMPLATE"

// placeholder stands for the project's name in the files of a template.
const placeholder = "__NAME__"

// Template is a template of the binary.
type Template struct {
	Name  string
	About string
	Needs []string // what its build needs, as build.Lacks has it
	sdk   bool     // it gets gosdk
}

// Templates are the templates of the binary, by name.
func Templates() []Template {
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err) // they are in the binary
	}
	var all []Template
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("templates", e.Name(), meta))
		if err != nil {
			panic(err)
		}
		lines := append(strings.Split(strings.TrimSpace(string(text)), "\n"), "", "")
		all = append(all, Template{e.Name(), lines[0], strings.Fields(lines[1]), lines[2] == "gosdk"})
	}
	return all
}

// Command says whether the project is a command, which is run, and not served.
func (t Template) Command() bool { return strings.HasSuffix(t.Name, "-command") }

// Bounds of templates that are not in the binary.
const (
	maxFiles = 10_000
	maxBytes = 256 << 20
)

// UnknownError says that there is no such template.
type UnknownError struct{ Name string }

// Error lists those that there are.
func (e *UnknownError) Error() string {
	var names []string
	for _, t := range Templates() {
		names = append(names, t.Name)
	}
	return fmt.Sprintf("there is no template %q: want %s, a folder, or the address of a git repository", e.Name, strings.Join(names, ", "))
}

// OccupiedError says that the folder of a new project has something in it.
type OccupiedError struct{ Dir string }

// Error names the folder.
func (e *OccupiedError) Error() string { return fmt.Sprintf("%s is there, and is not empty", e.Dir) }

// FileError says that a file is where the folder of a new project, or one above it, would be.
type FileError struct{ Path string }

// Error names the file.
func (e *FileError) Error() string { return fmt.Sprintf("%s is a file", e.Path) }

// EmptyError says that nothing in a template can be copied.
type EmptyError struct{ Template string }

// Error names the template.
func (e *EmptyError) Error() string {
	return fmt.Sprintf("there is no file in %s that can be copied; links and what is no file are left out", e.Template)
}

// schemes are the protocols of git that a template may come by.
var schemes = []string{"https", "http", "ssh", "file", "git"}

// isRepository says whether a template is the address of a git repository.
func isRepository(template string) bool {
	scheme, _, found := strings.Cut(template, "://")
	return found && slices.Contains(schemes, scheme) || strings.HasPrefix(template, "git@")
}

// New makes the project name in dir from a template: one of the binary, a folder, or the address of a git repository. dir must not be
// there, or be empty. What an attempt that fails has made stays only where the template itself could be read.
func New(ctx context.Context, template, dir, name string) error {
	if file := fileAbove(dir); file != "" {
		return &FileError{file}
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return &OccupiedError{dir}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if isRepository(template) {
		return fromRepository(ctx, template, dir, name)
	}
	all := Templates()
	if i := slices.IndexFunc(all, func(t Template) bool { return t.Name == template }); i >= 0 {
		return all[i].write(dir, name)
	}
	if info, err := os.Stat(template); err == nil && info.IsDir() {
		if within, err := inside(template, dir); err != nil || within {
			return errors.Join(err, fmt.Errorf("%s is in the template itself", dir))
		}
		return copyFrom(template, template, dir, name)
	}
	return &UnknownError{template}
}

// write makes a project of a template of the binary.
func (t Template) write(dir, name string) error {
	from, err := fs.Sub(files, path.Join("templates", t.Name))
	if err != nil {
		return err
	}
	if _, err := write(from, dir, name, ".tmpl"); err != nil || !t.sdk {
		return err
	}
	if from, err = fs.Sub(files, "gosdk"); err != nil {
		return err
	}
	_, err = write(from, filepath.Join(dir, "sdk"), name, ".tmpl")
	return err
}

// inside says whether a folder is below another, or the same.
func inside(outer, dir string) (bool, error) {
	a, err1 := filepath.Abs(outer)
	b, err2 := filepath.Abs(dir)
	rel, err3 := filepath.Rel(a, b)
	return err3 == nil && filepath.IsLocal(rel), errors.Join(err1, err2)
}

func fromRepository(ctx context.Context, address, dir, name string) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return errors.New("there is no program git in PATH: install the package git of your system")
	}
	temporary, err := os.MkdirTemp("", "vitrine-new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	clone := exec.CommandContext(ctx, git, "clone", "--quiet", "--depth", "1", "--", address, temporary)
	clone.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL="+strings.Join(schemes, ":"))
	if out, err := clone.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("git clone: %s", strings.Join(strings.Fields(string(out)), " "))
	}
	return copyFrom(address, temporary, dir, name)
}

// copyFrom makes a project of a template that is in a folder.
func copyFrom(template, folder, dir, name string) error {
	if count, err := write(os.DirFS(folder), dir, name, ""); err != nil || count > 0 {
		return err
	}
	return &EmptyError{template}
}

// fileAbove is the file, if there is one, that is where a folder would be, or one above it.
func fileAbove(dir string) string {
	for {
		switch info, err := os.Stat(dir); {
		case err == nil && info.IsDir():
			return ""
		case err == nil:
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

// write copies a template, and cuts suffix from the ends of its files' names. It returns how many files it has copied. Links and other things that are no files are left out, since they may lead anywhere.
func write(from fs.FS, dir, name, suffix string) (int, error) {
	count, size := 0, int64(0)
	err := fs.WalkDir(from, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "node_modules", "target"}, d.Name()):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, filepath.FromSlash(file)), 0o777)
		case !d.Type().IsRegular() || file == meta:
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if count, size = count+1, size+info.Size(); count > maxFiles || size > maxBytes {
			return fmt.Errorf("the template is too large: more than %d files or %d bytes", maxFiles, maxBytes)
		}
		source := file
		if file = strings.TrimSuffix(file, suffix); d.Name() == "gitignore" {
			file = path.Join(path.Dir(file), ".gitignore")
		}
		return copyFile(from, info, source, filepath.Join(dir, filepath.FromSlash(file)), name)
	})
	return count, err
}

// copyFile copies one file, with the project's name in place of the placeholder.
func copyFile(from fs.FS, info fs.FileInfo, source, target, name string) error {
	in, err := from.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxBytes))
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o666) | info.Mode()&0o111
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, strings.ReplaceAll(string(text), placeholder, name))
	return errors.Join(err, out.Close())
}
