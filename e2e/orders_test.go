package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// TestOrders: the example's components work together, and one trace leads from the request to the message's handler and the service
// that it asks.
func TestOrders(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "examples", "orders", "vitrine.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	manifest := strings.NewReplacer("../../", filepath.ToSlash(root)+"/", "every: 10s", "every: 1s").Replace(string(text))
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	status, answer, err := s.get("/orders", "item-2:3,item-5:1", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	if status != 200 || answer != "order 1 placed: item-2:3,item-5:1, 11.00\n" || err != nil {
		t.Fatalf("%d %q %v", status, answer, err)
	}
	s.eventually("/orders/1", "order 1 confirmed: item-2:3,item-5:1, 11.00, signed 1 redro <- order 1\n")
	s.expect("/orders/2", "", 404, "there is no order 2\n")
	s.waitForConsole("[report stdout] :: 1 orders so far\n")

	const want = "POST /orders server(front internal(cart shop:cart/cart@0.1.0#[constructor]basket internal, " +
		"cart shop:cart/cart@0.1.0#[method]basket.add internal(price shop:price/price@0.1.0#quote internal), cart shop:cart/cart@0.1.0#[method]basket.add internal(price shop:price/price@0.1.0#quote internal), " +
		"wasi:keyvalue/store@0.2.0-draft#open internal, wasi:keyvalue/atomics@0.2.0-draft#increment internal, cart shop:cart/cart@0.1.0#[method]basket.total internal, " +
		"wasi:keyvalue/store@0.2.0-draft#[method]bucket.set internal, send orders.> producer(process orders.placed consumer(worker wasmcloud:messaging/handler@0.2.0#handle-message internal(" +
		"wasi:keyvalue/store@0.2.0-draft#open internal, wasi:keyvalue/store@0.2.0-draft#[method]bucket.get internal, wasi:sockets internal, connection worker internal, wasi:keyvalue/store@0.2.0-draft#[method]bucket.set internal)))))"
	own := regexp.MustCompile(`(instantiate|reset|pool wait)[^,()]* internal(, )?`) // instances are made where more than one is needed at once
	had := ""
	for range 3000 {
		if had = own.ReplaceAllString(treeOf(collector, trace), ""); had == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("trace\n%s\nwant\n%s", had, want)
}
