// The component order (WASI 0.2) answers orders, and tells its host by OpenTelemetry what it does. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasiotel"

	"example.com/otel-go/internal/bindings"
)

var (
	sdk    = wasiotel.Setup()
	tracer = otel.Tracer("order")
	logger = otel.Logger("order")

	orders, _ = otel.Meter("order").Int64Counter("orders")
	values, _ = otel.Meter("order").Float64Histogram("order.value")
)

func init() { bindings.ExportIncomingHandler(handler{}) }

// main is never called: the component is a library.
func main() {}

type handler struct{}

// Handle answers a request. Its spans are children of the host's span.
func (handler) Handle(request bindings.IncomingRequest, out bindings.ResponseOutparam) {
	ctx, done := sdk.Request(context.Background())
	defer done()
	path := "/"
	if p := request.PathWithQuery(); p != nil {
		path = *p
	}
	request.Drop()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		respond(out, 400, "the path is none")
		return
	}
	text := ""
	switch u.Path {
	case "/order":
		q := u.Query()
		n, convErr := strconv.Atoi(q.Get("n"))
		if convErr != nil {
			n = 1
		}
		item := q.Get("item")
		if item == "" {
			item = "apple"
		}
		text, err = order(ctx, item, n, q.Get("url"))
	case "/fail":
		err = fail(ctx)
	default:
		respond(out, 404, "routes: /order?item=&n=&url= /fail")
		return
	}
	if err != nil {
		respond(out, 500, err.Error())
		return
	}
	respond(out, 200, text)
}

// order orders n of an item: asks for its price, and the stock at a URL for it.
func order(ctx context.Context, item string, n int, stock string) (text string, err error) {
	ctx, span := tracer.Start(ctx, "order", trace.WithAttributes(
		attribute.String("item", item), attribute.Int("n", n), attribute.Bool("gift", false), attribute.Float64Slice("weights", []float64{0.5, 1.25})))
	defer func() { end(span, err) }()
	span.AddEvent("order received")
	info(ctx, fmt.Sprintf("ordering %d %s", n, item))
	each, err := price(ctx, item)
	if err != nil {
		return "", err
	}
	if stock != "" {
		status, err := get(stock)
		if err != nil {
			return "", err
		}
		info(ctx, fmt.Sprintf("stock answered %d", status))
	}
	value := each * float64(n)
	orders.Add(ctx, 1, metric.WithAttributes(attribute.String("item", item)))
	values.Record(ctx, value)
	return fmt.Sprintf("%d %s: %.2f", n, item, value), nil
}

// price is the price of an item, which is 3 unless the store has another.
func price(ctx context.Context, item string) (each float64, err error) {
	ctx, span := tracer.Start(ctx, "price")
	defer func() { end(span, err) }()
	bucket, err := bindings.StoreOpen("default")
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	defer bucket.Drop()
	key := "price/" + item
	text, err := bucket.Get(key)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	if text == nil {
		text = &[]byte{'3'}
		if err := bucket.Set(key, *text); err != nil {
			return 0, fmt.Errorf("store: %w", err)
		}
	}
	if each, err = strconv.ParseFloat(string(*text), 64); err != nil {
		return 0, fmt.Errorf("the price of %s is no number", item)
	}
	span.AddEvent("price found")
	info(ctx, fmt.Sprintf("price of %s is %v", item, each))
	return each, nil
}

// fail fails, and says so in its span.
func fail(ctx context.Context) (err error) {
	_, span := tracer.Start(ctx, "fail")
	defer func() { end(span, err) }()
	return errors.New("told to fail")
}

// end ends a span, with an error if there is one.
func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// info emits a log record, which belongs to the span of the context.
func info(ctx context.Context, text string) {
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	r.SetSeverityText("INFO")
	r.SetBody(attribute.StringValue(text))
	logger.Emit(ctx, r)
}
