package guestfixture

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/cli"
	clip2 "github.com/vitrine-wasm/vitrine/wasi/cli/p2"
	clocksp2 "github.com/vitrine-wasm/vitrine/wasi/clocks/p2"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
	randomp2 "github.com/vitrine-wasm/vitrine/wasi/random/p2"
)

// World has the variable inputs of an instance for one phase (initialisation, or one use): time, randomness, arguments,
// standard input. It collects the guest's output.
type World struct {
	random *rand.ChaCha8
	now    uint64 // of both clocks, in nanoseconds; it advances with each reading and each timer
	args   []string
	stdin  *cli.Process

	mu    sync.Mutex
	wrote bytes.Buffer
	lines func(text string) // called with each write to standard output
}

// second is the difference in time between two successive seeds.
const second = 1_000_000_000

// NewWorld makes a world from a seed: equal seeds make equal worlds, and a greater seed is a later time.
func NewWorld(seed uint64) *World {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &World{random: rand.NewChaCha8(key), now: (86400 + seed) * second, args: []string{"guest"}, stdin: cli.New(cli.Config{})}
}

type worldKey struct{}

// In returns a context with the world.
func (w *World) In(ctx context.Context) context.Context { return context.WithValue(ctx, worldKey{}, w) }

func worldOf(ctx context.Context) *World { return ctx.Value(worldKey{}).(*World) }

// Written is the guest's standard output and standard error, in order.
func (w *World) Written() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrote.String()
}

func (w *World) write(stream string, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.wrote, "%s %q\n", stream, p)
	if w.lines != nil && stream == "out" {
		w.lines(string(p))
	}
}

func (w *World) randomBytes(n uint64) []byte {
	b := make([]byte, n)
	_, _ = w.random.Read(b) // it always fills b
	return b
}

// seeded implements wasi:cli, wasi:clocks and wasi:random with the World of the context. Its streams do not belong to a world:
// an instance may use a stream that it opened in an earlier one.
type seeded struct{}

func addSeeded(l *component.Linker, real bool) {
	h := seeded{}
	clip2.AddEnvironment(l, h)
	clip2.AddExit(l, h)
	clip2.AddStdin(l, h)
	clip2.AddStdout(l, h)
	clip2.AddStderr(l, h)
	clip2.AddTerminalInput(l)
	clip2.AddTerminalOutput(l)
	clip2.AddTerminalStdin(l, h)
	clip2.AddTerminalStdout(l, h)
	clip2.AddTerminalStderr(l, h)
	if real {
		clocksp2.Add(l, nil)
		randomp2.Add(l)
		return
	}
	clocksp2.AddWallClock(l, wallClock{})
	clocksp2.AddMonotonicClock(l, monotonicClock{})
	randomp2.AddRandom(l, h)
	randomp2.AddInsecure(l, h)
	randomp2.AddInsecureSeed(l, h)
}

// greeting is in every guest's environment.
const greeting = "good day"

func (seeded) GetEnvironment(context.Context) ([]cm.Tuple2[string, string], error) {
	return []cm.Tuple2[string, string]{{F0: "GREETING", F1: greeting}}, nil
}

func (seeded) GetArguments(ctx context.Context) ([]string, error) { return worldOf(ctx).args, nil }

func (seeded) InitialCwd(context.Context) (*string, error) { return nil, nil }

func (seeded) Exit(_ context.Context, status cm.Result[struct{}, struct{}]) error {
	if status.IsErr {
		return &cm.ExitError{Code: 1}
	}
	return &cm.ExitError{}
}

func (seeded) ExitWithCode(_ context.Context, code uint8) error { return &cm.ExitError{Code: code} }

func (seeded) GetStdin(ctx context.Context) (iop2.InputStream, error) {
	return iop2.NewInputStream(worldOf(ctx).stdin.Input()), nil
}

func output(name string) iop2.OutputStream {
	write := func(ctx context.Context, p []byte) error { worldOf(ctx).write(name, p); return nil }
	return iop2.NewOutputStream(cli.New(cli.Config{Stdout: write}).Output())
}

func (seeded) GetStdout(context.Context) (iop2.OutputStream, error) { return output("out"), nil }

func (seeded) GetStderr(context.Context) (iop2.OutputStream, error) { return output("err"), nil }

func (seeded) GetTerminalStdin(context.Context) (clip2.TerminalInput, error) { return nil, nil }

func (seeded) GetTerminalStdout(context.Context) (clip2.TerminalOutput, error) { return nil, nil }

func (seeded) GetTerminalStderr(context.Context) (clip2.TerminalOutput, error) { return nil, nil }

func (seeded) GetRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return worldOf(ctx).randomBytes(min(n, 1<<20)), nil
}

func (seeded) GetRandomU64(ctx context.Context) (uint64, error) {
	return binary.LittleEndian.Uint64(worldOf(ctx).randomBytes(8)), nil
}

func (h seeded) GetInsecureRandomBytes(ctx context.Context, n uint64) ([]byte, error) {
	return h.GetRandomBytes(ctx, n)
}

func (h seeded) GetInsecureRandomU64(ctx context.Context) (uint64, error) { return h.GetRandomU64(ctx) }

func (seeded) InsecureSeed(ctx context.Context) (cm.Tuple2[uint64, uint64], error) {
	b := worldOf(ctx).randomBytes(16)
	return cm.Tuple2[uint64, uint64]{F0: binary.LittleEndian.Uint64(b), F1: binary.LittleEndian.Uint64(b[8:])}, nil
}

type wallClock struct{}

func (wallClock) Now(ctx context.Context) (clocksp2.Datetime, error) {
	t := worldOf(ctx).tick()
	return clocksp2.Datetime{Seconds: 1_700_000_000 + t/second, Nanoseconds: uint32(t % second)}, nil
}

func (wallClock) Resolution(context.Context) (clocksp2.Datetime, error) {
	return clocksp2.Datetime{Nanoseconds: 1}, nil
}

type monotonicClock struct{}

func (monotonicClock) Now(ctx context.Context) (uint64, error) { return worldOf(ctx).tick(), nil }

func (monotonicClock) Resolution(context.Context) (uint64, error) { return 1, nil }

func (monotonicClock) SubscribeInstant(ctx context.Context, when uint64) (iop2.Pollable, error) {
	return iop2.NewPollable(&timer{worldOf(ctx), when}), nil
}

func (monotonicClock) SubscribeDuration(ctx context.Context, d uint64) (iop2.Pollable, error) {
	w := worldOf(ctx)
	return iop2.NewPollable(&timer{w, w.now + d}), nil
}

// tick advances the time and returns it.
func (w *World) tick() uint64 {
	w.now += 1000
	return w.now
}

// timer is ready as soon as it is watched: that advances the world's time to it.
type timer struct {
	w  *World
	at uint64
}

func (t *timer) Ready() bool { return t.w.now >= t.at }

func (t *timer) Watch(wake chan<- struct{}) (stop func()) {
	t.w.now = max(t.w.now, t.at)
	select {
	case wake <- struct{}{}:
	default:
	}
	return func() {}
}

// stdinOf makes standard input.
func stdinOf(text string) *cli.Process { return cli.New(cli.Config{Stdin: strings.NewReader(text)}) }
