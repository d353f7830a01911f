package cli

import "github.com/spf13/cobra"

func (p *process) inspect() *cobra.Command { return &cobra.Command{Use: "inspect"} }
