package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestHandler: the component answers below its prefix; the program's provider gets its spans as children of the program's own, and
// the program's logger its lines.
func TestHandler(t *testing.T) {
	wasm, err := os.ReadFile("../../../testdata/guests/prebuilt/rust-http-p2.component.wasm")
	if err != nil {
		t.Fatal(err)
	}
	spans, log := tracetest.NewInMemoryExporter(), &bytes.Buffer{}
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	ctx := context.Background()
	g, err := newGuest(ctx, wasm, provider, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/guest/", http.StripPrefix("/guest", g.handler))
	traced := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := provider.Tracer("program").Start(r.Context(), "request")
		defer span.End()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	server := httptest.NewServer(traced)
	resp, err := http.Get(server.URL + "/guest/a%2Fb")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "hello rust p2 Method::Get /a%2Fb") {
		t.Errorf("%d %q, %v", resp.StatusCode, body, err)
	}
	if resp, err := http.Get(server.URL + "/elsewhere"); err != nil || resp.StatusCode != 404 {
		t.Errorf("%v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	server.Close()
	if err := g.close(ctx); err != nil {
		t.Error(err)
	}
	byName := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		if _, first := byName[s.Name]; !first {
			byName[s.Name] = s
		}
	}
	own, event := byName["request"], byName["GET /guest/"]
	if !event.SpanContext.IsValid() || event.Parent.SpanID() != own.SpanContext.SpanID() {
		var names []string
		for _, s := range spans.GetSpans() {
			names = append(names, s.Name)
		}
		t.Errorf("the request's span is not below the program's own; there are %q", names)
	}
	if !strings.Contains(log.String(), "component=guest") {
		t.Errorf("logged:\n%s", log)
	}
}
