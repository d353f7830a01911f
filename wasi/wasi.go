// Package wasi defines all of WASI but wasi:http in a linker.
package wasi

import (
	"context"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	clip2 "github.com/vitrine-wasm/vitrine/wasi/cli/p2"
	clip3 "github.com/vitrine-wasm/vitrine/wasi/cli/p3"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	clocksp3 "github.com/vitrine-wasm/vitrine/wasi/clocks/p3"
	"github.com/vitrine-wasm/vitrine/wasi/filesystem"
	filesystemp2 "github.com/vitrine-wasm/vitrine/wasi/filesystem/p2"
	filesystemp3 "github.com/vitrine-wasm/vitrine/wasi/filesystem/p3"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	randomp2 "github.com/vitrine-wasm/vitrine/wasi/random/p2"
	randomp3 "github.com/vitrine-wasm/vitrine/wasi/random/p3"
	"github.com/vitrine-wasm/vitrine/wasi/sockets"
	socketsp2 "github.com/vitrine-wasm/vitrine/wasi/sockets/p2"
	socketsp3 "github.com/vitrine-wasm/vitrine/wasi/sockets/p3"
)

// KV is one environment variable.
type KV = cli.KV

// Config is what guests are given and granted. The zero Config grants nothing: no folder, no connection, no input.
type Config struct {
	Args []string // the first is the component's own name
	Env  []KV     // in the order in which guests see them
	// EnvOf gives the variables that depend on the call in which a guest asks. Those in Env win. nil: none.
	EnvOf func(context.Context) []KV
	Cwd   string // the initial working directory; empty: none

	// Stdin is read when a guest reads, and never closed. nil is empty.
	Stdin io.Reader
	// Stdout and Stderr get each write of a guest, with the context of the call, and must not keep p. Guests in different
	// stores may call them concurrently. nil discards the bytes.
	Stdout, Stderr func(ctx context.Context, p []byte) error
	// Which of the three are terminals; see [cli.IsTerminal].
	StdinTerminal, StdoutTerminal, StderrTerminal bool

	Zone     *time.Location // the guests' time zone; nil is UTC
	Preopens []filesystem.Preopen
	Files    int // files and directories that each guest may have open at a time; 0: filesystem.MaxOpen
	Sockets  sockets.Grants
}

// checkText refuses strings that are not UTF-8, as guests' strings are Unicode. The error has no values, which may be
// secrets.
func (cfg *Config) checkText() error {
	bad := func(s string) bool { return !utf8.ValidString(s) }
	for i, a := range cfg.Args {
		if bad(a) {
			return fmt.Errorf("argument %d is no UTF-8: guests are given text only", i)
		}
	}
	for _, kv := range cfg.Env {
		if bad(kv.Name) || bad(kv.Value) {
			return fmt.Errorf("environment variable %q: its name or value is no UTF-8: guests are given text only", kv.Name)
		}
	}
	if bad(cfg.Cwd) {
		return fmt.Errorf("working directory %q is no UTF-8: guests are given text only", cfg.Cwd)
	}
	for _, p := range cfg.Preopens {
		if bad(p.Guest) {
			return fmt.Errorf("folder %q: what guests call it (%q) is no UTF-8", p.Host, p.Guest)
		}
	}
	return nil
}

// ReleaseCandidate3 is a version of WASI 0.3 that components are made for, and that no other version fits by its name. Its interfaces are those
// of 0.3.0 (cli's exit-with-code is behind a feature in it, which components do not show).
const ReleaseCandidate3 = "0.3.0-rc-2026-03-15"

// Add defines WASI 0.2 and 0.3 in l, all but wasi:http; [ReleaseCandidate3] stands for 0.3.0. A component that imports both sees the same clocks, streams, folders and grants by
// either. Grants that do not parse, folders that cannot be opened and texts that are no UTF-8 are an error.
func Add(l *component.Linker, cfg Config) error {
	if err := cfg.checkText(); err != nil {
		return err
	}
	for _, p := range cfg.Preopens {
		if err := p.Check(); err != nil {
			return err
		}
	}
	policy, err := sockets.NewPolicy(cfg.Sockets)
	if err != nil {
		return err
	}
	process := cli.New(cli.Config{
		Args: cfg.Args, Env: cfg.Env, EnvOf: cfg.EnvOf, Cwd: cfg.Cwd,
		Stdin: cfg.Stdin, Stdout: cfg.Stdout, Stderr: cfg.Stderr,
		StdinTerminal: cfg.StdinTerminal, StdoutTerminal: cfg.StdoutTerminal, StderrTerminal: cfg.StderrTerminal,
	})
	l.AliasVersion("wasi", ReleaseCandidate3, "0.3.0")
	iop2.Add(l)
	clocksp2.Add(l, cfg.Zone)
	clocksp3.Add(l, cfg.Zone)
	randomp2.Add(l)
	randomp3.Add(l)
	clip2.Add(l, process)
	clip3.Add(l, process)
	folders := &filesystem.Preopens{Folders: cfg.Preopens, Most: cfg.Files}
	filesystemp2.Add(l, folders)
	filesystemp3.Add(l, folders)
	socketsp2.Add(l, policy)
	socketsp3.Add(l, policy)
	return nil
}
