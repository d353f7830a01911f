package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/grpclog"

	"github.com/vitrine-wasm/vitrine/artifact"
	_ "github.com/vitrine-wasm/vitrine/cli/internal/quiet" // before libraries log
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Version is what `vitrine version` says; builds set it by -ldflags.
var Version = "dev"

// process holds the streams, the environment and the extensions that a command uses.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string // nil: unknown
	ships          Ships
	flagError      bool            // parsing the flags failed
	alone          bool            // what was loaded last is a component alone
	artifacts      *artifact.Store // nil: none was needed
	moved          meter           // to and from registries, in the step whose progress is shown
	held           heldLog
	heap           heapTarget
}

// Main runs one command line, os.Args without the program's name, and returns its exit status. It takes over the process's
// signals, default loggers and standard streams, and sets the garbage collector's target unless GOGC or GOMEMLIMIT does.
func Main(args []string, ships Ships) int {
	grpclog.SetLoggerV2(grpcLogger{})
	p := &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, environ: os.Environ, ships: ships}
	p.heap.set(heapFloor)
	return p.main(args)
}

func (p *process) main(args []string) int {
	root := p.root()
	root.SetArgs(args)
	out := &errorRecorder{Writer: root.OutOrStdout()}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(context.Background())
	if err == nil {
		err = out.err // cobra ignores errors of writing help
	}
	format := "text"
	if p.wantsJSON(cmd, args) {
		format = "json"
	}
	if p.held.unheard() { // no session was opened; some commands, such as inspect, never do
		p.held.pass(consoleHandler(p.stderr, format, slog.LevelInfo))
	}
	if err == nil {
		return ExitOK
	}
	var status statusError
	if errors.As(err, &status) {
		return int(status)
	}
	problem := explain(err)
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		if format == "json" {
			problem.printJSON(p.stderr)
		} else {
			problem.print(p.stderr)
		}
	}()
	select {
	case <-printed:
	case <-time.After(closeTime): // the reader of standard error is stuck
	}
	return problem.Code
}

// wantsJSON says whether errors are printed as JSON, also where parsing the command line failed.
func (p *process) wantsJSON(cmd *cobra.Command, args []string) bool {
	flag := "--log-format"
	if f := cmd.Flags().Lookup("log-format"); f != nil && f.Changed {
		values := f.Value.(*flagValue).values
		return len(values) > 0 && values[0] == "json"
	}
	for i, a := range args {
		switch {
		case !p.flagError || a == "--":
			return p.getenv("VITRINE_LOG_FORMAT") == "json"
		case a == flag+"=json", a == flag && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return p.getenv("VITRINE_LOG_FORMAT") == "json"
}

// errorRecorder keeps the first error of its writer.
type errorRecorder struct {
	io.Writer
	err error
}

func (w *errorRecorder) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// statusError ends a command with a guest's own exit status and without a message.
type statusError int

func (s statusError) Error() string { return "" }

func (p *process) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vitrine",
		Short: "Run WebAssembly components and show what crosses their borders",
		Long: `Vitrine runs WebAssembly components and shows everything that crosses their borders.

Every flag of up, run and check has an environment variable, except --write, and a manifest key where it is about
the workload; a command's --help lists them. A flag beats its variable, a variable beats the manifest.
Where several values are possible, a flag is repeated and a variable separates them by commas; NAME=VALUE
pairs are added to those of the manifest, other lists replace them. Flags apply to every component of a workload.

Exit status: 0 success; of run, the guest's own; 1 a failure while running; 2 wrong usage or bad input;
124 a deadline passed; 134 a guest trapped; 130 and 143 SIGINT or SIGTERM ended a run.`,
		Example: "  vitrine up shop.wasm --trace\n  vitrine up --view\n  vitrine run tool.wasm --verbose\n" +
			"  vitrine new rust-http shop && cd shop && vitrine dev",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       buildVersion(),
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetIn(p.stdin)
	root.SetVersionTemplate(versionText())
	// cobra's own messages repeat the arguments, so that they are made printable. Commands write to the process's own streams.
	root.SetOut(text.Writer(p.stdout))
	root.SetErr(text.Writer(p.stderr))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		p.flagError = true
		return usage(cmd, err)
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = printHelp(cmd.OutOrStdout(), cmd, p.helpWidth()) // the writer keeps the error
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := io.WriteString(cmd.OutOrStderr(), usageOf(cmd, p.helpWidth()))
		return err
	})
	root.AddGroup(commandGroups...)
	root.AddCommand(inGroup(commandsRun, p.up(), p.run(), p.dev(), p.hostCommand())...)
	root.AddCommand(inGroup(commandsMake, p.newProject(), p.doctor(), p.build(), p.test(), p.check(), p.precompile(), p.folder(), p.importing(), p.bindgen(), p.component(), p.compose())...)
	root.AddCommand(inGroup(commandsShip, p.push(), p.pull(), p.sign(), p.verify(), p.keygen())...)
	root.AddCommand(inGroup(commandsSee, p.view(), p.trace(), p.logs(), p.metrics(), p.mcp(), p.inspect())...)
	root.AddCommand(inGroup(commandsTools, p.probe(), p.schema(), p.version())...)
	root.SetHelpCommandGroupID(commandsTools)
	root.SetCompletionCommandGroupID(commandsTools)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() { // cobra's own have none
		switch c.Name() {
		case "help":
			c.Example = "  vitrine help up"
		case "completion":
			c.Example = "  source <(vitrine completion bash)"
		}
	}
	completeArguments(root)
	wrapArgs(root)
	return root
}

// wrapArgs makes each command report wrong arguments as wrong usage.
func wrapArgs(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			err := args(cmd, given)
			if err != nil && cmd.HasSubCommands() && len(given) > 0 {
				do := suggestCommand(cmd, given[0])
				return &Problem{What: err.Error(), Do: cmp.Or(do, "see "+cmd.CommandPath()+" --help"), Code: ExitUsage}
			}
			if err != nil {
				return usage(cmd, err)
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		wrapArgs(c)
	}
}
