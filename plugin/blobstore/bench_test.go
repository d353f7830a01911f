package blobstore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/bindings"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore/memory"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// BenchmarkCalls calls the plugin's functions over the memory backend, as the bindings call them for a guest.
func BenchmarkCalls(b *testing.B) {
	ctx := b.Context()
	s := blobstore.Serve(memory.New(0))
	c, err := s.CreateContainer(ctx, "c")
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(err)
	drop := func(r any) {
		if d, ok := r.(interface{ Drop(context.Context) error }); ok {
			must(d.Drop(ctx))
		}
	}
	piece := make([]byte, 4096)
	put := func(name string, bytes int) {
		o, err := s.OutgoingValueNewOutgoingValue(ctx)
		must(err)
		w, err := o.OutgoingValueWriteBody(ctx)
		must(err)
		must(c.WriteData(ctx, name, o))
		for n := 0; n < bytes; n += len(piece) {
			must(w.BlockingWriteAndFlush(ctx, piece[:min(len(piece), bytes-n)]))
		}
		drop(w)
		must(s.OutgoingValueFinish(ctx, o))
	}
	get := func(name string) bindings.IncomingValue {
		v, err := c.GetData(ctx, name, 0, math.MaxUint64)
		must(err)
		return v
	}
	stream := func(name string) {
		in, err := s.IncomingValueIncomingValueConsumeAsync(ctx, get(name))
		must(err)
		for {
			_, err := in.BlockingRead(ctx, 64<<10)
			var end *cm.ResultError[iop2.StreamError]
			if errors.As(err, &end) && end.Value.Tag == iop2.StreamErrorTagClosed {
				break
			}
			must(err)
		}
		drop(in)
	}
	put("small", 1000)
	put("large", 1<<20)
	for i := range 1000 {
		put(fmt.Sprintf("listed-%d", i), 0)
	}
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"put-1k", func() { put("o", 1000) }},
		{"put-1M", func() { put("o", 1<<20) }},
		{"get-1k-sync", func() { _, err := s.IncomingValueIncomingValueConsumeSync(ctx, get("small")); must(err) }},
		{"get-1k-stream", func() { stream("small") }},
		{"get-1M-sync", func() { _, err := s.IncomingValueIncomingValueConsumeSync(ctx, get("large")); must(err) }},
		{"get-1M-stream", func() { stream("large") }},
		{"info", func() { _, err := c.ObjectInfo(ctx, "small"); must(err) }},
		{"copy-1M", func() {
			must(s.CopyObject(ctx, bindings.ObjectID{Container: "c", Object: "large"}, bindings.ObjectID{Container: "c", Object: "copy"}))
		}},
		{"list-1000", func() {
			names, err := c.ListObjects(ctx)
			must(err)
			_, err = names.ReadStreamObjectNames(ctx, 10_000)
			must(err)
			drop(names)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.do()
			}
		})
	}
}
