//go:build unix

package messaging_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue"
	kvmemory "github.com/vitrine-wasm/vitrine/plugin/keyvalue/memory"
	"github.com/vitrine-wasm/vitrine/plugin/messaging"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/memory"
	msgnats "github.com/vitrine-wasm/vitrine/plugin/messaging/nats"
	"github.com/vitrine-wasm/vitrine/tests/servers"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	messages "github.com/vitrine-wasm/vitrine/trigger/messaging"
	"github.com/vitrine-wasm/vitrine/workload"
)

// counter counts lines, and says when there were as many as wanted.
type counter struct {
	n, want atomic.Int64
	all     chan struct{}
}

func (c *counter) Log(context.Context, host.LogLine) {
	if c.n.Add(1) == c.want.Load() {
		c.all <- struct{}{}
	}
}

// BenchmarkNATS has a component handle messages from a NATS server, each in a fresh instance: it counts the message in a store, and writes a
// line. Go beside it is a subscription of the library's, whose handler does nothing. cpu-µs/msg is the processor time of this process, which
// sends the messages as well.
func BenchmarkNATS(b *testing.B) {
	server := servers.StartNATS(b)
	client, err := nats.Connect(server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	send := func(b *testing.B, subject string, done <-chan struct{}) {
		before := processorTime(b)
		for range b.N {
			if err := client.Publish(subject, []byte("apples 3")); err != nil {
				b.Fatal(err)
			}
		}
		if err := client.Flush(); err != nil {
			b.Fatal(err)
		}
		<-done
		b.ReportMetric((processorTime(b)-before)/float64(b.N), "cpu-µs/msg")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	}
	b.Run("go", func(b *testing.B) {
		done := make(chan struct{}, 1)
		var n int
		sub, err := client.Subscribe("go", func(*nats.Msg) {
			if n++; n == b.N {
				done <- struct{}{}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = sub.Unsubscribe() }()
		_ = sub.SetPendingLimits(-1, -1)
		b.ResetTimer()
		send(b, "go", done)
	})
	b.Run("component", func(b *testing.B) {
		lines := &counter{all: make(chan struct{}, 1)}
		engine, err := component.NewEngine(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		defer engine.Close(context.Background())
		brokers := messaging.New(memory.New(0)).AddType(msgnats.Type(), func(_ context.Context, config any) (messaging.Backend, error) {
			return msgnats.Open(config.(msgnats.Config))
		})
		h, err := host.New(host.Config{
			Engine: engine, Plugins: []host.Plugin{hostwasi.New(hostwasi.Config{}), keyvalue.New(kvmemory.New(0)), brokers},
			Triggers: []host.Trigger{messages.New(messages.Config{Plugin: brokers})}, Console: lines, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close(context.Background())
		if _, err := h.Start(b.Context(), &workload.Spec{
			Name: "shop",
			Components: []workload.Component{{Name: "work", Source: workload.Source{File: testref.File(b, "rust-messages-p2")},
				Grants: workload.Grants{Messaging: map[string]workload.StoreGrant{"orders.*": {Type: "nats", Config: msgnats.Config{URL: server.URL(), Stream: "ORDERS"}}}},
				Limits: workload.Limits{OutputLines: 1 << 40, OutputLinesPerSecond: 1 << 40, OutputBytes: 1 << 40, OutputBytesPerSecond: 1 << 40}}},
			Triggers: []workload.TriggerSpec{{Type: messages.TypeName, Component: "work", Config: messages.Subscription{Subject: "orders.*", Durable: "work"}}},
		}); err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		defer func() { stop(); <-ended }()
		lines.n.Store(0)
		lines.want.Store(int64(b.N))
		b.ResetTimer()
		send(b, "orders.new", lines.all)
	})
}

// processorTime is that of the process, in microseconds.
func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}
