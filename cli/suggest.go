package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

// suggestFlag says what to do about a flag that cmd does not have: the flag that it may be a misspelling of, or the commands that have it.
func suggestFlag(cmd *cobra.Command, err error) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return ""
	}
	name := unknown.GetSpecifiedName()
	var with []string
	for _, c := range cmd.Root().Commands() {
		if !c.Hidden && c.Flags().Lookup(name) != nil {
			with = append(with, c.CommandPath())
		}
	}
	if len(with) > 0 {
		return fmt.Sprintf("--%s is a flag of %s; see %s --help", name, strings.Join(with, ", "), cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := text.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean --%s? see %s --help", near, cmd.CommandPath())
	}
	return ""
}

// suggestCommand says what to do about a word that is no command of cmd.
func suggestCommand(cmd *cobra.Command, word string) string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if near := text.Nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean %s %s? see %s --help", cmd.CommandPath(), near, cmd.CommandPath())
	}
	ext := filepath.Ext(word)
	if _, err := os.Stat(word); err == nil || ext == ".wasm" || ext == ".yaml" {
		return fmt.Sprintf("to serve it: %s up %s; to run it once: %s run %s", cmd.CommandPath(), word, cmd.CommandPath(), word)
	}
	return ""
}

const variablePrefix = "VITRINE_"

// warnOfVariables warns of variables that begin with VITRINE_ and that nothing reads, with the nearest name. Those that the workload names as
// places of secrets, and those by which Kubernetes tells of a service that is called vitrine, are none of them.
func (p *process) warnOfVariables(ctx context.Context, cmd *cobra.Command, w *workload.Spec, log *slog.Logger) {
	if p.environ == nil {
		return
	}
	known := variables(cmd.Root())
	for _, entry := range p.environ() {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case value == "" || !strings.HasPrefix(name, variablePrefix) || slices.Contains(known, name) || namesSecret(w, name):
		case strings.HasPrefix(name, "VITRINE_PORT") || strings.HasPrefix(name, "VITRINE_SERVICE_"):
		default:
			if near := text.Nearest(name[len(variablePrefix):], withoutPrefix(known)); near != "" {
				log.WarnContext(ctx, "a variable that nothing reads", "variable", name, "nearest", variablePrefix+near)
			} else {
				log.WarnContext(ctx, "a variable that nothing reads", "variable", name, "do", "see vitrine up --help for those that there are")
			}
		}
	}
}

// variables are those of all options of root's commands.
func variables(root *cobra.Command) (known []string) {
	for _, c := range root.Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if v, ok := f.Value.(*flagValue); ok && !slices.Contains(known, v.option.env) {
				known = append(known, v.option.env)
			}
		})
	}
	return known
}

func withoutPrefix(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.TrimPrefix(n, variablePrefix)
	}
	return out
}

// namesSecret says whether the workload finds a secret in the variable. Credentials of backends and triggers are in their own types, so that
// their names are looked for in the text of these.
func namesSecret(w *workload.Spec, name string) bool {
	if w == nil {
		return false
	}
	for _, c := range w.Components {
		for _, s := range c.Grants.Secrets {
			if s.Env == name {
				return true
			}
		}
		if strings.Contains(fmt.Sprintf("%+v", c.Grants), name) {
			return true
		}
	}
	for _, t := range w.Triggers {
		if strings.Contains(fmt.Sprintf("%+v", t.Config), name) {
			return true
		}
	}
	return false
}
