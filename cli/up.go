package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) up() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up [PATH|REF]...",
		Short: "Serve a component, a folder with a vitrine.yaml, or a manifest",
		Long: `Serves a component, a folder with a vitrine.yaml, or a manifest; the current folder if PATH is left out. REF is what vitrine push has
brought to a registry: HOST/REPOSITORY:TAG, or @sha256:…. It is fetched once, and then starts without the registry.
Several, or a folder of manifests, are several workloads in one process: they share its addresses, each with routes of its own.
One of them that cannot start is told, and the others serve; a reload tries it again.

The first line on stderr, "serving NAME on http://ADDRESS", appears once the workload is ready to answer.
Guests' output appears there, too, each line after its severity, the beginnings of its trace's and span's identifiers, and
the component's name and stream:

  INFO 4bf92f35/00f067aa [shop stderr] :: text

After SIGINT or SIGTERM running requests may go on for as long as --drain says; then the rest is cut, the remaining
telemetry is sent, and the exit status is 0. A second signal ends the process at once.

SIGHUP, or POST /reload to the address of --admin, reads the manifests and the
components again: new requests go to what they are now, those under way end in what was before, and none fails.`,
		Example: "  vitrine up shop.wasm --listen 127.0.0.1:0 --trace\n  vitrine up shop.wasm --view\n  vitrine up registry.example.com/shop/cart:1.2 --verify-key cosign.pub\n  vitrine up --write shop.wasm > vitrine.yaml",
		Args:    cobra.ArbitraryArgs,
	}
	s := p.options(cmd, []option{listenOption, tlsCertOption, tlsKeyOption, trustedProxiesOption, drainOption, drainDelayOption, adminOption, memoryBudgetOption}, workloadOptions, outputOptions, []option{accessOption("false")}, viewOptions, []option{allowGrantsOption, stateOption, plainHTTPOption, cacheOption})
	write := cmd.Flags().Bool("write", false, "print PATH's manifest with the values of flags and variables, and do nothing else; the rest of PATH's own manifest stays as it is written, and its paths start from its folder")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"."}
		}
		if *write {
			if len(args) > 1 {
				return &Problem{What: "--write prints one manifest", Why: fmt.Sprintf("there are %d paths", len(args)), Do: "give one of them", Code: ExitUsage}
			}
			text, err := p.rewritten(cmd.Context(), s, args[0])
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		}
		all, err := p.loadAll(cmd.Context(), s, args)
		if err != nil {
			return err
		}
		return p.serve(cmd.Context(), s, args, all)
	}
	return cmd
}

func (p *process) serve(ctx context.Context, s *settings, paths []string, all []*served) (err error) {
	w := together(all)
	kinds, alone := w, len(all) == 1 && all[0].path == paths[0]
	if !alone { // workloads come and go
		kinds = p.everyKind(w)
	}
	drain, err := s.drain(w)
	if err != nil {
		return err
	}
	delay, err := s.duration("drain-delay")
	if err != nil {
		return err
	}
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	session, err := p.openServing(ctx, s, w, kinds, servingOptions{drain: drain})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	again := p.newReloader(ctx, s, paths, all, session.session)
	defer again.close()
	defer onHangup(again.hangup)()
	session.operators.serve(ctx, session.session, func(c *admin.Config) { c.Reload = again.ask })
	running, broken, err := session.startAll(ctx, p, all)
	if err != nil {
		if ctx.Err() != nil {
			return nil // a signal ended it before it had started
		}
		return err
	}
	again.served, again.failed = running, broken
	serving, end := context.WithCancel(context.WithoutCancel(ctx)) // until the delay after the signal is over
	defer end()
	failed := make(chan error, 1)
	go func() {
		if alone && len(w.Triggers) == 0 {
			failed <- untilEnded(serving, session.host, w.ID())
			return
		}
		failed <- session.host.Run(serving)
	}()
	session.stderr.release(session.announce(session.greeting(specs(running)...)))
	again.started.Store(true)
	alive, ended := context.WithCancel(context.WithoutCancel(ctx))
	defer ended()
	notifyReady(alive, session.log)
	settled := time.AfterFunc(startPagesAfter, dropStartPages)
	defer settled.Stop()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	session.operators.drain()
	notifyStopping(session.log)
	if delay > 0 {
		session.log.Info("requests are still taken for a while, and the process is not ready any more; a second signal ends the process at once", "for", delay.String())
		select {
		case err := <-failed:
			failed <- err // it has ended by itself
		case <-time.After(delay):
		}
	}
	session.log.Info("draining; a second signal ends the process at once", "for", drain.String())
	end()
	dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(drain, closeTime))
	defer cancel()
	err = <-failed
	again.close()
	for _, a := range again.served {
		if len(a.spec.Services) > 0 { // they are told to end when no request needs them any more, and have the rest of the time to drain
			err = errors.Join(err, session.host.Stop(dctx, a.spec.ID()))
		}
	}
	return err
}

// duration is the value of an option that is a duration; 0 by default.
func (s *settings) duration(name string) (time.Duration, error) {
	text, from := s.text(name, "")
	if text == "" || text == "0" || text == "0s" {
		return 0, nil
	}
	d, err := workload.ParseDuration(text)
	if err != nil {
		return 0, badValue(from, err)
	}
	return d, nil
}

// stateFolder is the folder with the data of grants that name no backend; "" where the workload has no such grant.
func stateFolder(w *workload.Spec) string {
	for _, c := range w.Components {
		for _, g := range c.Grants.Keyvalue {
			if g.State == "" {
				continue
			}
			if dir, err := filepath.Abs(g.State); err == nil {
				return dir
			}
			return g.State
		}
	}
	return ""
}

// drain is how long running invocations may go on after the first signal: --drain, else the longest deadline.
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
