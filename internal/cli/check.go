package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/http"
)

func (p *process) check() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Say whether a workload would start; run no guest code",
		Long: `Reads a manifest (or what a component or a folder stands for), decodes, validates and compiles its components,
and links them: every mistake that keeps it from starting is found, and no guest code runs.`,
		Example: "  vitrine check shop/",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, workloadOptions, outputOptions, []option{cacheOption})
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		path := append(args, ".")[0]
		w, err := loadSpec(s, path)
		if err != nil {
			return err
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		session, err := p.open(ctx, s, purpose{triggers: []host.Trigger{http.New(http.Config{})}, silent: true})
		if session != nil {
			defer func() { err = errors.Join(err, session.close(ctx)) }()
		}
		if err != nil {
			return err
		}
		done := progress(p.stderr, "checking "+w.Name)
		err = session.host.Check(ctx, w)
		done()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "ok: %s would start, with %s\n", w.ID(), counted(len(w.Components), "component"))
		return err
	}
	return cmd
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
