package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/spintoml"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// maxSpin bounds a manifest of Spin, in bytes.
const maxSpin = 1 << 20

func (p *process) importing() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import [PATH]",
		Short: "Write a manifest for an application of Spin",
		Long: `Reads spin.toml, of version 2, or the one in a folder, and writes a manifest of the same components: sources, HTTP routes, variables,
stores, databases, hosts, environment, files and builds. What the manifest does not have, or has otherwise, is printed with its place.
Secret variables are not written. Stores and databases are files in the folder ` + spintoml.Folder + `, which is made.`,
		Example: "  vitrine import spin.toml\n  vitrine import spin.toml --output - | less",
		Args:    cobra.MaximumNArgs(1),
	}
	output := cmd.Flags().StringP("output", "o", "", "the file to write, - for standard output; default "+app.FileName+" in the folder of spin.toml")
	force := cmd.Flags().Bool("force", false, "replace the file if it is there")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, err := spinFile(append(args, ".")[0])
		if err != nil {
			return err
		}
		data, err := readBounded(file, maxSpin)
		if err != nil {
			return err
		}
		made, err := spintoml.Import(data)
		if err != nil {
			return importProblem(file, err)
		}
		to := *output
		if to == "" {
			to = filepath.Join(filepath.Dir(file), app.FileName)
		}
		if to != "-" {
			rebase(made, filepath.Dir(file), filepath.Dir(to))
		}
		manifest, err := app.Write(made.Workload)
		if err != nil {
			return err
		}
		notes := text.Writer(p.stderr)
		for _, n := range made.Notes {
			fmt.Fprintf(notes, "%s:%d:%d: %s: %s\n", file, n.Line, n.Column, n.Key, n.Text)
		}
		if to == "-" {
			_, err := p.stdout.Write(manifest)
			return err
		}
		if err := writeNew(to, manifest, *force); err != nil {
			return err
		}
		if made.Stores {
			if err := os.MkdirAll(filepath.Join(filepath.Dir(to), spintoml.Folder), 0o700); err != nil {
				return err
			}
		}
		spec := made.Workload.Spec
		_, err = fmt.Fprintf(text.Writer(p.stdout), "%s: %s, %s; %s\n", to, counted(len(spec.Components), "component"), counted(len(spec.Triggers), "trigger"), counted(len(made.Notes), "note"))
		return err
	}
	return cmd
}

// spinFile is the manifest of Spin that a path means.
func spinFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		path = filepath.Join(path, "spin.toml")
		if info, err = os.Stat(path); err != nil {
			return "", err
		}
	}
	if !info.Mode().IsRegular() {
		return "", &os.PathError{Op: "read", Path: path, Err: errors.New("it is no file")}
	}
	return path, nil
}

// readBounded reads a file of at most most bytes.
func readBounded(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &Problem{What: "the file is too large", Where: file, Why: fmt.Sprintf("it has more than %d bytes", most), Code: ExitUsage}
	}
	return data, err
}

func importProblem(file string, err error) error {
	var syntax *spintoml.SyntaxError
	if errors.As(err, &syntax) {
		return &Problem{What: "the manifest cannot be read", Where: fmt.Sprintf("%s:%d:%d", file, syntax.Line, syntax.Column), Why: syntax.Text, Code: ExitUsage}
	}
	return &Problem{What: "the manifest cannot be imported", Where: file, Why: err.Error(), Code: ExitUsage}
}

// rebase makes paths that start from the folder from start from the folder to. Those of stores stay: they are made there.
func rebase(made *spintoml.Result, from, to string) {
	relative := func(path *string) {
		if filepath.IsAbs(*path) {
			return
		}
		a, err1 := filepath.Abs(filepath.Join(from, filepath.FromSlash(*path)))
		b, err2 := filepath.Abs(to)
		if rel, err := filepath.Rel(b, a); errors.Join(err, err1, err2) == nil {
			*path = filepath.ToSlash(rel)
		} else if err1 == nil {
			*path = a
		}
	}
	for n := range made.Workload.Spec.Components {
		c := &made.Workload.Spec.Components[n]
		relative(&c.Source.File)
		for f := range c.Grants.Files {
			relative(&c.Grants.Files[f].Host)
		}
	}
	for _, t := range made.Workload.Spec.Triggers {
		if folder, ok := t.Config["static"].(string); ok {
			relative(&folder)
			t.Config["static"] = folder
		}
	}
}

// writeNew writes a file, which must not be there unless force says so.
func writeNew(file string, data []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !force {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(file, flags, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist) && !force:
		return &Problem{What: "the file is there already", Where: file, Do: "give --force to replace it, or another file with --output", Code: ExitUsage}
	case err != nil:
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
