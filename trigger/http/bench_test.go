//go:build unix

package http

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/telemetry/autoconf"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/workload"
)

// BenchmarkServe is a whole request, from its bytes on a connection of loopback to those of the answer, with net/http's
// server and a host as it ships: without telemetry, with all of its signals going to an endpoint that discards them, with
// that and a caller who sends a trace, with each call of the host a span, and as the viewer has it, which records no more than some
// requests a second. cpu-ns/op is what the process spends on one; the client allocates nothing.
func BenchmarkServe(b *testing.B) {
	for _, c := range []struct {
		name, fields string
		telemetry    *telemetry.Config
	}{
		{"plain", "", nil},
		{"telemetry", "", &telemetry.Config{}},
		{"traced", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", &telemetry.Config{}},
		{"all", "", &telemetry.Config{Detail: telemetry.DetailAll}},
		{"some", "", &telemetry.Config{MeasureSampled: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var observer host.Observer
			if c.telemetry != nil {
				if c.telemetry.MeasureSampled {
					b.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
				}
				observer = discarded(b, *c.telemetry)
			}
			conn := hosted(b, observer, workload.Component{}, "rust-http-full-p2")
			if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
				b.Fatal(err)
			}
			request := []byte("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench/1\r\nAccept: */*\r\n" + c.fields + "\r\n")
			buf := make([]byte, 4<<10)
			get := func() []byte {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				for n := 0; ; {
					k, err := conn.Read(buf[n:])
					if err != nil {
						b.Fatal(err)
					}
					end := "\nhello from rust-http-full-p2\n" // the length is known, unless the guest is late
					if n += k; bytes.Contains(buf[:n], []byte("Transfer-Encoding: chunked")) {
						end = "\r\n0\r\n\r\n"
					}
					if bytes.HasSuffix(buf[:n], []byte(end)) {
						return buf[:n]
					}
				}
			}
			for range 50 {
				if answer := get(); !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
					b.Fatalf("%s", answer)
				}
			}
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				get()
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// hosted serves a prebuilt guest, as a component with these settings and further plugins, and connects to it.
func hosted(b *testing.B, observer host.Observer, c workload.Component, guest string, plugins ...host.Plugin) net.Conn {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		b.Fatal(err)
	}
	tr := New(Config{})
	h, err := host.New(host.Config{Engine: engine, Observer: observer, Triggers: []host.Trigger{tr},
		Plugins: append([]host.Plugin{hostwasi.New(hostwasi.Config{})}, plugins...), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	w := spec("/")
	c.Name, c.Source = w.Triggers[0].Component, workload.Source{File: testref.File(b, guest)}
	w.Components = []workload.Component{c}
	if _, err := h.Start(ctx, w); err != nil {
		b.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- tr.Run(running) }()
	conn, err := net.Dial("tcp", tr.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := h.Close(ctx); err != nil {
			b.Error(err)
		}
		engine.Close(ctx)
	})
	return conn
}

// discarded is telemetry whose signals go to an endpoint that discards them.
func discarded(b *testing.B, cfg telemetry.Config) host.Observer {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.URL)
	log := slog.New(slog.DiscardHandler)
	to, err := autoconf.Read(context.Background(), autoconf.Options{Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	cfg.Version, cfg.Logger, cfg.Consumers = "v0", log, to.Consumers
	tel, err := telemetry.New(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := tel.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
		sink.Close()
	})
	return tel
}

func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
