// Package wasiotel tells a component's host, by wasi:otel, what OpenTelemetry's SDK for Go records inside the component: spans, log records and
// metrics. The host adds them to its own telemetry of the component: the component's spans have the host's span as their parent, and what the component
// asks of the host below one of its spans is that span's child.
//
//	var sdk = wasiotel.Setup()
//
//	func handle(…) {
//		ctx, done := sdk.Request(context.Background())
//		defer done()
//		ctx, span := otel.Tracer("shop").Start(ctx, "order")
//		defer span.End()
//		…
//	}
//
// [Setup] is the whole. Its parts can be used with providers of one's own: [NewSpanProcessor], [NewLogProcessor], [NewMetricExporter], and [HostContext], which
// makes the host's span the parent of what is begun with a context.
//
// Spans and log records go to the host at once, and nothing is queued in the component. Metrics go at the end of a request, or with [SDK.Flush].
//
// Which span is the parent of which is a matter of the context alone. Requests that are under way in one instance at the same time, as coroutines of WASI
// 0.3, each have a context of their own, so they have spans of their own: there is no current span in a global variable.
//
// Outside of a component (any GOOS but wasip1) everything may be called and nothing is told anybody, so that packages of a component can be
// tested with go test. A nil *SDK does nothing, too.
package wasiotel
