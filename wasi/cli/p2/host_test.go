package clip2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
)

// Variables that depend on the call come after the others, which win.
func TestEnvironmentOfTheCall(t *testing.T) {
	type key struct{}
	p := process{cli.New(cli.Config{Env: []cli.KV{{Name: "OWN", Value: "1"}}, EnvOf: func(ctx context.Context) []cli.KV {
		return []cli.KV{{Name: "OWN", Value: "2"}, {Name: "CALL", Value: ctx.Value(key{}).(string)}}
	}})}
	env, err := p.GetEnvironment(context.WithValue(t.Context(), key{}, "3"))
	if got := fmt.Sprint(env); err != nil || got != "[{OWN 1} {CALL 3}]" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestEnvironment(t *testing.T) {
	ctx := t.Context()
	p := process{cli.New(cli.Config{Args: []string{"a", "b"}, Env: []cli.KV{{Name: "Z", Value: "1"}, {Name: "A", Value: ""}}, Cwd: "/w"})}
	args, _ := p.GetArguments(ctx)
	env, _ := p.GetEnvironment(ctx)
	cwd, _ := p.InitialCwd(ctx)
	if strings.Join(args, " ") != "a b" || len(env) != 2 || env[0].F0 != "Z" || env[0].F1 != "1" || env[1].F0 != "A" || cwd == nil || *cwd != "/w" {
		t.Error(args, env, cwd)
	}
	if cwd, _ := (process{cli.New(cli.Config{})}).InitialCwd(ctx); cwd != nil {
		t.Error(*cwd)
	}
}

func TestExit(t *testing.T) {
	p := process{cli.New(cli.Config{})}
	for _, c := range []struct {
		err  error
		code uint8
	}{
		{p.Exit(t.Context(), cm.Result[struct{}, struct{}]{}), 0},
		{p.Exit(t.Context(), cm.Result[struct{}, struct{}]{IsErr: true}), 1},
		{p.ExitWithCode(t.Context(), 42), 42},
	} {
		var exit *cm.ExitError
		if !errors.As(c.err, &exit) || exit.Code != c.code {
			t.Errorf("%v, want %d", c.err, c.code)
		}
	}
}

func TestStreams(t *testing.T) {
	ctx := t.Context()
	var out, errs strings.Builder
	p := process{cli.New(cli.Config{
		Stdin:  strings.NewReader("in"),
		Stdout: func(_ context.Context, b []byte) error { out.Write(b); return nil },
		Stderr: func(_ context.Context, b []byte) error { errs.Write(b); return nil },
	})}
	in, _ := p.GetStdin(ctx)
	if b, err := in.BlockingRead(ctx, 10); string(b) != "in" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	o, _ := p.GetStdout(ctx)
	e, _ := p.GetStderr(ctx)
	o2, _ := p.GetStdout(ctx)
	for _, err := range []error{o.BlockingWriteAndFlush(ctx, []byte("out")), e.BlockingWriteAndFlush(ctx, []byte("err")), o2.BlockingWriteAndFlush(ctx, []byte("!"))} {
		if err != nil {
			t.Error(err)
		}
	}
	if out.String() != "out!" || errs.String() != "err" {
		t.Error(out.String(), errs.String())
	}
}

func TestTerminals(t *testing.T) {
	ctx := t.Context()
	for _, is := range []bool{false, true} {
		p := process{cli.New(cli.Config{StdinTerminal: is, StdoutTerminal: is, StderrTerminal: is})}
		a, _ := p.GetTerminalStdin(ctx)
		b, _ := p.GetTerminalStdout(ctx)
		c, _ := p.GetTerminalStderr(ctx)
		if (a != nil) != is || (b != nil) != is || (c != nil) != is {
			t.Error(is, a, b, c)
		}
	}
}
