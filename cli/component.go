package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/internal/cm/encode"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/wit"
)

func (p *process) component() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "component",
		Short:   "Make components of core modules",
		Example: "  vitrine component new app.core.wasm -o app.wasm",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.newComponent())
	return cmd
}

func (p *process) newComponent() *cobra.Command {
	var out, world string
	var paths []string
	cmd := &cobra.Command{
		Use:   "new MODULE -o FILE",
		Short: "Make a component of a core module",
		Long: `Makes a component of the core module that a compiler has made: Go's with GOOS=wasip1, and those of C, TinyGo and Rust, whose imports and
exports have the names that wit-bindgen's tools give them. What the module imports and exports says what the component does; the WIT of these
interfaces is in this program, for WASI 0.2.12 and 0.3.0, wasi:keyvalue, wasi:config, wasi:logging and wasi:otel, or is given with --wit. A world is needed for functions with plain names.

A module that speaks WASI 0.1, as Go's do, becomes a component of WASI 0.2; no adapter has to be fetched for that.

Exit status: 0 the component is written; 1 it cannot be; 2 the module, the WIT or the world does not fit.`,
		Example: `  GOOS=wasip1 GOARCH=wasm go build -o app.core.wasm .
  vitrine component new app.core.wasm -o app.wasm
  vitrine component new app.core.wasm --wit wit --world my:app/service -o app.wasm`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return &Problem{What: "want a file for the component", Where: cmd.CommandPath(), Do: "name it: -o app.wasm", Code: ExitUsage}
			}
			return p.makeComponent(args[0], out, world, paths)
		},
	}
	set := cmd.Flags()
	set.StringVarP(&out, "out", "o", "", "the file of the component")
	set.StringSliceVar(&paths, "wit", nil, "files of WIT text, folders of one package (with its deps), or folders of such folders")
	set.StringVar(&world, "world", "", "what the component has to export, and what plain names mean (my:app/service@1.0.0); the version may be left out")
	return cmd
}

func (p *process) makeComponent(file, out, world string, paths []string) error {
	module, err := os.ReadFile(file)
	if err != nil {
		return &Problem{What: "the module cannot be read", Where: file, Why: fileError(err), Code: ExitUsage}
	}
	set, err := wit.LoadBeside(shippedWIT, paths...)
	if err != nil {
		return &Problem{What: "the WIT has a mistake", Where: strings.Join(paths, ", "), Why: err.Error(), Code: ExitUsage}
	}
	o := encode.Options{Set: set}
	if world != "" {
		id, err := wit.ParseID(world)
		if err == nil && id.Namespace != "" {
			o.World = set.World(id)
		}
		if o.World == nil {
			return &Problem{What: "there is no such world", Where: world, Why: "the WIT has no world of that name", Do: "name it in full, my:app/service, and give its text with --wit", Code: ExitUsage}
		}
	}
	component, err := encode.Component(module, o)
	if err != nil {
		return &Problem{What: "the module cannot become a component", Where: file, Why: err.Error(), Code: ExitUsage}
	}
	if err := writeWhole(out, component, 0o666); err != nil {
		return &Problem{What: "the component cannot be written", Where: out, Why: fileError(err), Code: ExitFailed}
	}
	_, err = fmt.Fprintf(text.Writer(p.stdout), "%s: %d bytes\n", out, len(component))
	return err
}

// fileError is why a file operation failed, without the file's name.
func fileError(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
