package http_test

import (
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// A request of a server, as a guest sees it.
func ExampleNewIncomingRequest() {
	r := httptest.NewRequest("POST", "/cart?item=pear", nil)
	r.Header.Set("Accept", "text/plain")
	in := wasihttp.NewIncomingRequest(r, nethttp.NoBody)
	fmt.Println(in.Method(), in.Scheme(), in.Authority(), in.PathWithQuery())
	// Output: POST http example.com /cart?item=pear
}

// A guest's requests go where the client lets them.
func ExampleClient() {
	upstream := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { _, _ = io.WriteString(w, "hi") }))
	defer upstream.Close()
	client := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(scheme, host, port string) bool { return host == "127.0.0.1" }})
	defer client.Close()
	for _, authority := range []string{upstream.Listener.Addr().String(), "example.org"} {
		r := wasihttp.NewOutgoingRequest(wasihttp.NewFields())
		_ = r.SetScheme("http")
		_ = r.SetAuthority(authority)
		fmt.Println(client.Check(context.Background(), r) == nil)
	}
	// Output:
	// true
	// false
}
