package otel_test

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// spans is a sink that keeps the names of spans, and drops the rest.
type spans struct {
	otel.Sink
	names []string
}

func (s *spans) EndSpan(_ context.Context, span *otel.Span) { s.names = append(s.names, span.Name) }

// A sink takes what a component tells of itself.
func Example() {
	sink := &spans{Sink: otel.Discard}
	sink.EndSpan(context.Background(), &otel.Span{Name: "price", Kind: otel.KindInternal})
	sink.EmitLog(context.Background(), &otel.LogRecord{})
	fmt.Println(sink.names)
	// Output: [price]
}
