package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *process) schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the manifest",
		Long: `Prints the JSON Schema (draft 2020-12) of vitrine.yaml as this version reads it, with the triggers and backends that it has.
The first line of a manifest can name such a file for editors: # yaml-language-server: $schema=vitrine.schema.json`,
		Example: "  vitrine schema > vitrine.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := p.ships.format().Schema()
			if err != nil {
				return fmt.Errorf("the schema: %w", err)
			}
			_, err = p.stdout.Write(text)
			return err
		},
	}
}
