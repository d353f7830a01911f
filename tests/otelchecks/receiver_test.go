package otelchecks

import (
	"encoding/json"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// envLanes says that telemetry is to pass through a real Collector: JSON of []lane. tests/collector sets it. The Collector sends what it has
// received to listening sockets that this process inherits: file descriptors from firstSink on, in the order of the lanes. They
// listen before there is this process, because the Collector waits longer and longer between its attempts to connect.
const envLanes = "VITRINE_OTELCHECKS_LANES"

const firstSink = 3

// lane is one way through the Collector, with a receiver and an exporter of its own, so that rigs that exist at once do not get each
// other's records.
type lane struct {
	URL  string // of the Collector's receiver, over HTTP
	GRPC string // the same over gRPC

	relay *otlptest.Relay
}

// lanes are those that no rig uses; nil without a Collector.
var lanes = sync.OnceValues(func() (chan *lane, error) {
	text := os.Getenv(envLanes)
	if text == "" {
		return nil, nil
	}
	var all []*lane
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, err
	}
	free := make(chan *lane, len(all))
	for i, ln := range all {
		l, err := net.FileListener(os.NewFile(uintptr(firstSink+i), "sink"))
		if err != nil {
			return nil, err
		}
		ln.relay = otlptest.NewRelay(l)
		free <- ln
	}
	return free, nil
})

// receiver is what checks read: the records as an OTLP receiver has them, which is either where the host sends them, or behind a real
// Collector.
type receiver struct {
	*otlptest.Collector
	url, grpc string // where the host sends telemetry
}

func newReceiver(t testing.TB) receiver {
	t.Helper()
	free, err := lanes()
	if err != nil {
		t.Fatal(err)
	}
	if free == nil {
		c := otlptest.New(t)
		return receiver{c, c.URL, c.GRPC}
	}
	select {
	case ln := <-free:
		t.Cleanup(func() { free <- ln }) // behind the end of what uses it
		return receiver{ln.relay.Collect(t), ln.URL, ln.GRPC}
	default:
		t.Fatalf("one test has more rigs than there are lanes: %d", cap(free))
		return receiver{}
	}
}
