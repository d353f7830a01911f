package cli

import (
	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/internal/private"
)

// folder is for what sets containers up: a volume of Kubernetes can be written to by everybody, and compiled code in it would not be used. A
// folder in the volume that is mounted in its place is this user's alone.
func (p *process) folder() *cobra.Command {
	return &cobra.Command{
		Use: "folder DIR", Short: "Make a folder that only this user can write to", Args: cobra.ExactArgs(1), Hidden: true,
		Example: "  vitrine folder /volume/cache",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := private.Folder(args[0]); err != nil {
				return &Problem{What: "cannot make the folder " + args[0], Why: err.Error(), Do: "choose another one, in a folder that you can write to", Code: ExitUsage}
			}
			return nil
		},
	}
}
