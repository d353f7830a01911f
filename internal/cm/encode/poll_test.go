package encode_test

import (
	"context"
	_ "embed"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/cm/encode"
	"github.com/vitrine-wasm/vitrine/tests/guestfixture"
	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

//go:embed testdata/poll.wasm
var pollWasm []byte // of poll.wat

// TestPollAbsolute: a program that waits for several clocks is not told of an absolute one before it has come.
func TestPollAbsolute(t *testing.T) {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := encode.Component(pollWasm, encode.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	guests := guestfixture.Guests()
	g := guests[slices.IndexFunc(guests, func(g guestfixture.Guest) bool { return g.Name == "wat-table-grow" })] // a command
	f := link(t, e, &g, nil, func(testing.TB, string) []byte { return wasm })
	inst, err := f.Linked.Instantiate(ctx, f.Options(component.Fresh)...)
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(ctx)
	if out, err := f.Do(ctx, inst, g.Uses[0], guestfixture.NewWorld(1)); err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
