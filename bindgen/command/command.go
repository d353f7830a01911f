// Package command is the command line of package bindgen, for the programs that have it: vitrine and bindgen.
package command

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/bindgen"
	"github.com/vitrine-wasm/vitrine/wit"
)

// flags are what the command is given.
type flags struct {
	wit, imports, names []string
	out                 string
	check, noShipped    bool
	bindgen.Options
}

// New makes the command, which writes what it has to say to stdout. Its errors are for the program to print.
func New(stdout io.Writer) *cobra.Command { return newCommand(stdout, &flags{}) }

func newCommand(stdout io.Writer, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bindgen --wit PATH --bind WIT --out DIR",
		Short: "Write Go bindings from WIT",
		Long: `Writes a Go package of typed bindings, for Go programs that embed components: to serve the interfaces that a world imports,
and to call those that it exports; with --component for programs that become components themselves, by GOOS=wasip1. The folder given with --out holds the files *.gen.go afterwards, and no others of that name.

Interfaces of WASI 0.2 and 0.3, wasi:keyvalue, wasi:config, wasi:blobstore and wasi:logging are imported from the bindings of Vitrine's own
module (--no-shipped binds them anew); --import names other Go packages that hold bindings. The text of these WIT packages
has to be there all the same, in the folder deps beside the WIT, say.

What generated code looks like, and which of it stays the same, is in the documentation of github.com/vitrine-wasm/vitrine/bindgen.`,
		Example: `  vitrine bindgen --wit wit --bind my:app/service --out internal/service
  vitrine bindgen --wit wit --bind my:app@1.0.0 --interface types,store --out app --package app
  vitrine bindgen --wit wit --bind my:app/service --out service \
    --import other:lib/types@0.1.0=example.com/lib/types
  vitrine bindgen --wit wit --bind my:app/service --out internal/service --check
  vitrine bindgen --wit wit --bind my:app/service --out internal/bindings --component

In a module of its own, after go get -tool github.com/vitrine-wasm/vitrine/bindgen/cmd/bindgen:
  //go:generate go tool bindgen --wit wit --bind my:app/service --out internal/service`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return f.run(stdout) },
	}
	set := cmd.Flags()
	set.StringSliceVar(&f.wit, "wit", nil, "files of WIT text, folders of one package (with its deps), or folders of such folders")
	set.StringVar(&f.Bind, "bind", "", "what to bind: a world (my:app/service@1.0.0), a package (my:app@1.0.0) or an interface; the version may be left out")
	set.StringSliceVar(&f.Interfaces, "interface", nil, "bind only these interfaces of the package")
	set.StringVarP(&f.out, "out", "o", "", "the Go package's folder")
	set.StringVar(&f.Package, "package", "", "the Go package's name (the folder's, if left out)")
	set.StringSliceVar(&f.imports, "import", nil, "WIT=PATH[:NAME]: the Go package that has the binding of a WIT package or interface, and its name if that is not the path's last element")
	set.BoolVar(&f.noShipped, "no-shipped", false, "do not import from the bindings of Vitrine's own module")
	set.StringSliceVar(&f.Features, "feature", nil, "bind what is unstable behind these features, too; * for all")
	set.StringSliceVar(&f.names, "name", nil, "WIT=NAME: the Go name of a type (my:app/types.error-code=Failure) or an interface (my:app/types=Types)")
	set.StringSliceVar(&f.BorrowsBytes, "borrows-bytes", nil, "functions (output-stream.write) whose Go implementations keep no bytes of their arguments, which then are not copied")
	set.StringSliceVar(&f.Children, "child", nil, "methods (outgoing-body.write) whose results hold a child of their resource, which the guest has to drop first")
	set.BoolVar(&f.Component, "component", false, "bindings for code inside a component, built with GOOS=wasip1: what the world imports is called, what it exports is implemented")
	set.BoolVar(&f.check, "check", false, "write nothing: exit with status 1 if the files are not what would be written")
	return cmd
}

func (f *flags) run(stdout io.Writer) error {
	for _, need := range []struct {
		name  string
		given bool
		what  string
	}{
		{"--wit", len(f.wit) > 0, "where the WIT text is"},
		{"--out", f.out != "", "the folder of the Go package"},
	} {
		if !need.given {
			return fmt.Errorf("%s is missing: %s", need.name, need.what)
		}
	}
	set, err := wit.Load(f.wit...)
	if err != nil {
		return err
	}
	if err := f.complete(set); err != nil {
		return err
	}
	files, err := bindgen.Generate(set, f.Options)
	if err != nil {
		return err
	}
	if !f.check {
		if err := bindgen.Write(f.out, files); err != nil {
			return err
		}
		_, err := fmt.Fprintf(stdout, "%s: package %s, %s of %s\n", f.out, f.Package, counted(len(files), "file"), f.Bind)
		return err
	}
	drift, err := bindgen.Drift(f.out, files)
	if err != nil || len(drift) == 0 {
		return err
	}
	return &DriftError{Dir: f.out, Files: drift}
}

// complete makes options of flags.
func (f *flags) complete(set *wit.Set) error {
	if f.Package == "" {
		abs, err := filepath.Abs(f.out)
		if err != nil {
			return err
		}
		f.Package = filepath.Base(abs)
	}
	for _, text := range f.imports {
		of, goes, ok := strings.Cut(text, "=")
		path, name, _ := strings.Cut(goes, ":")
		if !ok || path == "" {
			return fmt.Errorf("--import %s: want WIT=PATH or WIT=PATH:NAME", text)
		}
		if !has(set, of) {
			return fmt.Errorf("--import %s: %s is not in the WIT text", text, of)
		}
		f.Imports = append(f.Imports, bindgen.Import{WIT: of, Path: path, Package: name, Features: f.Features})
	}
	if !f.noShipped && !f.Component {
		f.Imports = append(f.Imports, bindgen.Shipped()...)
	}
	for _, text := range f.names {
		of, name, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("--name %s: want WIT=NAME", text)
		}
		if f.Names == nil {
			f.Names = map[string]string{}
		}
		f.Names[of] = name
	}
	return nil
}

// has says whether a set has a package or an interface, in a compatible version.
func has(set *wit.Set, name string) bool {
	base, version, _ := strings.Cut(name, "@")
	pkg, iface, _ := strings.Cut(base, "/")
	ns, pkg, _ := strings.Cut(pkg, ":")
	p := set.Package(ns, pkg, version)
	return p != nil && (iface == "" || p.Interface(iface) != nil)
}

// DriftError says that the files in Dir are not what would be written: Files has a line for each ("types.gen.go: differs").
type DriftError struct {
	Dir   string
	Files []string
}

// Error names the folder and its files.
func (e *DriftError) Error() string {
	return fmt.Sprintf("the bindings in %s are not what their WIT makes: %s: run the same command without --check", e.Dir, strings.Join(e.Files, ", "))
}

// Errors splits an error of the command into those that it joins, in order.
func Errors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
