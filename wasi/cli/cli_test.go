package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func TestStreamsOfStdinShareItsBytes(t *testing.T) {
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Stdin: pr})
	a, b := p.Input(), p.Input()
	pw.WriteString("abcd")
	buf := make([]byte, 2)
	for _, s := range []wasiio.InputStream{a, b} {
		if n, err := wasiio.BlockingRead(t.Context(), s, buf); n != 2 || err != nil {
			t.Fatalf("%d %v", n, err)
		}
	}
	if string(buf) != "cd" {
		t.Fatalf("the second stream reads %q", buf)
	}
	a.Close()
	pw.WriteString("ef")
	pw.Close()
	if n, err := wasiio.BlockingRead(t.Context(), b, buf); n != 2 || err != nil {
		t.Fatalf("after the other was closed: %d %v", n, err)
	}
	if _, err := wasiio.BlockingRead(t.Context(), b, buf); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

func TestZeroConfig(t *testing.T) {
	p := New(Config{})
	if _, err := p.Input().Read(t.Context(), make([]byte, 1)); err != io.EOF {
		t.Errorf("stdin: %v", err)
	}
	for _, o := range []wasiio.OutputStream{p.Output(), p.ErrorOutput()} {
		if err := wasiio.WriteAndFlush(t.Context(), o, []byte("x")); err != nil {
			t.Error(err)
		}
	}
}

func TestOutputFailureClosesTheStream(t *testing.T) {
	o := New(Config{Stdout: func(context.Context, []byte) error { return os.ErrClosed }}).Output()
	if err := o.Write(t.Context(), []byte("x")); err != os.ErrClosed {
		t.Fatal(err)
	}
	if err := o.Write(t.Context(), []byte("x")); err != io.EOF {
		t.Fatal(err)
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || IsTerminal(nil) {
		t.Fatal("no terminal taken for one")
	}
	// A terminal is one that the system makes: the master side of a pseudo terminal answers like one.
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals: ", err)
	}
	defer ptmx.Close()
	if !IsTerminal(ptmx) {
		t.Error("a pseudo terminal is none")
	}
}

func TestInterruptible(t *testing.T) {
	pr, pw := io.Pipe()
	write := Interruptible(pw)
	gone := errors.New("deadline")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	// Nobody reads: the first write is given up while it blocks, the second before it has begun.
	for range 2 {
		var stop *wasiio.Interrupted
		if err := write(ctx, []byte("given up ")); !errors.As(err, &stop) || stop.Cause != gone {
			t.Fatalf("%v", err)
		}
	}
	read := make(chan string)
	go func() { b, _ := io.ReadAll(pr); read <- string(b) }()
	for _, ctx := range []context.Context{t.Context(), context.Background()} {
		if err := write(ctx, []byte("sent ")); err != nil {
			t.Fatal(err)
		}
	}
	pw.Close()
	if got := <-read; got != "given up sent sent " && got != "sent sent " {
		t.Errorf("%q", got)
	}
	if err := write(t.Context(), []byte("x")); err != io.ErrClosedPipe {
		t.Errorf("closed: %v", err)
	}
}
