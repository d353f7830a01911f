package clip2

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines the imports of wasi:cli for a command that is given cfg.
func Add(l *component.Linker, cfg cli.Config) {
	p := process{cli.New(cfg)}
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

func (p process) GetEnvironment(context.Context) ([]cm.Tuple2[string, string], error) {
	env := make([]cm.Tuple2[string, string], len(p.Env))
	for i, kv := range p.Env {
		env[i] = cm.Tuple2[string, string]{F0: kv.Name, F1: kv.Value}
	}
	return env, nil
}

func (p process) GetArguments(context.Context) ([]string, error) { return p.Args, nil }

func (p process) InitialCwd(context.Context) (*string, error) {
	if p.Cwd == "" {
		return nil, nil
	}
	return &p.Cwd, nil
}

func (p process) Exit(_ context.Context, status cm.Result[struct{}, struct{}]) error {
	if status.IsErr {
		return &cm.ExitError{Code: 1}
	}
	return &cm.ExitError{}
}

func (p process) ExitWithCode(_ context.Context, code uint8) error { return &cm.ExitError{Code: code} }

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
