package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// sink takes OTLP over HTTP and throws it away unread, so that what a server spends on telemetry is measured and not what
// a receiver spends on decoding. It answers GET / with what it took.
func sink(r *run, args []string) (any, error) {
	addr := r.flags.String("addr", "127.0.0.1:0", "where to listen")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	var took sinkCounts
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		atomic.AddInt64(&took.Requests, 1)
		atomic.AddInt64(&took.Bytes, n)
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(sinkCounts{atomic.LoadInt64(&took.Requests), atomic.LoadInt64(&took.Bytes)})
	})
	return nil, http.ListenAndServe(*addr, mux)
}

// sinkCounts is what a sink took: requests (batches) and bytes of their bodies.
type sinkCounts struct{ Requests, Bytes int64 }

// receiver is where telemetry goes: a sink or a real OpenTelemetry Collector, in a process of its own.
type receiver struct {
	URL  string
	addr string
	what string
	make func() *exec.Cmd
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// newReceiver prepares a receiver on a free port; binary is a Collector with an OTLP receiver and a file exporter, or empty
// for a sink. What a Collector receives goes to /dev/null, metrics to metrics.json in dir.
func newReceiver(dir, binary string) (*receiver, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	out := &receiver{URL: "http://" + addr, addr: addr}
	if binary == "" {
		out.what = "a process that discards"
		out.make = func() *exec.Cmd { return exec.Command(os.Args[0], "sink", "-addr", addr) }
		return out, nil
	}
	out.what = "OpenTelemetry Collector " + filepath.Base(binary)
	config := filepath.Join(dir, "collector.yaml")
	out.make = func() *exec.Cmd { return exec.Command(binary, "--config", "file:"+config) }
	return out, os.WriteFile(config, fmt.Appendf(nil, collectorConfig, addr, filepath.Join(dir, "metrics.json")), 0o644)
}

const collectorConfig = `
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters:
  file/nothing: {path: /dev/null}
  file/metrics: {path: %q, append: true}
service:
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file/nothing]}
    logs: {receivers: [otlp], exporters: [file/nothing]}
    metrics: {receivers: [otlp], exporters: [file/metrics]}
`

// start runs the receiver and waits until it listens.
func (r *receiver) start() error {
	r.cmd = r.make()
	r.cmd.Stderr = os.Stderr
	if err := children.start(r.cmd); err != nil {
		return fmt.Errorf("%s: %w", r.what, err)
	}
	cmd, done := r.cmd, make(chan struct{})
	r.done = done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	return awaitPort(r.addr, done)
}

// kill ends the receiver as a crash would.
func (r *receiver) kill() {
	if r.done != nil {
		_ = r.cmd.Process.Kill()
		<-r.done
	}
}

// counts asks a sink what it took; zero of a Collector.
func (r *receiver) counts() (c sinkCounts) {
	resp, err := http.Get(r.URL + "/")
	if err != nil {
		return c
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&c)
	return c
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitPort waits until somebody listens at addr, or the process that should has ended.
func awaitPort(addr string, done <-chan struct{}) error {
	for range 1500 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-done:
			return fmt.Errorf("the process that should listen on %s has ended", addr)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("nobody listens on %s after 30 seconds", addr)
}
