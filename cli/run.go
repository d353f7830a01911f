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
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
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
		main, err := commandOf(w, args[0])
		if err != nil {
			return err
		}
		if p.alone || len(args) > 1 {
			main.Args = args[1:]
		}
		for i, arg := range main.Args {
			if !utf8.ValidString(arg) {
				return &Problem{What: fmt.Sprintf("argument %d of the guest is no UTF-8", i+1), Where: args[0],
					Why: "guests are given text only", Do: "give it in UTF-8", Code: ExitUsage}
			}
		}
		return p.runOnce(cmd.Context(), s, w, main, commandOptions{streams: hostwasi.Config{Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr}, progress: true})
	}
	return cmd
}

// commandOf is the component of a workload that is run as a command.
func commandOf(w *workload.Spec, path string) (*workload.Component, error) {
	roots := rootsOf(w)
	if len(w.Components) != 1 && len(roots) != 1 {
		return nil, &Problem{What: "it is not clear which component to run", Where: path,
			Why: "the workload has several that no other is linked to", Do: "give the component's file", Code: ExitUsage}
	}
	return w.Component(roots[0]), nil
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

// commandOptions are what the runs of run and test differ in.
type commandOptions struct {
	streams   hostwasi.Config   // of the guest
	consumers []export.Consumer // that take telemetry, too
	progress  bool              // a start that takes long is said
}

// runOnce runs main, a component of w, of which nothing is served. A statusError is the guest's exit status.
func (p *process) runOnce(ctx context.Context, s *settings, w *workload.Spec, main *workload.Component, o commandOptions) (err error) {
	main.Args = append([]string{strings.ToValidUTF8(filepath.Base(cmp.Or(main.Source.File, main.Name)), "\uFFFD")}, main.Args...)
	w.Triggers, w.Services = nil, nil
	for i := range w.Components {
		w.Components[i].Instances.Ready = nil
	}
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	trigger := command.New(main.Name)
	session, err := p.open(ctx, s, sessionOptions{workload: w, triggers: func(*slog.Logger, rejectedFunc) ([]host.Trigger, error) {
		return []host.Trigger{trigger}, nil
	}, streams: o.streams, consumers: o.consumers, deadline: -1})
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
	done := func() {}
	if o.progress {
		done = p.progress("starting " + text.Printable(w.Name))
	}
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
