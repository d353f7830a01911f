package wasiconfig_test

import (
	"fmt"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasiconfig"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve"
)

// A component that greets as the workload has it configured.
func Example() {
	http.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		greeting, found, err := wasiconfig.Get("greeting")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if !found {
			greeting = "hello"
		}
		fmt.Fprintln(w, greeting)
	})
	serve.Handle(nil)
}

// Outside of a component there is no configuration.
func ExampleGet() {
	_, _, err := wasiconfig.Get("greeting")
	fmt.Println(err)
	// Output: wasiconfig: there is no host: the program is not a component
}
