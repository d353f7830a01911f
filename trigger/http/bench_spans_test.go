//go:build unix

package http

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	keyvaluemem "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/otel"
	"github.com/vitrine-wasm/vitrine/telemetry"
	"github.com/vitrine-wasm/vitrine/workload"
)

// BenchmarkGuestSpans is a whole request whose component makes ten spans with three attributes each by an SDK: with all signals going
// to an endpoint that discards them (on), with what the component records itself dropped by the host (dropped), without any telemetry (off),
// and a request of the same component without spans (none).
func BenchmarkGuestSpans(b *testing.B) {
	for _, c := range []struct {
		name, path, guest string
		telemetry         bool
	}{{"on", "/spans?n=10", "on", true}, {"dropped", "/spans?n=10", "off", true}, {"off", "/spans?n=10", "on", false}, {"none", "/spans?n=0", "on", true}} {
		b.Run(c.name, func(b *testing.B) {
			var observer host.Observer
			if c.telemetry {
				observer = discarded(b, telemetry.Config{})
			}
			conn := hosted(b, observer, workload.Component{GuestTelemetry: c.guest}, "otel-example-rust", otel.Plugin{}, keyvalue.New(keyvaluemem.New(0)))
			if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
				b.Fatal(err)
			}
			request := []byte("GET " + c.path + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
			buf := make([]byte, 4<<10)
			get := func() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				for n := 0; !bytes.HasSuffix(buf[:n], []byte(" spans\n")) && !bytes.HasSuffix(buf[:n], []byte("\r\n0\r\n\r\n")); {
					k, err := conn.Read(buf[n:])
					if err != nil {
						b.Fatalf("%v after %q", err, buf[:n])
					}
					n += k
				}
			}
			for range 50 {
				get()
			}
			took := make([]int64, 0, 1<<16)
			before := processorTime(b)
			for b.Loop() {
				at := time.Now()
				get()
				took = append(took, time.Since(at).Nanoseconds())
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns/op")
		})
	}
}
