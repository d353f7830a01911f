package flow_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/wasi/flow"
)

// A host function that returns future<result<_, E>> makes it before its work has ended, and sets it then.
func ExampleOutcome() {
	reader, end := flow.Outcome(func(err error) string { return err.Error() })
	go end(context.Background(), errors.New("the disk is full"))
	r, err := reader.Await(context.Background())
	fmt.Println(r.IsErr, r.Err, err)
	// Output: true the disk is full <nil>
}
