// Command hostfunc gives a component host functions and a resource: the component opens accounts at the host's bank, and holds handles
// to them.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

//go:embed saver.wasm
var saver []byte

// account is the Go value of the resource. The component has handles to it, which are numbers.
type account struct {
	owner   string
	balance uint32
}

// bank implements example:bank/accounts. It writes to out when an account is closed.
type bank struct{ out io.Writer }

func (b *bank) define(linker *component.Linker) {
	accounts := linker.Instance(wit.MustParseID("example:bank/accounts"))

	// One *cm.ResourceType is one type. Drop is called when the component drops its handle, and when its instance is closed
	// while it has one.
	accountType := &cm.ResourceType{Name: "account", Drop: func(_ context.Context, r *cm.Resource) error {
		a := r.Obj.(*account)
		fmt.Fprintf(b.out, "%s's account is closed with %d\n", a.owner, a.balance)
		return nil
	}}
	accounts.Resource("account", accountType)

	// GoFunc takes Go functions; Link checks that they fit the component's types.
	accounts.GoFunc("[constructor]account", func(owner string) *cm.Resource {
		return cm.NewResource(accountType, &account{owner: owner})
	})
	accounts.GoFunc("[method]account.deposit", func(self *cm.Resource, amount uint32) (uint32, error) {
		a := self.Obj.(*account)
		if amount > math.MaxUint32-a.balance {
			return 0, errors.New("the account cannot hold that much") // ends the call with a trap
		}
		a.balance += amount
		return a.balance, nil
	})
}

func main() {
	if err := run(context.Background(), os.Stdout, "Ada", []uint32{5, 10, 27}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, owner string, amounts []uint32) error {
	engine, err := component.NewEngine(ctx)
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	loaded, err := engine.Load(ctx, "saver", saver)
	if err != nil {
		return err
	}
	linker := engine.NewLinker(nil)
	(&bank{out}).define(linker)
	linked, err := linker.Link(ctx, loaded)
	if err != nil {
		return err
	}
	instance, err := linked.Instantiate(ctx, component.WithMemory(16<<20), component.WithFuel(1_000_000))
	if err != nil {
		return err
	}
	defer instance.Close(ctx)
	balance, err := instance.Call(ctx, "save", owner, amounts)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s has saved %d\n", owner, balance)
	return nil
}
