//go:build wasip1

// The guest go-otel-p3 has the SDK, for tests. It is a WASI 0.3 HTTP component, where every request is a task and every task a coroutine with a context
// of its own, and a command of WASI 0.2; see command.go.
//
//	/trace?url=URL   spans work{pause, call}: call is around a GET of the URL. A record in each span; a counter
//	/after           answers with the identifier of the span late, and then ends it
//	/context-across  whether the host's span is the same behind a wait: same=true
package main

import (
	"context"
	"fmt"
	"net/url"
	"unsafe"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/cabi"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasiotel"
)

var (
	sdk       = wasiotel.Setup()
	tracer    = otel.Tracer("guest")
	logger    = otel.Logger("guest")
	served, _ = otel.Meter("guest").Int64Counter("guest.served")
)

func main() {}

//go:wasmexport [async-lift]wasi:http/handler@0.3.0#handle
func handle(request uint32) uint32 {
	return start(func(t *task) { serve(t, request) })
}

//go:wasmexport [callback][async-lift]wasi:http/handler@0.3.0#handle
func handleCallback(event, a, b uint32) uint32 { return resume(event, a, b) }

func serve(t *task, request uint32) {
	ctx, done := sdk.Request(context.Background())
	defer done()
	path := target(request)
	requestDrop(request)
	u, err := url.ParseRequestURI(path)
	switch {
	case err != nil:
		t.text("no path")
	case u.Path == "/trace":
		work(ctx, t, u.Query().Get("url"))
	case u.Path == "/after":
		_, span := tracer.Start(ctx, "late")
		t.text(span.SpanContext().SpanID().String())
		t.awaitCall(waitFor(1e6))
		span.End()
	case u.Path == "/context-across":
		before := hostSpan()
		t.awaitCall(waitFor(1e6))
		t.text(fmt.Sprintf("same=%v", before.IsValid() && before.Equal(hostSpan())))
	default:
		t.text("routes: /trace?url= /after /context-across")
	}
	served.Add(ctx, 1)
}

func hostSpan() trace.SpanContext {
	return trace.SpanContextFromContext(wasiotel.HostContext(context.Background()))
}

// target is a request's path with its query.
func target(request uint32) string {
	cabi.Enter()
	defer cabi.Leave()
	var opt struct{ some, p, n uint32 }
	requestPath(request, unsafe.Pointer(&opt))
	if byte(opt.some) == 0 {
		return "/"
	}
	return cabi.TakeString(opt.p, opt.n)
}

func work(ctx context.Context, t *task, to string) {
	ctx, span := tracer.Start(ctx, "work")
	defer span.End()
	say(ctx, "working")
	pause(ctx, t)
	status := call(ctx, t, to)
	t.text(fmt.Sprintf("%s %d", span.SpanContext().TraceID(), status))
}

func pause(ctx context.Context, t *task) {
	ctx, span := tracer.Start(ctx, "pause")
	defer span.End()
	t.awaitCall(waitFor(2e6))
	say(ctx, "paused")
}

func call(ctx context.Context, t *task, to string) (status uint32) {
	ctx, span := tracer.Start(ctx, "call")
	defer span.End()
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		return 0
	}
	status = t.get(u.Host, u.RequestURI())
	say(ctx, "called")
	return status
}

// say emits a record in the span of the context.
func say(ctx context.Context, text string) {
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	r.SetBody(attribute.StringValue(text))
	logger.Emit(ctx, r)
}

// get is the status of a GET, or 0.
func (t *task) get(authority, path string) uint32 {
	tr := trailersNew()
	var request [2]uint32
	requestNew(fieldsNew(), 0, 0, uint32(tr), 0, 0, unsafe.Pointer(&request))
	sentDropReadable(request[1])
	requestSetScheme(request[0], 1, 0, nil, 0)
	requestSetAuthority(request[0], 1, unsafe.Pointer(unsafe.StringData(authority)), uint32(len(authority)))
	requestSetPath(request[0], 1, unsafe.Pointer(unsafe.StringData(path)), uint32(len(path)))
	result := make([]uint64, 5) // result<response, error-code>: 40 bytes
	t.awaitCall(clientSend(request[0], unsafe.Pointer(&result[0])))
	t.finish(uint32(tr >> 32))
	if byte(result[0]) != 0 {
		return 0
	}
	response := uint32(result[1])
	defer responseDrop(response)
	return responseStatus(response)
}

// okNone is result<option<trailers>, error-code>::ok(none); static so that a pending write never dangles.
var okNone [8]uint64

func (t *task) finish(trailers uint32) {
	if trailersWrite(trailers, unsafe.Pointer(&okNone)) == blocked {
		t.await(trailers)
	}
	trailersDropWritable(trailers)
}

// text answers, and goes on when the host has the text.
func (t *task) text(s string) {
	tr, st := trailersNew(), streamNew()
	var response [2]uint32
	responseNew(fieldsNew(), 1, uint32(st), uint32(tr), unsafe.Pointer(&response))
	sentDropReadable(response[1])
	taskReturn(0, response[0], 0, 0, 0, 0, 0, 0)
	body := []byte(s + "\n")
	w := uint32(st >> 32)
	for len(body) > 0 {
		r := streamWrite(w, unsafe.Pointer(&body[0]), uint32(len(body)))
		if r == blocked {
			r = t.await(w)
		}
		if body = body[r>>4:]; r&0xf != 0 {
			break
		}
	}
	streamDropWritable(w)
	t.finish(uint32(tr >> 32))
}
