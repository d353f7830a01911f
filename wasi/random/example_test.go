package random_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/wasi/random"
)

// Bytes come from the system's secure source, Insecure ones from a fast generator.
func Example() {
	secret, err := random.Bytes(32)
	if err != nil {
		fmt.Println(err)
		return
	}
	dice, err := random.InsecureBytes(4)
	fmt.Println(len(secret), len(dice), err)
	// Output: 32 4 <nil>
}
