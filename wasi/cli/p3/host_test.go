package clip3

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func TestEnvironment(t *testing.T) {
	ctx := t.Context()
	p := process{cli.New(cli.Config{Args: []string{"a", "b"}, Env: []cli.KV{{Name: "Z", Value: "1"}}, Cwd: "/w"})}
	args, _ := p.GetArguments(ctx)
	env, _ := p.GetEnvironment(ctx)
	cwd, _ := p.GetInitialCwd(ctx)
	if len(args) != 2 || len(env) != 1 || env[0].F0 != "Z" || cwd == nil || *cwd != "/w" {
		t.Error(args, env, cwd)
	}
	if cwd, _ := (process{cli.New(cli.Config{})}).GetInitialCwd(ctx); cwd != nil {
		t.Error(*cwd)
	}
	var exit *cm.ExitError
	if err := p.ExitWithCode(ctx, 42); !errors.As(err, &exit) || exit.Code != 42 {
		t.Error(err)
	}
}

// TestStdin: all streams take from the same input, which is read when somebody asks; its end is told, and an error is.
func TestStdin(t *testing.T) {
	ctx := t.Context()
	p := process{cli.New(cli.Config{Stdin: strings.NewReader("in put")})}
	a, err := p.ReadViaStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := p.ReadViaStream(ctx)
	buf := make([]byte, 2)
	if n, err := a.F0.Read(ctx, buf); n != 2 || err != nil || string(buf) != "in" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	a.F0.Close()
	if got, err := a.F1.Await(ctx); err != nil || got.IsErr {
		t.Errorf("dropped: %+v, %v", got, err)
	}
	rest, err := io.ReadAll(cm.ReadStream(ctx, b.F0))
	if err != nil || !strings.HasSuffix(" put", string(rest)) {
		t.Errorf("%q, %v", rest, err)
	}
	if got, err := b.F1.Await(ctx); err != nil || got.IsErr {
		t.Errorf("at the end: %+v, %v", got, err)
	}
	broken := process{cli.New(cli.Config{Stdin: io.MultiReader(strings.NewReader("x"), failing{})})}
	c, _ := broken.ReadViaStream(ctx)
	if rest, err := io.ReadAll(cm.ReadStream(ctx, c.F0)); err != nil || string(rest) != "x" {
		t.Errorf("%q, %v", rest, err)
	}
	if got, err := c.F1.Await(ctx); err != nil || !got.IsErr || got.Err != ErrorCodeIO {
		t.Errorf("broken: %+v, %v", got, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

// TestStdout: bytes come out in order; what breaks is told by the future, and drops the stream.
func TestStdout(t *testing.T) {
	ctx := t.Context()
	var out, errs strings.Builder
	to := func(b *strings.Builder) func(context.Context, []byte) error {
		return func(_ context.Context, p []byte) error { b.Write(p); return nil }
	}
	p := process{cli.New(cli.Config{Stdout: to(&out), Stderr: to(&errs)})}
	for _, o := range []struct {
		output
		text string
	}{{output{p, p.Stdout}, "out"}, {output{p, p.Stderr}, "err"}, {output{p, nil}, "nowhere"}} {
		w, r := cm.NewStream[uint8]()
		ended, err := o.WriteViaStream(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(cm.WriteStream(ctx, w), o.text); err != nil {
			t.Error(err)
		}
		w.Close()
		if got, err := ended.Await(ctx); err != nil || got.IsErr {
			t.Errorf("%s: %+v, %v", o.text, got, err)
		}
	}
	if out.String() != "out" || errs.String() != "err" {
		t.Errorf("%q, %q", &out, &errs)
	}
	for _, c := range []struct {
		err  error
		want ErrorCode
	}{{syscall.EPIPE, ErrorCodePipe}, {wasiio.ErrReaderGone, ErrorCodePipe}, {os.ErrClosed, ErrorCodeIO}} {
		w, r := cm.NewStream[uint8]()
		ended, _ := output{process{cli.New(cli.Config{})}, func(context.Context, []byte) error { return c.err }}.WriteViaStream(ctx, r)
		_, _ = w.Write(ctx, []byte("x"))
		if got, err := ended.Await(ctx); err != nil || !got.IsErr || got.Err != c.want {
			t.Errorf("%v: %+v, %v", c.err, got, err)
		}
		if _, err := w.Write(ctx, []byte("x")); !errors.Is(err, cm.ErrReaderGone) {
			t.Errorf("%v: the stream goes on: %v", c.err, err)
		}
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
