package clip2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines the imports of wasi:cli for commands that share a process.
func Add(l *component.Linker, shared *cli.Process) {
	p := process{shared}
	AddEnvironment(l, p)
	AddExit(l, p)
	AddStdin(l, p)
	AddStdout(l, p)
	AddStderr(l, p)
	AddTerminalInput(l)
	AddTerminalOutput(l)
	AddTerminalStdin(l, p)
	AddTerminalStdout(l, p)
	AddTerminalStderr(l, p)
}

type process struct{ *cli.Process }

func (p process) InitialCwd(context.Context) (*string, error) {
	if p.Cwd == "" {
		return nil, nil
	}
	return &p.Cwd, nil
}

func (p process) GetStdin(context.Context) (iop2.InputStream, error) {
	return iop2.NewInputStream(p.Input()), nil
}

func (p process) GetStdout(context.Context) (iop2.OutputStream, error) {
	return iop2.NewOutputStream(p.Output()), nil
}

func (p process) GetStderr(context.Context) (iop2.OutputStream, error) {
	return iop2.NewOutputStream(p.ErrorOutput()), nil
}

// terminal is a terminal-input or terminal-output, which has no functions in this version.
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
