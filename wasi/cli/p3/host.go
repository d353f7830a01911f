package clip3

import (
	"context"
	"errors"
	"syscall"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/errno"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	"github.com/vitrine-wasm/vitrine/wasi/flow"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Add defines the imports of wasi:cli for commands that share a process.
func Add(l *component.Linker, shared *cli.Process) {
	p := process{shared}
	AddTypes(l)
	AddEnvironment(l, p)
	AddExit(l, p)
	AddStdin(l, p)
	AddStdout(l, output{p, shared.Stdout})
	AddStderr(l, output{p, shared.Stderr})
	AddTerminalInput(l)
	AddTerminalOutput(l)
	AddTerminalStdin(l, p)
	AddTerminalStdout(l, p)
	AddTerminalStderr(l, p)
}

type process struct{ *cli.Process }

func (p process) GetInitialCwd(context.Context) (*string, error) {
	if p.Cwd == "" {
		return nil, nil
	}
	return &p.Cwd, nil
}

// ReadViaStream implements [Stdin]. Input is read when the guest asks for it.
func (p process) ReadViaStream(ctx context.Context) (cm.Tuple2[*cm.StreamReader[uint8], *cm.FutureReader[flow.Result[ErrorCode]]], error) {
	w, r := cm.NewStream[uint8]()
	ended, end := flow.Outcome(errorCode)
	in := p.Input()
	err := flow.Of(ctx).Feed(w, flow.SourceFunc(func(ctx context.Context, b []byte) (int, error) { return wasiio.BlockingRead(ctx, in, b) }), end)
	return cm.Tuple2[*cm.StreamReader[uint8], *cm.FutureReader[flow.Result[ErrorCode]]]{F0: r, F1: ended}, err
}

// output is standard output, or standard error.
type output struct {
	process
	write func(context.Context, []byte) error // nil forgets
}

// WriteViaStream implements [Stdout] and [Stderr]. What the guest has written comes out before the end of its invocation.
func (o output) WriteViaStream(ctx context.Context, data *cm.StreamReader[uint8]) (*cm.FutureReader[flow.Result[ErrorCode]], error) {
	for _, write := range []func(context.Context, []byte) error{o.Stdout, o.Stderr} {
		if write != nil {
			_ = write(ctx, nil) // what it keeps for the invocation is to end after what is taken for it
		}
	}
	write := o.write
	if write == nil {
		write = func(context.Context, []byte) error { return nil }
	}
	scope := flow.Of(ctx)
	scope.Settle()
	ended, end := flow.Outcome(errorCode)
	return ended, scope.Take(data, true, write, end)
}

// errorCode is what the guest sees of an error.
func errorCode(err error) ErrorCode {
	if errors.Is(err, wasiio.ErrReaderGone) || errno.Is(err, syscall.EPIPE) {
		return ErrorCodePipe
	}
	return ErrorCodeIO
}

// terminal is all that a guest can hold of a terminal in this version: the knowledge that there is one.
type terminal struct{}

func (p process) GetTerminalStdin(context.Context) (TerminalInput, error) {
	if p.StdinTerminal {
		return terminal{}, nil
	}
	return nil, nil
}

func (p process) GetTerminalStdout(context.Context) (TerminalOutput, error) {
	if p.StdoutTerminal {
		return terminal{}, nil
	}
	return nil, nil
}

func (p process) GetTerminalStderr(context.Context) (TerminalOutput, error) {
	if p.StderrTerminal {
		return terminal{}, nil
	}
	return nil, nil
}
