// Command bindings runs a component by bindings that are generated from its WIT, so that Go checks the component's types at compile
// time. The component charges accounts, a resource that this program implements.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"

	"example.com/bindings/till"
)

//go:generate go tool bindgen --wit wit --bind example:till/till --out till

//go:embed till.wasm
var wasm []byte

// bank is the host's side of the world.
type bank map[string]uint32

// NewAccount opens an account with the owner's balance.
func (b bank) NewAccount(_ context.Context, owner string) (till.Account, error) {
	return &account{owner: owner, left: b[owner]}, nil
}

type account struct {
	owner string
	left  uint32
}

// Charge takes cents. A till.Refusal is the error of its WIT; any other error would trap the component.
func (a *account) Charge(_ context.Context, cents uint32) (uint32, error) {
	if cents > a.left {
		return 0, cm.Fail(till.RefusalShort(cents - a.left))
	}
	a.left -= cents
	return a.left, nil
}

// Drop is called when the component drops its handle, or ends.
func (a *account) Drop(context.Context) error {
	fmt.Printf("%s's account is closed with %d cents\n", a.owner, a.left)
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	c, err := engine.Load(ctx, "till", wasm)
	if err != nil {
		return err
	}
	linker := engine.NewLinker(nil)
	till.AddBank(linker, bank{"ada": 100, "bob": 30})
	linked, err := linker.Link(ctx, c)
	if err != nil {
		return err
	}
	instance, err := linked.Instantiate(ctx)
	if err != nil {
		return err
	}
	defer instance.Close(ctx)
	world, err := till.NewTill(instance)
	if err != nil {
		return err
	}
	for _, customer := range []string{"ada", "bob"} {
		left, err := world.Shop.Buy(ctx, customer, []uint32{20, 30})
		var refused *cm.ResultError[till.Refusal]
		switch {
		case errors.As(err, &refused):
			fmt.Printf("%s is refused: %s\n", customer, refused.Value)
		case err != nil:
			return err // the call trapped
		default:
			fmt.Printf("%s has %d cents left\n", customer, left)
		}
	}
	return nil
}
