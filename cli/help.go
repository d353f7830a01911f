package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// A flagGroup is a heading of --help. Flags appear by groups in this order, in each in the order in which they were registered.
type flagGroup string

const (
	groupGrants    flagGroup = "Grants (nothing is granted that is not named)"
	groupLimits    flagGroup = "Limits"
	groupInstances flagGroup = "Instances"
	groupTelemetry flagGroup = "Telemetry"
	groupListening flagGroup = "Listening"
	groupGeneral   flagGroup = "General" // of flags that name no group
)

var flagGroups = []flagGroup{groupGrants, groupLimits, groupInstances, groupTelemetry, groupListening, groupGeneral}

// Headings of the list of commands, in their order.
const (
	commandsRun   = "run"
	commandsMake  = "make"
	commandsSee   = "see"
	commandsShip  = "ship"
	commandsTools = "tools"
)

var commandGroups = []*cobra.Group{
	{ID: commandsRun, Title: "Run it:"},
	{ID: commandsMake, Title: "Make it:"},
	{ID: commandsSee, Title: "See it:"},
	{ID: commandsShip, Title: "Ship it:"},
	{ID: commandsTools, Title: "Tools:"},
}

// Widths of help, in columns.
const (
	maxHelpWidth = 100
	minHelpWidth = 60
	flagColumn   = 26 // where the texts of flags begin
)

// orderKey is the annotation of a command that says its place below its heading; those without it are last.
const orderKey = "order"

// inGroup puts commands under a heading, in this order.
func inGroup(id string, cmds ...*cobra.Command) []*cobra.Command {
	for i, c := range cmds {
		c.GroupID = id
		c.Annotations = map[string]string{orderKey: fmt.Sprintf("%04d", i)}
	}
	return cmds
}

// helpWidth is the width of help: that of the terminal on stdout within bounds.
func (p *process) helpWidth() int {
	n, _ := strconv.Atoi(p.getenv("COLUMNS"))
	if f, ok := p.stdout.(*os.File); ok && n <= 0 {
		n, _, _ = term.GetSize(int(f.Fd()))
	}
	if n <= 0 {
		n = maxHelpWidth
	}
	return min(max(n, minHelpWidth), maxHelpWidth)
}

// printHelp writes a command's help: what it does, how it is used, examples, commands and flags by groups.
func printHelp(w io.Writer, cmd *cobra.Command, width int) error {
	var b strings.Builder
	if cmd.Long != "" {
		b.WriteString(reflow(cmd.Long, width))
	} else {
		b.WriteString(cmd.Short + ".\n")
	}
	b.WriteString("\n" + usageOf(cmd, width))
	_, err := io.WriteString(w, b.String())
	return err
}

// usageOf is the part of help that follows the description.
func usageOf(cmd *cobra.Command, width int) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() {
		b.WriteString("  " + cmd.UseLine() + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("  " + cmd.CommandPath() + " COMMAND\n")
	}
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n" + strings.TrimRight(cmd.Example, "\n") + "\n")
	}
	writeCommands(&b, cmd, width)
	writeFlags(&b, cmd, width)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}

func writeCommands(b *strings.Builder, cmd *cobra.Command, width int) {
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, g := range groups {
		heading := "\n" + g.Title + "\n"
		for _, c := range slices.SortedStableFunc(slices.Values(cmd.Commands()), byOrder) {
			if c.GroupID == g.ID && (c.IsAvailableCommand() || c.Name() == "help") {
				b.WriteString(heading)
				heading = ""
				column(b, "  "+c.Name(), 14, width, c.Short)
			}
		}
	}
}

func byOrder(a, b *cobra.Command) int {
	return strings.Compare(cmp.Or(a.Annotations[orderKey], "last"), cmp.Or(b.Annotations[orderKey], "last"))
}

func writeFlags(b *strings.Builder, cmd *cobra.Command, width int) {
	byGroup := map[flagGroup][]*pflag.Flag{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		g := groupGeneral
		if v, ok := f.Value.(*flagValue); ok && v.option.group != "" {
			g = v.option.group
		}
		byGroup[g] = append(byGroup[g], f)
	})
	for _, g := range flagGroups {
		if len(byGroup[g]) == 0 {
			continue
		}
		title := string(g)
		if len(byGroup) == 1 {
			title = "Flags"
		}
		b.WriteString("\n" + title + ":\n")
		for _, f := range byGroup[g] {
			name, texts := flagHelp(f, width-flagColumn)
			column(b, "  "+name, flagColumn, width, texts...)
		}
	}
}

// flagHelp is a flag with its value, and its texts: its usage, then for an option where else it is set and an example, on one line
// where the width allows it.
func flagHelp(f *pflag.Flag, width int) (name string, texts []string) {
	arg, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	switch {
	case arg == "":
	case f.NoOptDefVal != "":
		name += "[=" + strings.Trim(arg, "[]") + "]"
	default:
		name += " " + arg
	}
	if v, ours := f.Value.(*flagValue); ours {
		source, example := v.option.source(), v.option.example
		if line := source + " " + example; utf8.RuneCountInString(line) <= width {
			return name, []string{v.option.usage, line}
		}
		return name, []string{v.option.usage, source, example}
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		usage += " (default " + f.DefValue + ")"
	}
	return name, []string{usage}
}

// column writes a name and, from the column on, its texts, each on lines of its own. A name that is too long stands alone.
func column(b *strings.Builder, name string, from, width int, texts ...string) {
	b.WriteString(name)
	at := utf8.RuneCountInString(name)
	if at+2 > from {
		b.WriteByte('\n')
		at = 0
	}
	for _, t := range texts {
		for _, line := range wrap(t, width-from) {
			b.WriteString(strings.Repeat(" ", from-at) + line + "\n")
			at = 0
		}
	}
}

// reflow breaks paragraphs into lines of the width. Lines that are indented stay as they are.
func reflow(s string, width int) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			b.WriteString(strings.Join(wrap(strings.Join(paragraph, " "), width), "\n") + "\n")
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(strings.Trim(s, "\n"), "\n") {
		if line == "" || strings.TrimLeft(line, " \t") != line {
			flush()
			b.WriteString(line + "\n")
			continue
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return b.String()
}

// wrap breaks a text into lines of the width, in columns, between words. A word that is longer has a line of its own.
func wrap(s string, width int) []string {
	var lines []string
	line, at := "", 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		if line != "" && at+1+n > width {
			lines = append(lines, line)
			line, at = "", 0
		}
		if line != "" {
			line, at = line+" ", at+1
		}
		line, at = line+word, at+n
	}
	return append(lines, line)
}
