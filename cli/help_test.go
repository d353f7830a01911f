package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelp: the help of every command fits its width, has an example, and shows groups in their order.
func TestHelp(t *testing.T) {
	p := &process{ships: Standard(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	root := p.root()
	for _, cmd := range append(root.Commands(), root) {
		t.Run(cmd.Name(), func(t *testing.T) {
			if cmd.Example == "" {
				t.Error("no example")
			}
			if cmd != root && cmd.GroupID == "" {
				t.Error("the command is in no group")
			}
			for _, width := range []int{minHelpWidth, maxHelpWidth} {
				for line := range strings.SplitSeq(helpOf(t, cmd, width), "\n") {
					if n := utf8.RuneCountInString(line); width == maxHelpWidth && n > width {
						t.Errorf("%d columns: %s", n, line)
					}
				}
			}
		})
	}
}

func helpOf(t *testing.T, cmd *cobra.Command, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := printHelp(&b, cmd, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHelpGroups: each flag of the commands about workloads is below the heading of its group, and the headings are in order.
func TestHelpGroups(t *testing.T) {
	p := &process{ships: Standard(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	wants := map[string][]string{
		string(groupGrants):    {"--allow-http PATTERN", "--dir HOST"},
		string(groupLimits):    {"--memory SIZE", "--deadline DURATION"},
		string(groupInstances): {"--isolation fresh|snapshot|reuse", "--ready N"},
		string(groupTelemetry): {"--detail ", "--trace[=FILTER]", "--log-format text|json"},
		string(groupGeneral):   {"--cache-dir DIR", "-h, --help"},
	}
	for _, cmd := range []*cobra.Command{p.up(), p.dev(), p.run(), p.check()} {
		cmd.InitDefaultHelpFlag()
		help := helpOf(t, cmd, maxHelpWidth)
		at := 0
		for _, g := range flagGroups {
			if g == groupListening && (cmd.Name() == "run" || cmd.Name() == "check") {
				continue
			}
			heading := "\n" + string(g) + ":\n"
			i := strings.Index(help[at:], heading)
			if i < 0 {
				t.Fatalf("%s: no heading %q after byte %d", cmd.Name(), g, at)
			}
			at += i + len(heading)
			section, _, _ := strings.Cut(help[at:], "\n\n")
			for _, flag := range wants[string(g)] {
				if !strings.Contains("\n"+section, "\n  "+flag) {
					t.Errorf("%s: %q is not below %q", cmd.Name(), flag, g)
				}
			}
		}
	}
}

// TestWrap: lines break between words, and a long word stands alone.
func TestWrap(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"a b c":            "a b c",
		"one two three":    "one two|three",
		"averylongword is": "averylongword|is",
		"ä ö ü ä ö ü":      "ä ö ü ä|ö ü",
	} {
		if got := strings.Join(wrap(in, 7), "|"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
