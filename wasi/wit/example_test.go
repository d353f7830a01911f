package wasiwit_test

import (
	"fmt"
	"log"

	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

func Example() {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Interface(wit.MustParseID("wasi:http/handler@0.3.0")).Funcs[0].Name)
	// Output: handle
}
