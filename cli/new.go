package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cli/internal/scaffold"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

func (p *process) newProject() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new [TEMPLATE] [NAME]",
		Short: "Make a project from a template",
		Long: `Makes the folder NAME with a project: code, manifest, build and tests. TEMPLATE is one of those that --list prints, a folder, or the
address of a git repository (https://…, ssh://…, git@…); there, __NAME__ in files stands for the name.
On a terminal it asks for what is left out.`,
		Example: "  vitrine new\n  vitrine new rust-http shop && cd shop && vitrine dev --trace",
		Args:    cobra.MaximumNArgs(2),
	}
	list := cmd.Flags().Bool("list", false, "print the templates and what each needs, and do nothing else")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *list {
			_, err := fmt.Fprint(text.Writer(p.stdout), templates())
			return err
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		if len(args) < 2 {
			asked, err := p.askForProject(ctx, args)
			if err != nil {
				return err
			}
			if args = asked; args == nil {
				return &Problem{What: "want a template and a name", Where: cmd.CommandPath(), Whys: strings.Split(strings.TrimSpace(templates()), "\n"),
					Do: "give both: vitrine new " + scaffold.Templates()[0].Name + " shop", Code: ExitUsage}
			}
		}
		return p.create(ctx, args[0], args[1])
	}
	return cmd
}

// templates is a line for each template of the binary.
func templates() string {
	var b strings.Builder
	for _, t := range scaffold.Templates() {
		fmt.Fprintf(&b, "%-16s %s; needs %s\n", t.Name, t.About, strings.Join(t.Needs, ", "))
	}
	return b.String()
}

// askForProject asks for the template and the name that args lack; nil: there is no terminal to ask at.
func (p *process) askForProject(ctx context.Context, args []string) ([]string, error) {
	c := p.conversation(ctx)
	if c == nil {
		return nil, nil
	}
	defer c.close()
	all := scaffold.Templates()
	if len(args) == 0 {
		var choices []string
		for _, t := range all {
			choices = append(choices, fmt.Sprintf("%-16s %s", t.Name, t.About))
		}
		i, err := c.choose("Which template?", choices)
		if err != nil {
			return nil, err
		}
		args = append(args, all[i].Name)
	}
	name, err := c.ask("Name of the project", "shop", func(name string) error { return projectName(name) })
	return append(slices.Clone(args), name), err
}

// projectName says why the last part of a path is no name of a project.
func projectName(dir string) error {
	return new(v1alpha1.Name).UnmarshalText([]byte(baseName(dir)))
}

// baseName is the name of the folder that a path leads to, also for "." and "..".
func baseName(dir string) string {
	if whole, err := filepath.Abs(dir); err == nil && dir != "" {
		dir = whole
	}
	return filepath.Base(dir)
}

func (p *process) create(ctx context.Context, template, dir string) error {
	name := baseName(dir)
	if err := projectName(dir); err != nil {
		return &Problem{What: "this is no name of a project", Why: err.Error(), Do: "choose another name", Code: ExitUsage}
	}
	err := scaffold.New(ctx, template, dir, name)
	var occupied *scaffold.OccupiedError
	var unknown *scaffold.UnknownError
	var file *scaffold.FileError
	switch {
	case errors.As(err, &file):
		return &Problem{What: "the project needs a folder", Where: dir, Why: err.Error(), Do: "choose another name", Code: ExitUsage}
	case errors.As(err, &occupied):
		return &Problem{What: "the folder is not empty", Where: dir, Why: err.Error(), Do: "choose another name", Code: ExitUsage}
	case errors.As(err, &unknown):
		return &Problem{What: "there is no such template", Why: err.Error(), Do: "see vitrine new --list", Code: ExitUsage}
	case err != nil:
		return &Problem{What: "the project cannot be made", Where: dir, Why: err.Error(), Code: ExitFailed}
	}
	_, err = fmt.Fprint(text.Writer(p.stdout), whatNext(template, dir, name))
	return err
}

// whatNext says what to do with a new project, and what its build needs that is not here.
func whatNext(template, dir, name string) string {
	i := slices.IndexFunc(scaffold.Templates(), func(t scaffold.Template) bool { return t.Name == template })
	var t scaffold.Template
	if i >= 0 {
		t = scaffold.Templates()[i]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is made from %s.", name, template)
	_, err := os.Stat(filepath.Join(dir, app.FileName))
	if err != nil { // a template from elsewhere may be any project
		fmt.Fprintf(&b, " It has no %s, which vitrine build and vitrine dev need.\n", app.FileName)
		return b.String()
	}
	fmt.Fprintf(&b, " Next:\n\n  cd %s\n", shellWord(dir))
	switch {
	case i < 0: // what it answers is not known
		fmt.Fprint(&b, "  vitrine dev --trace\n")
	case t.Command():
		fmt.Fprint(&b, "  vitrine build\n  vitrine run --trace .\n\nvitrine test tests it.\n")
	default:
		fmt.Fprint(&b, "  vitrine dev --trace\n  curl 'http://127.0.0.1:3000/hello?name=you'   # in another terminal\n\nvitrine build builds it, vitrine test tests it.\n")
	}
	for _, need := range t.Needs {
		if m := build.Lacks(need); m != nil {
			fmt.Fprintf(&b, "Its build needs what is not here: %v; %s.\n", m, m.Do())
		}
	}
	return b.String()
}

// shellWord is a path as a shell takes it: in quotes where it has other characters than those that no shell reads.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return r >= 0x80 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`/\._-:+,@`, r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	if runtime.GOOS == "windows" {
		return `"` + path + `"` // a path there has no quotes
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
