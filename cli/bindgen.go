package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/bindgen/command"
)

func (p *process) bindgen() *cobra.Command {
	cmd := command.New(p.stdout)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var drift *command.DriftError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &drift):
			return &Problem{What: "the bindings are not what their WIT makes", Where: drift.Dir, Whys: drift.Files,
				Do: "run the same command without --check", Code: ExitFailed}
		case explainFile(err) != nil:
			return err
		}
		return &Problem{What: "there are no bindings for this", Whys: lines(err), Do: "correct the text or the flags; see " + cmd.CommandPath() + " --help", Code: ExitUsage}
	}
	return cmd
}
