package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) up() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up [PATH]",
		Short: "Serve a component, a folder with a vitrine.yaml, or a manifest",
		Long: `Serves a component, a folder with a vitrine.yaml, or a manifest; the current folder if PATH is left out.

The first line on stderr, "serving NAME on http://ADDRESS", says where, once it is ready to answer.
What guests write comes out on stderr, each line behind its severity (a line of JSON says its own), the beginnings of its
trace's and span's identifiers, and the component's name and stream: WARN 4bf92f35/00f067aa [shop stderr] :: text.
SIGINT and SIGTERM let running requests end for as long as --drain says, cut the rest, send what telemetry
is left, and exit with 0; a second one ends the process at once. SIGHUP is noted, and changes nothing.`,
		Example: "  vitrine up shop.wasm --listen 127.0.0.1:0 --trace\n  vitrine up --write shop.wasm > vitrine.yaml",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, []option{listenOption, drainOption}, workloadOptions, outputOptions, []option{cacheOption})
	write := cmd.Flags().Bool("write", false, "print the manifest that PATH and the flags stand for, and do nothing else; of PATH's own,\nwhat flags do not change stays as it is written, and paths in it start from its folder")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := append(args, ".")[0]
		if *write {
			text, err := p.ships.format().Rewrite(path, s.apply)
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		}
		w, err := loadSpec(p.ships.format(), s, path)
		if err != nil {
			return err
		}
		return p.serve(cmd.Context(), s, w)
	}
	return cmd
}

// loadSpec reads what path stands for and lays the flags over it.
func loadSpec(format *app.Format, s *settings, path string) (*workload.Spec, error) {
	w, err := format.Load(path)
	if err != nil {
		return nil, err
	}
	return w, s.apply(w)
}

func (p *process) serve(ctx context.Context, s *settings, w *workload.Spec) (err error) {
	if len(w.Triggers) == 0 {
		return &Problem{What: "there is nothing to serve", Where: string(w.ID()), Why: "the workload has no trigger",
			Do: "write one below spec.triggers, such as http: {path: /, component: " + w.Components[0].Name + "}", Code: ExitUsage}
	}
	drain, err := s.drain(w)
	if err != nil {
		return err
	}
	keepWriting()
	ctx, stop := interruptible(ctx)
	defer stop()
	listen, _ := s.values("listen")
	var triggers []host.Trigger
	session, err := p.open(ctx, s, purpose{triggers: func(log *slog.Logger) (_ []host.Trigger, err error) {
		if triggers, err = p.ships.triggers(TriggerConfig{Workload: w, Listen: listen, Drain: drain, Logger: log}); err != nil {
			return nil, err
		}
		for _, t := range triggers {
			if l, ok := t.(Listener); ok && err == nil {
				err = l.Listen()
			}
		}
		return triggers, err
	}})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	defer onHangup(func() {
		session.log.Warn("SIGHUP changes nothing: this version reads its manifest and components only when it starts")
	})()
	session.warnOfIgnored(ctx, w)
	done := progress(p.stderr, "starting "+text.Printable(w.Name))
	_, err = session.host.Start(ctx, w)
	done()
	if err != nil {
		if ctx.Err() != nil {
			return nil // it was told to end before it had begun
		}
		return startProblem(w, err)
	}
	failed := make(chan error, 1)
	go func() { failed <- session.host.Run(ctx) }()
	session.stderr.open(greeting(w.ID(), triggers))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	session.log.Info("draining; a second signal ends the process at once", "for", drain.String())
	return <-failed
}

// greeting says where a workload is served, an address a line.
func greeting(id workload.ID, triggers []host.Trigger) string {
	var b strings.Builder
	var addrs []net.Addr
	for _, t := range triggers {
		if l, ok := t.(Listener); ok {
			addrs = append(addrs, l.Addrs()...)
		}
	}
	if len(addrs) == 0 {
		fmt.Fprintf(&b, "serving %s\n", text.Printable(string(id)))
	}
	for _, a := range addrs {
		scheme := "http://"
		if a.Network() == "unix" {
			scheme = "unix:"
		}
		fmt.Fprintf(&b, "serving %s on %s%s\n", text.Printable(string(id)), scheme, text.Printable(a.String()))
	}
	return b.String()
}

// drain is how long what runs may go on after the first signal: what was asked for, else the longest deadline.
func (s *settings) drain(w *workload.Spec) (time.Duration, error) {
	if text, from := s.text("drain", ""); text != "" {
		d, err := workload.ParseDuration(text)
		if err != nil {
			return 0, badValue(from, err)
		}
		return d, nil
	}
	var longest time.Duration
	for _, c := range w.Components {
		longest = max(longest, c.Limits.Filled().Deadline)
	}
	return longest, nil
}
