package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// drainTime is how long running requests may go on after the first signal.
const drainTime = 10 * time.Second

func (p *process) up() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up [PATH]",
		Short: "Serve a component, a folder with a vitrine.yaml, or a manifest",
		Long: `Serves a component, a folder with a vitrine.yaml, or a manifest; the current folder if PATH is left out.

The first line on stderr, "serving NAME on http://ADDRESS", says where, once it is ready to answer.
What guests write comes out on stderr, each line with the component's name and stream before it.
SIGINT and SIGTERM let running requests end, send what telemetry is left, and exit with 0; a second one
ends the process at once.`,
		Example: "  vitrine up shop.wasm --listen 127.0.0.1:0 --trace\n  vitrine up --write shop.wasm > vitrine.yaml",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, []option{listenOption}, workloadOptions, outputOptions, []option{cacheOption})
	write := cmd.Flags().Bool("write", false, "print the vitrine.yaml that PATH and the flags stand for, and do nothing else")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		w, err := loadSpec(s, append(args, ".")[0])
		if err != nil {
			return err
		}
		if *write {
			text, err := app.Write(app.Of(w))
			if err == nil {
				_, err = p.stdout.Write(text)
			}
			return err
		}
		return p.serve(cmd.Context(), s, w)
	}
	return cmd
}

// loadSpec reads what path stands for and lays the flags over it.
func loadSpec(s *settings, path string) (*workload.Spec, error) {
	w, err := app.Load(path)
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
	ctx, stop := interruptible(ctx)
	defer stop()
	listen, _ := s.text("listen", "127.0.0.1:3000")
	config := http.Config{Listen: listen, Grace: drainTime}
	for _, c := range w.Components {
		config.MaxHeader = max(config.MaxHeader, int(c.Limits.Filled().Headers))
	}
	trigger := http.New(config)
	if err := trigger.Listen(); err != nil {
		return err // before the long part: the address is the likeliest mistake
	}
	session, err := p.open(ctx, s, purpose{triggers: []host.Trigger{trigger}})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
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
	session.stderr.open(fmt.Sprintf("serving %s on http://%s\n", text.Printable(string(w.ID())), trigger.Addr()))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop() // from here on, a signal ends the process
	session.log.Info("draining; a second signal ends the process at once")
	return <-failed
}
