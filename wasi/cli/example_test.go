package cli_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/vitrine-wasm/vitrine/wasi/cli"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// A process is what a guest has of the host's: streams, arguments, variables.
func Example() {
	ctx := context.Background()
	p := cli.New(cli.Config{
		Args:   []string{"greet"},
		Stdin:  strings.NewReader("world"),
		Stdout: func(_ context.Context, p []byte) error { fmt.Printf("it wrote %q\n", p); return nil },
	})
	in := p.Input()
	buf := make([]byte, 16)
	n, err := wasiio.BlockingRead(ctx, in, buf)
	if err != nil {
		log.Fatal(err)
	}
	if err := wasiio.WriteAndFlush(ctx, p.Output(), append([]byte("hello, "), buf[:n]...)); err != nil {
		log.Fatal(err)
	}
	// Output: it wrote "hello, world"
}
