package wasikeyvalue_test

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasikeyvalue"
)

// A component that counts its requests, in the bucket that the workload grants as default.
func Example() {
	http.HandleFunc("GET /visits", func(w http.ResponseWriter, r *http.Request) {
		b, err := wasikeyvalue.Open("default")
		if errors.Is(err, wasikeyvalue.ErrNoStore) {
			http.Error(w, "the workload grants no store", http.StatusNotImplemented)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer b.Close()
		n, err := b.Increment("visits", 1)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, n)
	})
	serve.Handle(nil)
}

// Outside of a component nothing can be opened.
func ExampleOpen() {
	_, err := wasikeyvalue.Open("default")
	fmt.Println(err, errors.Is(err, wasikeyvalue.ErrNoHost))
	// Output: keyvalue: open default: there is no host: the program is not a component true
}
