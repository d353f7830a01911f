package wasi_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
)

// TestGreet runs a plain Go component: functions at the root of its world, an import that the test defines, and the WASI
// imports of Go's runtime.
func TestGreet(t *testing.T) {
	ctx := context.Background()
	wasm := testref.Guest(t, "go126-greet-p2")
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	linker := engine.NewLinker(nil)
	var said []string
	linker.Instance(wit.MustParseID("lab:greet/log")).GoFunc("say", func(msg string) { said = append(said, msg) })
	if err := wasi.Add(linker, wasi.Config{Args: []string{"greet"}}); err != nil {
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
	// Go's scheduler may read the clock during cabi_realloc, which the specification forbids, so that the host traps. That
	// depends on how much time has passed: try again with another instance.
	for attempt := 1; ; attempt++ {
		err := greet(t, linked, &said)
		var trap *cm.Trap
		if err == nil {
			break
		}
		if !errors.As(err, &trap) || trap.Code != cm.TrapCannotLeave || attempt == 50 {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
	}
}

// greet calls both exports of a new instance and checks the results.
func greet(t *testing.T, linked *component.Linked, said *[]string) error {
	ctx := context.Background()
	*said = nil
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		return err
	}
	defer inst.Close(ctx)
	got, err := inst.Call(ctx, "greet", "ada")
	if err != nil {
		return err
	}
	sum, err := inst.Call(ctx, "sum", []uint32{1, 2, 1<<32 - 1})
	if err != nil {
		return err
	}
	if got != "Hello, ADA from go1.26.8!" || !slices.Equal(*said, []string{"saying hello to ada"}) || sum != uint64(1<<32+2) {
		t.Errorf("greet gave %v, said %q; sum gave %v", got, *said, sum)
	}
	return nil
}
