package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) run() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [FLAGS] FILE [ARG…]",
		Short: "Run a command component once",
		Long: `Runs a command component once. Flags of vitrine stand before FILE; everything after it is an argument of the guest.

The guest's standard streams are the process's own, byte for byte, and its exit status is the process's;
130 or 143 where SIGINT or SIGTERM ended it.`,
		Example:               "  vitrine run --dir ./data::/data:ro tool.wasm --verbose /data/in.txt",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
	}
	s := p.options(cmd, workloadOptions, outputOptions, []option{allowGrantsOption, stateOption, plainHTTPOption, cacheOption})
	cmd.Flags().SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		w, err := p.loadSpec(cmd.Context(), s, args[0])
		if err != nil {
			return err
		}
		if len(w.Components) != 1 && len(rootsOf(w)) != 1 {
			return &Problem{What: "it is not clear which component to run", Where: args[0],
				Why: "the workload has several that no other is linked to", Do: "give the component's file", Code: ExitUsage}
		}
		main := w.Component(rootsOf(w)[0])
		if p.alone || len(args) > 1 {
			main.Args = args[1:]
		}
		for i, arg := range main.Args {
			if !utf8.ValidString(arg) {
				return &Problem{What: fmt.Sprintf("argument %d of the guest is no UTF-8", i+1), Where: args[0],
					Why: "guests are given text only", Do: "give it in UTF-8", Code: ExitUsage}
			}
		}
		main.Args = append([]string{strings.ToValidUTF8(filepath.Base(cmp.Or(main.Source.File, main.Name)), "\uFFFD")}, main.Args...)
		w.Triggers, w.Services = nil, nil // run serves nothing
		for i := range w.Components {
			w.Components[i].Instances.Ready = nil
		}
		return p.runOnce(cmd.Context(), s, w, main.Name)
	}
	return cmd
}

// rootsOf are the components that no other is linked to.
func rootsOf(w *workload.Spec) []string {
	linked := map[string]bool{}
	for _, c := range w.Components {
		for _, to := range c.Links {
			linked[to] = true
		}
	}
	var roots []string
	for _, c := range w.Components {
		if !linked[c.Name] {
			roots = append(roots, c.Name)
		}
	}
	return roots
}

func (p *process) runOnce(ctx context.Context, s *settings, w *workload.Spec, main string) (err error) {
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	trigger := command.New(main)
	session, err := p.open(ctx, s, sessionOptions{workload: w, triggers: func(*slog.Logger) ([]host.Trigger, error) {
		return []host.Trigger{trigger}, nil
	}, rawStreams: true, deadline: -1})
	if session != nil {
		defer func() {
			closing := session.close(ctx)
			if err == nil {
				err = closing // the guest's own error matters more
			}
		}()
	}
	if err != nil {
		return err
	}
	done := p.progress("starting " + text.Printable(w.Name))
	_, err = session.host.Start(ctx, w)
	done()
	if err != nil {
		if interrupted := interruption(ctx); interrupted != nil {
			return interrupted
		}
		return startProblem(w, err)
	}
	session.stderr.release("")
	err = waitForCommand(ctx, trigger)
	var exit *cm.ExitError
	if errors.As(err, &exit) {
		return statusError(exit.Code)
	}
	if interrupted := interruption(ctx); err != nil && interrupted != nil {
		return interrupted
	}
	return err
}

// waitForCommand runs a command to its end. After a signal it waits for closeTime at most.
func waitForCommand(ctx context.Context, trigger *command.Trigger) error {
	done := make(chan error, 1)
	go func() { done <- trigger.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timeout := time.NewTimer(closeTime)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		return context.Cause(ctx)
	}
}

// interruption is the Problem of the signal that has ended ctx; nil if none has.
func interruption(ctx context.Context) error {
	var s signalError
	if !errors.As(context.Cause(ctx), &s) {
		return nil
	}
	return &Problem{What: s.Error(), Code: s.status()}
}
