// Command handler has a component answer a part of a Go program's URLs, in the program's own mux. Its requests are traced by
// the program's own TracerProvider, and what it prints goes to the program's own slog.
//
//	go run . hello.component.wasm
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
	"github.com/vitrine-wasm/vitrine/workload"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: handler FILE.wasm")
	}
	ctx := context.Background()
	wasm, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	provider := trace.NewTracerProvider() // with the program's own exporters
	guest, err := newGuest(ctx, wasm, provider, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("/guest/", http.StripPrefix("/guest", guest.handler)) // the component sees the rest of the path
	log.Print(http.ListenAndServe("127.0.0.1:8080", mux))
	if err := guest.close(ctx); err != nil {
		log.Fatal(err)
	}
}

// guest is a component that answers requests.
type guest struct {
	handler *vhttp.Handler
	close   func(context.Context) error
}

func newGuest(ctx context.Context, wasm []byte, provider *trace.TracerProvider, logger *slog.Logger) (*guest, error) {
	// Telemetry with nothing but the program's own provider. Meter and Logger are given the same way.
	tel, err := telemetry.New(ctx, telemetry.Config{Logger: logger, Providers: export.Use(export.Providers{Tracer: provider})})
	if err != nil {
		return nil, err
	}
	spec := &workload.Spec{Name: "site", Components: []workload.Component{{Name: "guest"}}}
	observer := tel.Component(spec, &spec.Components[0]) // spec names the service in spans

	engine, err := component.NewEngine(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := engine.Load(ctx, "guest", wasm)
	if err != nil {
		return nil, err
	}
	// The component may write lines, which go to slog, and answer requests. It has no files, sockets or environment, and may send no
	// requests.
	linker := engine.NewLinker(observer)
	lines := host.NewLines(spec, &spec.Components[0], sink{logger})
	if err := wasi.Add(linker, wasi.Config{Stdout: lines.Stream("stdout"), Stderr: lines.Stream("stderr")}); err != nil {
		return nil, err
	}
	client := wasihttp.NewClient(wasihttp.ClientConfig{Allow: func(scheme, host, port string) bool { return false }})
	httpp2.Add(linker, client)
	linked, err := linker.Link(ctx, loaded)
	if err != nil {
		return nil, err
	}
	handler, err := vhttp.NewHandler(ctx, linked, vhttp.HandlerConfig{
		Logger: logger,
		Pool:   component.PoolConfig{Max: 50, Deadline: 10 * time.Second},
	})
	if err != nil {
		return nil, err
	}
	return &guest{handler, func(ctx context.Context) error {
		err := handler.Close(ctx)
		client.Close()
		observer.Release()
		return errors.Join(err, engine.Close(ctx), tel.Shutdown(ctx))
	}}, nil
}

// sink logs the lines of components.
type sink struct{ log *slog.Logger }

func (s sink) Log(ctx context.Context, l host.LogLine) {
	level := slog.LevelInfo
	if l.Severity >= host.SeverityError {
		level = slog.LevelError
	} else if l.Severity >= host.SeverityWarn {
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, l.Text, "component", l.Component, "stream", l.Stream)
}
