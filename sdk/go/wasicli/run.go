// Package wasicli makes a component a program of WASI 0.3, by wasi:cli/run: one that its host can end, and that may export something else besides, as a service that
// answers requests does. A program that only runs needs no package: its main function is wasi:cli/run of WASI 0.2.
package wasicli

import (
	"context"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasicli/internal/bindings"
)

// Run has f be the program. It is for init functions; the component's main function is not called. An error that f returns is the program's failure, and
// nothing of it goes to the host: print it before. The context ends when the host ends the program.
func Run(f func(ctx context.Context) error) { bindings.ExportRun(program(f)) }

type program func(context.Context) error

// Run is wasi:cli/run's.
func (p program) Run(ctx context.Context) error { return p(ctx) }
