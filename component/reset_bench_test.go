package component_test

import (
	"context"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// isEnvironment says of a boundary what the host says of it: all instances are told the same.
func isEnvironment(b *cm.Boundary) bool { return b.Interface.Interface == "environment" }

// BenchmarkInstance compares what it takes to have an instance for an invocation: a new one, or one that is reset. Only
// the ratios hold from one machine to the next.
func BenchmarkInstance(b *testing.B) {
	for _, guest := range []string{"rust-http-full-p2", "go126-http-p2", "js-qjs-http-p2", "shop-composed"} {
		b.Run(guest, func(b *testing.B) {
			wasm := testref.Guest(b, guest)
			ctx := context.Background()
			e := engine(b)
			c, err := e.Load(ctx, guest, wasm)
			if err != nil {
				b.Fatal(err)
			}
			l := e.NewLinker(nil)
			if err := wasi.Add(l, wasi.Config{}); err != nil {
				b.Fatal(err)
			}
			client := wasihttp.NewClient(wasihttp.ClientConfig{})
			b.Cleanup(func() { client.Close() })
			httpp2.Add(l, client)
			linked, err := l.Link(ctx, c)
			if err != nil {
				b.Fatal(err)
			}
			b.Run("new", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					inst, err := linked.Instantiate(ctx)
					if err != nil {
						b.Fatal(err)
					}
					if err := inst.Close(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
			for name, isolation := range map[string]component.Isolation{"fresh": component.Fresh, "snapshot": component.Initialised} {
				b.Run("new for "+name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						inst, err := linked.Instantiate(ctx, component.WithReset(isolation, isEnvironment))
						if err != nil {
							b.Fatal(err)
						}
						if err := inst.Close(ctx); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run("reset to "+name, func(b *testing.B) {
					inst, err := linked.Instantiate(ctx, component.WithReset(isolation, isEnvironment))
					if err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						if err := inst.Reset(ctx, cm.InstanceInfo{}); err != nil {
							b.Fatal(err)
						}
					}
					if err := inst.Close(ctx); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}
