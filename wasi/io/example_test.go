package wasiio_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Streams never block; Blocking… wait for them.
func Example() {
	ctx := context.Background()
	in := wasiio.NewReader(strings.NewReader("hello"))
	var out strings.Builder
	to := wasiio.NewWriter(&out)
	buf := make([]byte, 3)
	for {
		n, err := wasiio.BlockingRead(ctx, in, buf)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = wasiio.WriteAndFlush(ctx, to, buf[:n])
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(out.String())
	// Output: hello
}
