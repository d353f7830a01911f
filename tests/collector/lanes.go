package collector

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Lane is one of several ways through a collector, with a receiver and an exporter of its own. What arrives is passed on before the sender has
// its answer, and the sender gets the answer of what is behind the collector.
type Lane struct {
	URL  string   // of the receiver, over HTTP
	GRPC string   // the same over gRPC
	Sink *os.File `json:"-"` // a listening socket to which the collector sends OTLP over gRPC; the test accepts its connections
}

const (
	laneReceiver = `  otlp/%[1]d:
    protocols:
      grpc: {endpoint: "%[2]s"}
      http: {endpoint: "%[3]s"}
`
	// Without a queue, an export lasts until the sink has answered.
	laneExporter = `  otlp/%[1]d:
    endpoint: "unix://%[2]s"
    tls: {insecure: true}
    timeout: 0s
    compression: none
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
`
	lanePipelines = `    traces/%[1]d: &lane%[1]d {receivers: [otlp/%[1]d], exporters: [otlp/%[1]d]}
    metrics/%[1]d: *lane%[1]d
    logs/%[1]d: *lane%[1]d
`
)

// StartLanes runs a collector with so many lanes until the test ends. It returns when the collector is ready.
func StartLanes(t testing.TB, n int) []Lane {
	t.Helper()
	c := &Collector{dir: t.TempDir()}
	lanes, sockets := make([]Lane, n), make([]string, n)
	for i := range lanes {
		sockets[i] = filepath.Join(c.dir, fmt.Sprintf("%d.sock", i))
		lanes[i].Sink = listenUnix(t, sockets[i])
	}
	c.start(t, func() (string, []string) {
		var receivers, exporters, pipelines strings.Builder
		var listens []string
		for i := range lanes {
			grpc, http := freeAddress(t), freeAddress(t)
			lanes[i].URL, lanes[i].GRPC = "http://"+http, "http://"+grpc
			listens = append(listens, grpc, http)
			fmt.Fprintf(&receivers, laneReceiver, i, grpc, http)
			fmt.Fprintf(&exporters, laneExporter, i, sockets[i])
			fmt.Fprintf(&pipelines, lanePipelines, i)
		}
		return "receivers:\n" + receivers.String() + "exporters:\n" + exporters.String() +
			"service:\n  telemetry: {metrics: {level: none}, logs: {level: warn}}\n  pipelines:\n" + pipelines.String(), listens
	})
	return lanes
}

// listenUnix makes a socket that listens until the test ends.
func listenUnix(t testing.TB, path string) *os.File {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
