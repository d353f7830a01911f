package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/cli/internal/spintoml"
	"github.com/vitrine-wasm/vitrine/cli/internal/washconfig"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// maxForeign bounds a manifest of another program, in bytes.
const maxForeign = 1 << 20

func (p *process) importing() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import [PATH]",
		Short: "Write a manifest for an application of Spin or wasmCloud",
		Long: `Reads spin.toml, of version 2, or the configuration of a project of wasmCloud's wash, .wash/config.yaml, or a manifest of wasmCloud
of the kind Workload or WorkloadDeployment; of a folder, the one in it. It writes a manifest of the same components: sources, routes, variables,
stores, databases, hosts, environment, files and builds. What the manifest does not have, or has otherwise, is printed with its place.
Secrets are not written. Databases of Spin are files in the folder ` + spintoml.Folder + `, which is made.`,
		Example: "  vitrine import spin.toml\n  vitrine import spin.toml --output - | less\n  vitrine import .wash/config.yaml",
		Args:    cobra.MaximumNArgs(1),
	}
	output := cmd.Flags().StringP("output", "o", "", "the file to write, - for standard output; default "+app.FileName+" in the folder of the application")
	force := cmd.Flags().Bool("force", false, "replace the file if it is there")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, err := foreignFile(append(args, ".")[0])
		if err != nil {
			return err
		}
		made, err := readForeign(file)
		if err != nil {
			return err
		}
		to := *output
		if to == "" {
			to = filepath.Join(made.folder, app.FileName)
		}
		if to != "-" {
			rebase(made.workload, made.folder, filepath.Dir(to))
		}
		manifest, err := app.Write(made.workload)
		if err != nil {
			return err
		}
		notes := text.Writer(p.stderr)
		for _, n := range made.notes {
			key := n.Key
			if key != "" {
				key += ": "
			}
			fmt.Fprintf(notes, "%s:%d:%d: %s%s\n", file, n.Line, n.Column, key, n.Text)
		}
		if to == "-" {
			_, err := p.stdout.Write(manifest)
			return err
		}
		if err := writeNew(to, manifest, *force); err != nil {
			return err
		}
		if made.stores {
			if err := os.MkdirAll(filepath.Join(filepath.Dir(to), spintoml.Folder), 0o700); err != nil {
				return err
			}
		}
		spec := made.workload.Spec
		_, err = fmt.Fprintf(text.Writer(p.stdout), "%s: %s, %s; %s\n", to, counted(len(spec.Components), "component"), counted(len(spec.Triggers), "trigger"), counted(len(made.notes), "note"))
		return err
	}
	return cmd
}

// imported is what was made of a manifest of another program. Paths start from the folder.
type imported struct {
	workload *v1alpha1.Workload
	notes    []foreign.Note
	folder   string
	stores   bool // there are files in spintoml.Folder
}

func readForeign(file string) (*imported, error) {
	data, err := readBounded(file, maxForeign)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(file), ".toml") {
		made, err := spintoml.Import(data)
		if err != nil {
			return nil, importProblem(file, err)
		}
		return &imported{made.Workload, made.Notes, filepath.Dir(file), made.Stores}, nil
	}
	folder := filepath.Dir(file)
	if filepath.Base(folder) == washFolder {
		folder = filepath.Dir(folder)
	}
	project := folder
	if whole, err := filepath.Abs(folder); err == nil {
		project = whole
	}
	made, err := washconfig.Import(data, filepath.Base(project))
	if err != nil {
		return nil, importProblem(file, err)
	}
	return &imported{made.Workload, made.Notes, folder, false}, nil
}

// washFolder is where wash has the configuration of a project.
const washFolder = ".wash"

// foreignFile is the manifest that a path means: in a folder, the first that is there.
func foreignFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		folder := path
		path = filepath.Join(folder, "spin.toml")
		for _, name := range []string{path, filepath.Join(folder, washFolder, "config.yaml"), filepath.Join(folder, washFolder, "config.yml"), filepath.Join(folder, washFolder, "config.json")} {
			if found, err := os.Stat(name); err == nil && found.Mode().IsRegular() {
				return name, nil
			}
		}
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
	var syntax *foreign.SyntaxError
	if errors.As(err, &syntax) {
		return &Problem{What: "the manifest cannot be read", Where: fmt.Sprintf("%s:%d:%d", file, syntax.Line, syntax.Column), Why: syntax.Text, Code: ExitUsage}
	}
	return &Problem{What: "the manifest cannot be imported", Where: file, Why: err.Error(), Code: ExitUsage}
}

// rebase makes paths that start from the folder from start from the folder to. Those of stores stay: they are made there.
func rebase(made *v1alpha1.Workload, from, to string) {
	relative := func(path *string) {
		if *path == "" || filepath.IsAbs(*path) {
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
	for n := range made.Spec.Components {
		c := &made.Spec.Components[n]
		relative(&c.Source.File)
		for name, g := range c.Grants.Blobstore {
			if folder, ok := g.Config.(string); ok && g.Type == "folder" {
				relative(&folder)
				g.Config = folder
				c.Grants.Blobstore[name] = g
			}
		}
		for f := range c.Grants.Files {
			relative(&c.Grants.Files[f].Host)
		}
	}
	for _, t := range made.Spec.Triggers {
		relativeIn(t.Config, "static", relative)
		if tls, ok := t.Config["tls"].(map[string]any); ok {
			relativeIn(tls, "cert", relative)
			relativeIn(tls, "key", relative)
		}
	}
}

// relativeIn applies f to a path in a config.
func relativeIn(config map[string]any, key string, f func(*string)) {
	if path, ok := config[key].(string); ok {
		f(&path)
		config[key] = path
	}
}

// writeNew writes a file, which must not be there unless force says so.
func writeNew(file string, data []byte, force bool) error {
	if force {
		return writeWhole(file, data, 0o644)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &Problem{What: "the file is there already", Where: file, Do: "give --force to replace it, or another file with --output", Code: ExitUsage}
	case err != nil:
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
