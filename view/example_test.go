package view_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/view"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A program shows its own telemetry: the viewer is one more consumer.
func Example() {
	ctx := context.Background()
	v, err := view.Open(ctx, view.Config{Address: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	consumer, err := v.Consumer(ctx)
	if err != nil {
		log.Fatal(err)
	}
	tel, err := telemetry.New(ctx, telemetry.Config{
		Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Consumers: []export.Consumer{consumer},
	})
	if err != nil {
		log.Fatal(err)
	}
	spec := &workload.Spec{Name: "shop", Components: []workload.Component{{Name: "cart"}}}
	observer := tel.Component(spec, &spec.Components[0])
	_, end := cm.Begin(ctx, observer, &cm.Operation{Name: "link", Component: "cart"})
	end(nil)
	observer.Release()
	if err := tel.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}

	r, err := http.Get(v.URL + "api/v1/traces")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(string(text), `"name":"link cart","service":"cart"`))
	// Output: true
}
