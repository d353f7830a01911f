package wasi_test

import (
	"context"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/shared"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestGreet runs a plain Go component: functions at the root of its world, an import that the test serves, and what Go's
// runtime asks of WASI.
func TestGreet(t *testing.T) {
	ctx := context.Background()
	wasm := shared.Guest(t, "go126-greet-p2")
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	var said []string
	linker.Instance(wit.MustParseID("lab:greet/log")).GoFunc("say", func(msg string) { said = append(said, msg) })
	if err := wasi.AddP2(linker, wasi.Config{Args: []string{"greet"}}); err != nil {
		t.Fatal(err)
	}
	c, err := engine.Load(ctx, "greet", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := linker.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(ctx)
	if got, err := inst.Call(ctx, "greet", "ada"); err != nil || got != "Hello, ADA from go1.26.8!" {
		t.Errorf("greet: %v, %v", got, err)
	}
	if !slices.Equal(said, []string{"saying hello to ada"}) {
		t.Errorf("it said %q", said)
	}
	if got, err := inst.Call(ctx, "sum", []uint32{1, 2, 1<<32 - 1}); err != nil || got != uint64(1<<32+2) {
		t.Errorf("sum: %v, %v", got, err)
	}
}
