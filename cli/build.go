package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) build() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build [PATH]",
		Short: "Build a workload's components, and say whether it would start",
		Long: `Runs the build commands of a manifest's components, each with those that it has before and after it, in its working folder.
Components are built at the same time, each after those that it needs. What they print appears on stderr, each line after
the component's name. Then the workload is checked, as vitrine check does. Each command is a span of one trace.

  build:
    command: [cargo, build, --release]   # no shell reads it
    before: [[npm, ci]]                  # and after: commands around it
    folder: cart                         # where they run; default: the manifest's folder
    environment: {RUSTFLAGS: -Copt-level=s}
    needs: [price]                       # components that are built first

Exit status: 0 all are built and the workload would start; 1 a build failed; 2 the manifest or a component has mistakes.`,
		Example: "  vitrine build shop/",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, workloadOptions, outputOptions, registryOptions)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		path := append(args, ".")[0]
		w, err := p.ships.format().LoadUnbuilt(path)
		if err != nil {
			return err
		}
		if !build.Has(w) {
			return &Problem{What: "there is nothing to build", Where: path, Why: "no component has a build command",
				Do: "write one in a component, such as build: {command: [make, cart.wasm]}", Code: ExitUsage}
		}
		ignoreBrokenPipe()
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		session, err := p.open(ctx, s, sessionOptions{workload: w, triggers: func(log *slog.Logger, _ rejectedFunc) ([]host.Trigger, error) {
			return p.ships.triggers(TriggerConfig{Workload: w, Logger: log})
		}})
		if session != nil {
			defer func() { err = errors.Join(err, session.close(ctx)) }()
		}
		if err != nil {
			return err
		}
		session.stderr.release("")
		start := time.Now()
		if err := session.build(ctx, w, build.Config{}); err != nil {
			return err
		}
		took := time.Since(start)
		if w, err = p.loadSpec(cmd.Context(), s, path); err != nil {
			return err
		}
		said, err := p.checked(ctx, session, w, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(text.Writer(p.stdout), "built: %s, %s in %s; %s\n", w.ID(), counted(built(w), "component"), shortTime(took), said)
		return err
	}
	return cmd
}

func built(w *workload.Spec) (n int) {
	for _, c := range w.Components {
		if len(c.Build.Command) > 0 {
			n++
		}
	}
	return n
}

// shortTime is a duration to a person: 1.2s, 340ms.
func shortTime(d time.Duration) string {
	if d >= time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// build builds the workload's components and shows what the commands print. An error is a *Problem.
func (s *session) build(ctx context.Context, w *workload.Spec, c build.Config) error {
	c.Line = func(name, line string) { s.say(text.Printable(name+" | "+line) + "\n") }
	c.Interceptor = s.interceptor()
	err := build.Run(ctx, w, c)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return buildInterrupted(ctx)
	}
	return buildProblem(err)
}

// interceptor gets the operations of the process itself; nil without telemetry.
func (s *session) interceptor() cm.Interceptor {
	if s.tel == nil {
		return nil
	}
	return s.tel.Host()
}

func buildInterrupted(ctx context.Context) error {
	if p := interruption(ctx); p != nil {
		return p
	}
	return &Problem{What: "the build was interrupted", Code: ExitFailed}
}

// buildProblem says which builds failed.
func buildProblem(err error) error {
	p := &Problem{What: "the build failed", Whys: lines(err), Do: "see what the commands have printed above", Code: ExitFailed}
	var failed *build.Error
	if !errors.As(err, &failed) {
		return p
	}
	p.Where = failed.Folder
	var missing []string
	for _, e := range joined(err) {
		if errors.As(e, &failed) && failed.Missing != nil {
			missing = append(missing, failed.Missing.Do())
		}
		if errors.As(e, &failed) && failed.File != "" {
			p.Do = "have the build write this file, or name the one that it writes in source"
		}
	}
	if len(missing) > 0 {
		p.Do = strings.Join(missing, "; ")
	}
	return p
}

// joined are the errors that err joins; err itself where it is one.
func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
