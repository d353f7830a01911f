package artifact_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// A component goes to a registry and comes back, with the digest that its tag stands for.
func Example() {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()

	store, err := artifact.New(artifact.Config{}) // with CacheDir, what was fetched once starts offline
	if err != nil {
		log.Fatal(err)
	}
	ref, err := artifact.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/shop/cart:1.2")
	if err != nil {
		log.Fatal(err)
	}
	wasm := []byte("\x00asm\x0d\x00\x01\x00")
	if _, err := store.PushComponent(context.Background(), ref, &artifact.Component{Wasm: wasm}); err != nil {
		log.Fatal(err)
	}
	a, err := store.Fetch(context.Background(), ref, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Component), a.MediaType, a.Reference.Digest())
	// Output: 8 application/wasm sha256:28047ab8adbb205c6e49dbbfc34d3eb4f7597ba57f3145f6705d2932e6f787dc
}
