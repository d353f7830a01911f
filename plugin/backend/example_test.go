package backend_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
)

// memory and redis are backends of some plugin; what they do is of no concern here.
type memory struct{}

func (memory) Name() string { return "memory" }

type redis struct{ address string }

// A plugin keeps its backends in a set. Grants choose among them by name; a component without a grant has the first.
func ExampleSet() {
	set := backend.NewSet[any](memory{})
	set.Add("sessions", redis{address: "127.0.0.1:6379"})
	fmt.Println(set.Names())
	// Output: [memory sessions]
}
