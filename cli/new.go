package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cli/internal/scaffold"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

func (p *process) newProject() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new TEMPLATE NAME",
		Short: "Make a project from a template",
		Long: `Makes the folder NAME with a project: code, manifest, build and tests. TEMPLATE is one of those that --list prints, a folder, or the
address of a git repository (https://…, ssh://…, git@…); there, __NAME__ in files stands for the name.`,
		Example: "  vitrine new rust-http shop && cd shop && vitrine dev --trace",
		Args:    cobra.MaximumNArgs(2),
	}
	list := cmd.Flags().Bool("list", false, "print the templates, and do nothing else")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *list {
			_, err := fmt.Fprint(text.Writer(p.stdout), templates())
			return err
		}
		if len(args) < 2 {
			return &Problem{What: "want a template and a name", Where: cmd.CommandPath(), Whys: strings.Split(strings.TrimSpace(templates()), "\n"),
				Do: "give both: vitrine new " + scaffold.Templates()[0].Name + " shop", Code: ExitUsage}
		}
		return p.create(cmd.Context(), args[0], args[1])
	}
	return cmd
}

// templates is a line for each template of the binary.
func templates() string {
	var b strings.Builder
	for _, t := range scaffold.Templates() {
		fmt.Fprintf(&b, "%-12s %s\n", t.Name, t.About)
	}
	return b.String()
}

func (p *process) create(ctx context.Context, template, dir string) error {
	name := filepath.Base(dir)
	if err := new(v1alpha1.Name).UnmarshalText([]byte(name)); err != nil {
		return &Problem{What: "this is no name of a project", Why: err.Error(), Do: "choose another name", Code: ExitUsage}
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	err := scaffold.New(ctx, template, dir, name)
	var occupied *scaffold.OccupiedError
	var unknown *scaffold.UnknownError
	switch {
	case errors.As(err, &occupied):
		return &Problem{What: "the folder is not empty", Where: dir, Why: err.Error(), Do: "choose another name", Code: ExitUsage}
	case errors.As(err, &unknown):
		return &Problem{What: "there is no such template", Why: err.Error(), Do: "see vitrine new --list", Code: ExitUsage}
	case err != nil:
		return &Problem{What: "the project cannot be made", Where: dir, Why: err.Error(), Code: ExitFailed}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is made from %s. Next:\n\n  cd %s\n  vitrine dev --trace\n\n", name, template, dir)
	fmt.Fprint(&b, "vitrine build builds it, vitrine test tests it.\n")
	for _, t := range scaffold.Templates() {
		for _, program := range t.Needs {
			if _, err := exec.LookPath(program); t.Name == template && err != nil {
				fmt.Fprintf(&b, "Its build needs %s, which is not in PATH: %s.\n", program, build.HowToGet(program))
			}
		}
	}
	_, err = fmt.Fprint(text.Writer(p.stdout), b.String())
	return err
}
