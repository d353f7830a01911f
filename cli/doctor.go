package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cli/internal/scaffold"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) doctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [PATH]",
		Short: "Say what builds need that is not here, and how to get it",
		Long: `Looks for what the builds of a manifest's components need: their programs, and of known toolchains what belongs to them. Without PATH
it does so for each template of vitrine new. Nothing is built, and nothing is installed.

Exit status: 0 all is here, or there was no PATH; 1 something is missing; 2 the manifest has mistakes.`,
		Example: "  vitrine doctor\n  vitrine doctor shop/",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.examineTemplates()
			}
			w, err := p.ships.format().LoadUnbuilt(args[0])
			if err != nil {
				return err
			}
			return p.examine(w, args[0])
		},
	}
}

func (p *process) examineTemplates() error {
	var b strings.Builder
	for _, t := range scaffold.Templates() {
		b.WriteString(examined(t.Name, t.Needs))
	}
	_, err := fmt.Fprint(text.Writer(p.stdout), b.String())
	return err
}

func (p *process) examine(w *workload.Spec, path string) error {
	if !build.Has(w) {
		return &Problem{What: "there is nothing to build", Where: path, Why: "no component has a build command", Code: ExitUsage}
	}
	var b strings.Builder
	lacks := false
	for i := range w.Components {
		c := &w.Components[i]
		if len(c.Build.Command) == 0 {
			continue
		}
		var needs []string
		for _, command := range slices.Concat(c.Build.Before, [][]string{c.Build.Command}, c.Build.After) {
			needs = append(needs, build.Needs(command)...)
		}
		slices.Sort(needs)
		needs = slices.Compact(needs)
		lacks = lacks || len(missingOf(needs)) > 0
		b.WriteString(examined(c.Name, needs))
	}
	_, err := fmt.Fprint(text.Writer(p.stdout), b.String())
	if err == nil && lacks {
		err = statusError(ExitFailed)
	}
	return err
}

func missingOf(needs []string) (all []*build.Missing) {
	for _, need := range needs {
		if m := build.Lacks(need); m != nil {
			all = append(all, m)
		}
	}
	return all
}

// examined says of something that needs are here, or which are not.
func examined(name string, needs []string) string {
	lacks := missingOf(needs)
	if len(lacks) == 0 {
		return fmt.Sprintf("%-16s ready: %s\n", name, strings.Join(needs, ", "))
	}
	var b strings.Builder
	for _, m := range lacks {
		fmt.Fprintf(&b, "%-16s %v; %s\n", name, m, m.Do())
	}
	return b.String()
}
