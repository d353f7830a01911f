// Package cli gives a command its arguments, environment, standard streams and terminals.
package cli

import (
	"context"
	"io"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/vitrine-wasm/vitrine/cm"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// KV is one environment variable.
type KV struct{ Name, Value string }

// Config configures a Process. The zero Config is a command without arguments and input, whose output is discarded.
type Config struct {
	Args []string // the first is the command's own name
	Env  []KV     // in the order in which the guest sees them
	// EnvOf gives the variables that depend on the call in which the guest asks. Those in Env win. nil: none.
	EnvOf func(context.Context) []KV
	Cwd   string // the initial working directory; empty: none

	// Stdin is read when a guest reads, at most one buffer ahead of it, and never closed. nil is empty.
	Stdin io.Reader
	// Stdout and Stderr get each write of the guest, with the context of the call. They must not keep p. An error closes the
	// guest's stream. A call with an empty p announces that the guest may write. nil discards the bytes.
	Stdout, Stderr func(ctx context.Context, p []byte) error

	// Which of the three are terminals; see [IsTerminal].
	StdinTerminal, StdoutTerminal, StderrTerminal bool
}

// Process is a command's process. All its streams of standard input share one buffer.
type Process struct {
	Config
	stdin wasiio.InputStream
}

// New makes a Process.
func New(c Config) *Process {
	p := &Process{Config: c, stdin: wasiio.Empty()}
	if c.Stdin != nil {
		p.stdin = wasiio.NewReader(onlyReader{c.Stdin})
	}
	return p
}

// onlyReader hides Close: standard input belongs to the process.
type onlyReader struct{ io.Reader }

// GetEnvironment, GetArguments, Exit and ExitWithCode implement the functions of all versions of wasi:cli. This one returns Env,
// then what EnvOf returns.
func (p *Process) GetEnvironment(ctx context.Context) ([]cm.Tuple2[string, string], error) {
	env := make([]cm.Tuple2[string, string], len(p.Env))
	for i, kv := range p.Env {
		env[i] = cm.Tuple2[string, string]{F0: kv.Name, F1: kv.Value}
	}
	if p.EnvOf == nil {
		return env, nil
	}
	for _, kv := range p.EnvOf(ctx) {
		if !slices.ContainsFunc(p.Env, func(own KV) bool { return own.Name == kv.Name }) {
			env = append(env, cm.Tuple2[string, string]{F0: kv.Name, F1: kv.Value})
		}
	}
	return env, nil
}

// GetArguments returns Args.
func (p *Process) GetArguments(context.Context) ([]string, error) { return p.Args, nil }

// Exit ends the guest's run.
func (p *Process) Exit(_ context.Context, status cm.Result[struct{}, struct{}]) error {
	if status.IsErr {
		return &cm.ExitError{Code: 1}
	}
	return &cm.ExitError{}
}

// ExitWithCode ends it with a status.
func (p *Process) ExitWithCode(_ context.Context, code uint8) error { return &cm.ExitError{Code: code} }

// Input is a stream of standard input. All streams of one Process take from the same source; closing one leaves the
// others open.
func (p *Process) Input() wasiio.InputStream { return unclosable{p.stdin} }

type unclosable struct{ wasiio.InputStream }

func (unclosable) Close() error { return nil }

// Output is a new stream to standard output.
func (p *Process) Output() wasiio.OutputStream { return output(p.Stdout) }

// ErrorOutput is a new stream to standard error.
func (p *Process) ErrorOutput() wasiio.OutputStream { return output(p.Stderr) }

func output(f func(context.Context, []byte) error) wasiio.OutputStream {
	if f == nil {
		f = func(context.Context, []byte) error { return nil }
	}
	return wasiio.NewFuncWriter(f)
}

// IsTerminal says whether v, a reader or writer, is a terminal.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
