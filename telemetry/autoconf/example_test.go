package autoconf_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
)

// The environment names the destinations of telemetry; without variables there are none.
func Example() {
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	for _, endpoint := range []string{"", "http://127.0.0.1:4318"} {
		getenv := func(name string) string {
			if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
				return endpoint
			}
			return ""
		}
		to, err := autoconf.Read(ctx, autoconf.Options{Getenv: getenv, Logger: log})
		check(err)
		tel, err := telemetry.New(ctx, telemetry.Config{Getenv: getenv, Logger: log, Consumers: to.Consumers, Providers: to.Providers})
		check(err)
		fmt.Printf("%q: %d consumers\n", endpoint, len(to.Consumers))
		_ = tel.Shutdown(ctx) // there is no collector
	}
	// Output:
	// "": 0 consumers
	// "http://127.0.0.1:4318": 3 consumers
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
