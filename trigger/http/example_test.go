package http_test

import (
	"context"
	"fmt"
	"log"
	nethttp "net/http"
	"net/http/httptest"
	"os"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// A component answers in a mux of one's own.
func ExampleHandler() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	check(err)
	defer engine.Close(ctx)
	wasm, err := os.ReadFile("../../testdata/guests/prebuilt/rust-http-full-p2.component.wasm")
	check(err)
	loaded, err := engine.Load(ctx, "hello", wasm)
	check(err)
	linker := engine.NewLinker(nil) // telemetry's observer, to have requests traced
	check(wasi.Add(linker, wasi.Config{}))
	httpp2.Add(linker, wasihttp.NewClient(wasihttp.ClientConfig{})) // which reaches nothing
	linked, err := linker.Link(ctx, loaded)
	check(err)
	handler, err := http.NewHandler(ctx, linked, http.HandlerConfig{Pool: component.PoolConfig{Max: 10}})
	check(err)

	mux := nethttp.NewServeMux()
	mux.Handle("GET /guest/", nethttp.StripPrefix("/guest", handler))
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/guest/hello", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	check(handler.Close(ctx))
	// Output: 200 hello from rust-http-full-p2
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
