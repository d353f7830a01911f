package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/grpclog"

	_ "github.com/vitrine-wasm/vitrine/cli/internal/quiet" // before libraries log
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Version is what `vitrine version` says; builds set it by -ldflags.
var Version = "dev"

// process is what a command has of the world around it.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	ships          Ships
	flagError      bool // the flags could not be read to the end
}

// Main runs one command line, as os.Args has it behind the program's name, and returns its exit status. It takes over the process:
// signals, the default logger, standard streams.
func Main(args []string, ships Ships) int {
	relaxCollector()
	grpclog.SetLoggerV2(grpcLogger{})
	p := &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, ships: ships}
	return p.main(args)
}

func (p *process) main(args []string) int {
	root := p.root()
	root.SetArgs(args)
	out := &watched{Writer: root.OutOrStdout()}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(context.Background())
	if err == nil {
		err = out.err // help, which nobody returns the error of
	}
	if err == nil {
		return ExitOK
	}
	var status statusError
	if errors.As(err, &status) {
		return int(status)
	}
	problem := explain(err)
	told := make(chan struct{})
	go func() {
		defer close(told)
		if p.wantsJSON(cmd, args) {
			problem.printJSON(p.stderr)
		} else {
			problem.print(p.stderr)
		}
	}()
	select {
	case <-told:
	case <-time.After(closeTime): // nobody reads
	}
	return problem.Code
}

// wantsJSON says whether what goes to stderr is to be JSON, also where the command line could not be read to its end.
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

// watched remembers the first error of its writer.
type watched struct {
	io.Writer
	err error
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// statusError ends a command with a status and nothing more to say: a guest's own exit status.
type statusError int

func (s statusError) Error() string { return "" }

func (p *process) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vitrine",
		Short: "Run WebAssembly components and show what crosses their borders",
		Long: `Vitrine runs WebAssembly components and shows everything that crosses their borders.

Every flag has an environment variable and, where it says something about a workload, a manifest key.
A flag beats its variable, a variable beats the manifest. Where several values are possible, a flag is
repeated and a variable separates them by commas; NAME=VALUE pairs are added to those of the manifest,
other lists replace them. Flags apply to every component of a workload.

Exit status: 0; of run, the guest's own; 1 it failed while running; 2 wrong usage or bad input;
124 a deadline passed; 134 a guest trapped; 130 and 143 SIGINT or SIGTERM ended a run.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetIn(p.stdin)
	// What cobra itself prints repeats what it was given. Commands write to the process's own streams.
	root.SetOut(text.Writer(p.stdout))
	root.SetErr(text.Writer(p.stderr))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		p.flagError = true
		return usage(cmd, err)
	})
	root.AddCommand(p.up(), p.run(), p.inspect(), p.check(), p.bindgen(), p.version())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments wrong usage, for every command.
func wrapArgs(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return usage(cmd, err)
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		wrapArgs(c)
	}
}
