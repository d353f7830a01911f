package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

The first line on stderr, "serving NAME on http://ADDRESS", appears once the workload is ready to answer.
Guests' output appears on stderr, each line after its severity (a line of JSON may set its own), the beginnings of its
trace's and span's identifiers, and the component's name and stream: WARN 4bf92f35/00f067aa [shop stderr] :: text.
After SIGINT or SIGTERM running requests may go on for as long as --drain says; then the rest is cut, the remaining
telemetry is sent, and the exit status is 0. A second signal ends the process at once. SIGHUP changes nothing, and is logged.`,
		Example: "  vitrine up shop.wasm --listen 127.0.0.1:0 --trace\n  vitrine up --write shop.wasm > vitrine.yaml",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, []option{listenOption, tlsCertOption, tlsKeyOption, trustedProxiesOption, drainOption}, workloadOptions, outputOptions, []option{cacheOption})
	write := cmd.Flags().Bool("write", false, "print PATH's manifest with the values of flags and variables, and do nothing else; the rest of\nPATH's own manifest stays as it is written, and its paths start from its folder")
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
		return p.serve(cmd.Context(), s, path, w)
	}
	return cmd
}

// loadSpec reads the manifest, folder or component at path and applies the flags and variables.
func loadSpec(format *app.Format, s *settings, path string) (*workload.Spec, error) {
	w, err := format.Load(path)
	if err != nil {
		return nil, err
	}
	return w, s.apply(w)
}

func (p *process) serve(ctx context.Context, s *settings, path string, w *workload.Spec) (err error) {
	if len(w.Triggers) == 0 && len(w.Services) == 0 {
		return nothingToServe(w)
	}
	drain, err := s.drain(w)
	if err != nil {
		return err
	}
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	session, triggers, err := p.openServing(ctx, s, w, w, drain)
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	defer onHangup(func() {
		session.log.Warn("SIGHUP changes nothing: this version reads its manifest and components only when it starts")
	})()
	done := progress(p.stderr, "starting "+text.Printable(w.Name))
	id, err := session.host.Start(ctx, w)
	done()
	if err != nil {
		if ctx.Err() != nil {
			return nil // a signal ended it before it had started
		}
		return startProblem(w, p.placed(path, err))
	}
	failed := make(chan error, 1)
	go func() {
		if len(w.Triggers) == 0 {
			failed <- untilEnded(ctx, session.host, id)
			return
		}
		failed <- session.host.Run(ctx)
	}()
	session.stderr.release(greeting(w.ID(), triggers))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	session.log.Info("draining; a second signal ends the process at once", "for", drain.String())
	dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(drain, closeTime))
	defer cancel()
	err = <-failed
	if len(w.Services) > 0 { // they are told to end when no request needs them any more, and have the rest of the time to drain
		err = errors.Join(err, session.host.Stop(dctx, id))
	}
	return err
}

func nothingToServe(w *workload.Spec) error {
	return &Problem{What: "there is nothing to serve", Where: string(w.ID()), Why: "the workload has no trigger and no service",
		Do: "write one below spec.triggers, such as http: {path: /, component: " + w.Components[0].Name + "}, or below spec.services", Code: ExitUsage}
}

// openServing makes a session with the triggers of the types that kinds has, and opens the addresses of those that w has. A session that is
// not nil must be closed, also where there is an error.
func (p *process) openServing(ctx context.Context, s *settings, w, kinds *workload.Spec, drain time.Duration) (_ *session, triggers []host.Trigger, _ error) {
	listen, _ := s.values("listen")
	cert, certFrom := s.text("tls-cert", "")
	key, keyFrom := s.text("tls-key", "")
	if (cert == "") != (key == "") {
		return nil, nil, &Problem{What: "a certificate and its key belong together", Where: map[bool]string{true: keyFrom, false: certFrom}[cert == ""],
			Why: "only one of the two is given", Do: "give both --tls-cert and --tls-key", Code: ExitUsage}
	}
	trusted, _ := s.values("trusted-proxies")
	session, err := p.open(ctx, s, sessionOptions{drain: drain, triggers: func(log *slog.Logger) (_ []host.Trigger, err error) {
		if triggers, err = p.ships.triggers(TriggerConfig{Workload: kinds, Listen: listen, TLSCert: cert, TLSKey: key, Proxies: trusted, Drain: drain, Logger: log}); err != nil {
			return nil, err
		}
		for _, t := range triggers {
			named := slices.ContainsFunc(w.Triggers, func(spec workload.TriggerSpec) bool { return spec.Type == t.Type() })
			if l, ok := t.(Listener); ok && named && err == nil {
				err = l.Listen()
			}
		}
		return triggers, err
	}})
	return session, triggers, err
}

// greeting has a line for each address at which a workload is served.
func greeting(id workload.ID, triggers []host.Trigger) string {
	var b strings.Builder
	var urls []string
	for _, t := range triggers {
		if l, ok := t.(Listener); ok {
			urls = append(urls, l.Endpoints()...)
		}
	}
	if len(urls) == 0 {
		fmt.Fprintf(&b, "serving %s\n", text.Printable(string(id)))
	}
	for _, url := range urls {
		fmt.Fprintf(&b, "serving %s on %s\n", text.Printable(string(id)), text.Printable(url))
	}
	return b.String()
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
