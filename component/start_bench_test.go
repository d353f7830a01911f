package component_test

import (
	"context"
	"testing"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// BenchmarkStart is what a process does before its first answer, with a warm cache: engine, load, link, one instance.
func BenchmarkStart(b *testing.B) {
	for _, name := range []string{"rust-http-p2", "go126-http-p2", "js-qjs-http-p2"} {
		b.Run(name, func(b *testing.B) {
			wasm := testref.Guest(b, name)
			dir := b.TempDir()
			start := func() {
				ctx := context.Background()
				e, err := component.NewEngine(ctx, component.WithCacheDir(dir))
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close(ctx)
				c, err := e.Load(ctx, name, wasm)
				if err != nil {
					b.Fatal(err)
				}
				l := e.NewLinker(nil)
				if err := wasi.Add(l, wasi.Config{}); err != nil {
					b.Fatal(err)
				}
				client := wasihttp.NewClient(wasihttp.ClientConfig{})
				defer client.Close()
				httpp2.Add(l, client)
				linked, err := l.Link(ctx, c)
				if err != nil {
					b.Fatal(err)
				}
				inst, err := linked.Instantiate(ctx)
				if err != nil {
					b.Fatal(err)
				}
				inst.Close(ctx)
			}
			start()
			for b.Loop() {
				start()
			}
		})
	}
}
