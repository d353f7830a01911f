package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) check() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Say whether a workload would start; run no guest code",
		Long: `Reads a manifest, a folder with one, or a component, and decodes, validates, compiles and links the components:
it reports every mistake that would keep the workload from starting, and runs no guest code.`,
		Example: "  vitrine check shop/",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, workloadOptions, outputOptions, []option{allowGrantsOption, stateOption, plainHTTPOption, cacheOption})
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		path := append(args, ".")[0]
		w, err := p.loadSpec(cmd.Context(), s, path)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		session, err := p.open(ctx, s, sessionOptions{workload: w, triggers: func(log *slog.Logger, _ rejectedFunc) ([]host.Trigger, error) {
			return p.ships.triggers(TriggerConfig{Workload: w, Logger: log})
		}, noTelemetry: true})
		if session != nil {
			defer func() { err = errors.Join(err, session.close(ctx)) }()
		}
		if err != nil {
			return err
		}
		said, err := p.checked(ctx, session, w, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(text.Writer(p.stdout), "ok: %s, %s; %s\n", w.ID(), counted(len(w.Components), "component"), said)
		return err
	}
	return cmd
}

// checked checks the workload of path, and says how it can be started. An error is a *Problem.
func (p *process) checked(ctx context.Context, session *session, w *workload.Spec, path string) (said string, err error) {
	if p.alone {
		w.Triggers = nil // a component alone may be a command as well
	}
	done := p.progress("checking " + text.Printable(w.Name))
	linked, err := session.host.Check(ctx, w)
	done()
	if ctx.Err() != nil {
		return "", &Problem{What: "the check was interrupted", Where: path, Code: ExitFailed}
	}
	if err != nil {
		return "", startProblem(w, p.placed(path, err))
	}
	return startable(w, linked), nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// startable says how a workload that links can be started.
func startable(w *workload.Spec, linked map[string]*component.Linked) string {
	if len(w.Triggers) > 0 || len(w.Services) > 0 {
		return "vitrine up would serve it"
	}
	var all kinds
	for _, l := range linked {
		k := exportsOf(l.Exports())
		all.http, all.run = all.http || k.http, all.run || k.run
	}
	switch {
	case all.http:
		return "vitrine up would serve it"
	case all.run:
		return "vitrine run would run it"
	}
	return "it links, and exports nothing that up or run would call"
}
