package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/scaffold"
)

// completion is what a shell offers for the value of an option: the words of arg where it lists them, folders for DIR and HOST, files
// for FILE.
func (o option) completion() cobra.CompletionFunc {
	words := strings.Split(strings.Trim(o.arg, "[]"), "|")
	switch {
	case len(o.words) > 0:
		return listOf(o.words)
	case len(words) > 1:
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	case o.arg == "DIR" || strings.HasPrefix(o.arg, "HOST"):
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case o.arg == "FILE":
		return nil // files, as by default
	}
	return cobra.NoFileCompletions
}

// listOf completes a list of words with commas between them; each word is there once.
func listOf(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		done, _, _ := cutLast(typed, ",")
		var out []cobra.Completion
		for _, w := range words {
			if !slices.Contains(strings.Split(done, ","), w) {
				out = append(out, done+w)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// cutLast cuts s behind the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	return s[:i+len(sep)*min(1, i+1)], s[i+1:], i >= 0
}

// completeArguments says what the arguments of commands are: workloads, components, templates.
func completeArguments(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "up", "dev", "build", "check", "test":
			c.ValidArgsFunction = filesOf("wasm", "yaml", "yml", "json")
		case "run", "inspect":
			c.ValidArgsFunction = filesOf("wasm")
		case "import":
			c.ValidArgsFunction = filesOf("toml", "yaml", "yml")
		case "new":
			c.ValidArgsFunction = completeTemplate
		}
	}
}

// filesOf completes the first argument by files with these extensions, and folders; those that follow are the guest's.
func filesOf(extensions ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

func completeTemplate(_ *cobra.Command, args []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, t := range scaffold.Templates() {
		out = append(out, cobra.CompletionWithDesc(t.Name, t.About))
	}
	return out, cobra.ShellCompDirectiveDefault
}
