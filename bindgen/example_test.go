package bindgen_test

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/bindgen"
	"github.com/vitrine-wasm/vitrine/wit"
)

func ExampleGenerate() {
	set, err := wit.Resolve([]wit.Source{{Name: "shop.wit", Text: `
package example:shop;

interface prices {
  /// Cents for an item.
  quote: func(item: string) -> result<u64, string>;
}

world shop {
  import prices;
  export total: func(items: list<string>) -> u64;
}
`}})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := bindgen.Generate(set, bindgen.Options{Bind: "example:shop/shop", Package: "shop", Imports: bindgen.Shipped()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, want := range []struct{ file, line string }{
		{"prices.gen.go", "\tQuote(ctx context.Context, item string) (uint64, error)"},
		{"prices.gen.go", "func AddPrices(l *component.Linker, impl Prices) {"},
		{"world_shop.gen.go", "func NewShop(inst *component.Instance) (*Shop, error) {"},
		{"world_shop.gen.go", "func (x *Shop) Total(ctx context.Context, items []string) (uint64, error) {"},
	} {
		fmt.Println(want.file, bytes.Contains(files[want.file], []byte(want.line)))
	}
	// Output:
	// prices.gen.go true
	// prices.gen.go true
	// world_shop.gen.go true
	// world_shop.gen.go true
}

func ExampleGenerate_errors() {
	set, err := wit.Resolve([]wit.Source{{Name: "a.wit", Text: "package a:b;\ninterface i { use c:d/j.{r}; f: func(x: r); }\n" +
		"package c:d { interface j { record r { a: u8 } } }"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bindgen.Generate(set, bindgen.Options{Bind: "a:b", Package: "b"})
	var at *wit.Error
	if errors.As(err, &at) {
		fmt.Printf("%s, line %d\n", at.File, at.Line)
	}
	_, err = bindgen.Generate(set, bindgen.Options{Bind: "a:b", Package: "b", Imports: []bindgen.Import{{WIT: "c:d", Path: "example.com/d"}}})
	fmt.Println(err)
	// Output:
	// a.wit, line 2
	// <nil>
}
