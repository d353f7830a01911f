package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// Delay is how long spans and log records of the process wait for others.
const Delay = 250 * time.Millisecond

// Consumer makes a consumer of telemetry that puts spans, log records and metrics into a store. A store that is slow or cannot write
// delays no request: telemetry's queues are bounded, and count what they drop. The caller keeps ownership of the store.
func Consumer(ctx context.Context, to *store.Store) (export.Consumer, error) {
	direct := &http.Client{Transport: transport{to}}
	// The exporter encodes, and the transport, which has no network, hands what it has encoded to the store.
	logs, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL("http://viewer.invalid/v1/logs"), otlploghttp.WithHTTPClient(direct),
		otlploghttp.WithCompression(otlploghttp.NoCompression))
	if err != nil {
		return export.Consumer{}, err
	}
	// Sums since the start, whatever the environment prefers for other destinations: the page makes rates of them.
	measured, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL("http://viewer.invalid/v1/metrics"), otlpmetrichttp.WithHTTPClient(direct),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression), otlpmetrichttp.WithTemporalitySelector(sdkmetric.DefaultTemporalitySelector),
		otlpmetrichttp.WithAggregationSelector(sdkmetric.DefaultAggregationSelector))
	if err != nil {
		return export.Consumer{}, errors.Join(err, logs.Shutdown(ctx))
	}
	return export.Consumer{
		Destination: "the viewer's store", Delay: Delay,
		SpanClient: &spanClient{to: to}, Logs: logs, Metrics: newThinner(measured), Interval: Interval,
	}, nil
}

// spanClient is a client of OTLP that stores. It is not called concurrently.
type spanClient struct {
	to  *store.Store
	buf []byte
	b   store.Batch
}

var _ otlptrace.Client = (*spanClient)(nil)

// Start and Stop do nothing.
func (*spanClient) Start(context.Context) error { return nil }
func (*spanClient) Stop(context.Context) error  { return nil }

// UploadTraces stores spans.
func (c *spanClient) UploadTraces(_ context.Context, all []*tracepb.ResourceSpans) (err error) {
	if c.buf, err = (proto.MarshalOptions{}).MarshalAppend(c.buf[:0], &tracepb.TracesData{ResourceSpans: all}); err != nil {
		return err
	}
	c.b.Sources, c.b.Spans = c.b.Sources[:0], c.b.Spans[:0]
	if _, err := traces.read(&c.b, c.buf, true); err != nil {
		return err
	}
	return c.to.Append(&c.b)
}

// transport answers requests of exporters by storing what is in them.
type transport struct{ to *store.Store }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	_, err := buf.ReadFrom(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	status, text := http.StatusOK, ""
	var b store.Batch
	if _, err = byName(path.Base(r.URL.Path)).read(&b, buf.Bytes(), true); err == nil {
		err = t.to.Append(&b)
	}
	if err != nil {
		status, text = http.StatusInternalServerError, fmt.Sprintf("store: %v", err)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-protobuf"}}, Body: io.NopCloser(bytes.NewReader([]byte(text))), ContentLength: int64(len(text)),
	}, nil
}

// byName is the signal that the last part of an endpoint's path names.
func byName(name string) *signal {
	switch name {
	case "traces":
		return traces
	case "logs":
		return logs
	}
	return metrics
}
