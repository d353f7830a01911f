package cli

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

func (p *process) precompile() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "precompile [PATH] -o DIR",
		Short: "Compile a workload's components in advance, into a folder for --cache-dir",
		Long: `Compiles the components of a manifest, of a folder with one, or one component, into a folder that an image can carry and
that processes of any user may use by --cache-dir or VITRINE_CACHE_DIR. It is only read there, and may be the system's user's (root); it is
not used if others can write to it. Given again, the folder has what it had before, too; one with other things in it keeps its
permissions, which may keep others out.

The code is for this version of vitrine, this system and this kind of processor; others compile anew, at each start.
No guest code is run.`,
		Example: "  vitrine precompile shop/ -o compiled\n  vitrine up --cache-dir compiled shop/",
		Args:    cobra.MaximumNArgs(1),
	}
	dir := cmd.Flags().StringP("output", "o", "", "the folder, made where it is not there yet")
	s := p.options(cmd, workloadOptions, outputOptions, []option{stateOption, plainHTTPOption, cacheOption})
	_ = cmd.Flags().MarkHidden(cacheOption.name)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if *dir == "" || *dir == "off" {
			return &Problem{What: "there is no folder to write to", Do: "name one with -o DIR", Code: ExitUsage}
		}
		path := append(args, ".")[0]
		w, err := p.loadSpec(cmd.Context(), s, path)
		if err != nil {
			return err
		}
		cannot := func(err error) error {
			return &Problem{What: "cannot write the folder " + *dir, Where: "--output", Why: err.Error(), Do: "choose another folder with -o, that only you can write to", Code: ExitUsage}
		}
		sealed, err := component.UnsealCache(*dir)
		if err != nil {
			return cannot(err)
		}
		defer func() {
			if err != nil && sealed { // what it had before is used as before
				if failed := component.SealCache(*dir); failed != nil {
					err = errors.Join(err, cannot(failed))
				}
			}
		}()
		if err := cmd.Flags().Set(cacheOption.name, *dir); err != nil {
			return err
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		engine, err := component.NewEngine(ctx, component.WithCacheDir(*dir)) // a session would go on without the folder
		if err != nil {
			return cannot(err)
		}
		if err := engine.Close(ctx); err != nil {
			return cannot(err)
		}
		session, err := p.open(ctx, s, sessionOptions{workload: w, triggers: func(log *slog.Logger, _ rejectedFunc) ([]host.Trigger, error) {
			return p.ships.triggers(TriggerConfig{Workload: w, Logger: log})
		}, noTelemetry: true})
		if err == nil {
			_, err = p.checked(ctx, session, w, path)
		}
		if session != nil {
			err = errors.Join(err, session.close(ctx))
		}
		if err != nil {
			return err
		}
		if err := component.SealCache(*dir); err != nil {
			return cannot(err)
		}
		_, err = fmt.Fprintf(text.Writer(p.stdout), "precompiled: %s, %s into %s\n", w.ID(), counted(len(w.Components), "component"), *dir)
		return err
	}
	return cmd
}
