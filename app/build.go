package app

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// checkBuild finds mistakes in how a component is built.
func (d *decoder) checkBuild(c *v1alpha1.Component, key string, names []string, dir string) {
	if d.nodes[key] == nil {
		return
	}
	b := &c.Build
	d.checkCommand(b.Command, key+".command")
	for hook, commands := range map[string][][]string{"before": b.Before, "after": b.After} {
		for i, command := range commands {
			at := fmt.Sprintf("%s.%s[%d]", key, hook, i)
			if d.checkCommand(command, at); len(command) == 0 && !d.failedIn(at) {
				d.failAt(at, "the command is empty; want a list such as [npm, ci]")
			}
		}
	}
	if len(b.Command) == 0 && len(b.Before)+len(b.After)+len(b.Needs) > 0 && !d.failedIn(key+".command") {
		d.failAt(key, "there is no command; want one, such as command: [make, %s]", path.Base("/"+c.Source.File))
	}
	if b.Folder != "" {
		if info, err := os.Stat(resolvePath(dir, b.Folder)); err != nil {
			d.failAt(key+".folder", "%s: the folder does not exist", b.Folder)
		} else if !info.IsDir() {
			d.failAt(key+".folder", "%s is no folder", b.Folder)
		}
	}
	d.checkEnvironment(b.Environment, key+".environment")
	for i, name := range b.Needs {
		at := fmt.Sprintf("%s.needs[%d]", key, i)
		d.checkComponentName(name, at, names)
		if name == c.Name && c.Name != "" {
			d.failAt(at, "a component cannot need itself")
		}
	}
	for i, pattern := range b.Watch {
		if problem := watchProblem(pattern); problem != "" {
			d.failAt(fmt.Sprintf("%s.watch[%d]", key, i), "%q: %s", clip(pattern), problem)
		}
	}
}

func (d *decoder) checkCommand(command []string, key string) {
	for i, arg := range command {
		switch {
		case i == 0 && arg == "" && !d.failedIn(key):
			d.failAt(key+"[0]", "the name of the program is empty")
		case strings.Contains(arg, "\x00"):
			d.failAt(fmt.Sprintf("%s[%d]", key, i), "an argument cannot have a zero byte")
		}
	}
}

// watchProblem is what is wrong with a pattern of watched files; empty: nothing.
func watchProblem(pattern string) string {
	if pattern == "" {
		return "the pattern is empty"
	}
	for _, segment := range strings.Split(pattern, "/") {
		if _, err := path.Match(segment, ""); err != nil {
			return "want a pattern such as src/**, *.go or lib/[a-z]*.rs"
		}
	}
	return ""
}

func (d *decoder) checkEnvironment(environment map[string]string, key string) {
	for _, name := range sortedKeys(environment) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			d.failAt(fmt.Sprintf("%s.%q", key, name), "this is no name of an environment variable")
		}
	}
}

// buildNeeds are the components that are built before c, by their places in the list.
func buildNeeds(c *v1alpha1.Component) map[string]v1alpha1.Name {
	needs := map[string]v1alpha1.Name{}
	for i, name := range c.Build.Needs {
		needs[fmt.Sprintf("[%d]", i)] = name
	}
	return needs
}
