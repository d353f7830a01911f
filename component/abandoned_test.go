package component_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
)

// TestWhatGuestsKeep: clients leave while their guest waits for more of the request's body. The guests drop all that they have handles of,
// except the one in JavaScript, whose function does not go on after its cancellation. It keeps, of each such request, the future of the
// body's trailers, its end of the future that it has made to say how it has read the body, and the stream of the body, unless that has
// ended before it hears of the cancellation. Its instance has them until it retires.
func TestWhatGuestsKeep(t *testing.T) {
	const times = 10
	for _, c := range []struct {
		guest, path string
		keeps       component.Contents // of one request, at most
	}{
		{"rust-http-p3", "/echo", component.Contents{}},
		{"c-http-p3", "/echo", component.Contents{}},
		{"go126-http-async-p3", "/echo", component.Contents{}},
		{"js-qjs-hello-http-p3", "/mix/1", component.Contents{Streams: 1, Futures: 2}},
	} {
		t.Run(c.guest, func(t *testing.T) {
			h := keeper(t, c.guest)
			contents := func() (in component.Contents) {
				if err := h.Pool().Run(t.Context(), func(_ context.Context, i *component.Instance) error { in = i.Contents(); return nil }); err != nil {
					t.Fatal(err)
				}
				return in
			}
			before := leaves(t, h, c.path, contents)
			var after component.Contents
			for range times {
				after = leaves(t, h, c.path, contents)
			}
			got := component.Contents{Streams: after.Streams - before.Streams, Futures: after.Futures - before.Futures, Resources: after.Resources - before.Resources,
				Waitables: after.Waitables - before.Waitables}
			most := component.Contents{Streams: times * c.keeps.Streams, Futures: times * c.keeps.Futures}
			if got.Streams > most.Streams || got.Futures > most.Futures || got.Resources != 0 || got.Waitables != 0 {
				t.Errorf("after %d more clients that left: %+v, at most %+v wanted", times, got, most)
			}
			t.Logf("kept of %d requests: %d streams, %d futures", times, got.Streams, got.Futures)
		})
	}
}

// keeper is a handler whose requests are all in one instance.
func keeper(t *testing.T, guest string) *vhttp.Handler {
	ctx := t.Context()
	e := engine(t)
	c, err := e.Load(ctx, guest, testref.Guest(t, guest))
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLinker(nil)
	if err := wasi.Add(l, wasi.Config{}); err != nil {
		t.Fatal(err)
	}
	client := wasihttp.NewClient(wasihttp.ClientConfig{})
	t.Cleanup(func() { client.Close() })
	httpp3.Add(l, client)
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	h, err := vhttp.NewHandler(ctx, linked, vhttp.HandlerConfig{Pool: component.PoolConfig{Reuse: true, Max: 1, Uses: -1, Deadline: -1,
		Store: []component.StoreOption{component.WithCancelGrace(time.Minute)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// cutBody is a piece of a body, behind which nothing comes.
type cutBody struct {
	begun      bool
	asked, cut chan struct{} // closed when more is wanted; when it is certain that there is none
}

func (b *cutBody) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		return copy(p, "a piece"), nil
	}
	close(b.asked)
	<-b.cut
	return 0, io.ErrUnexpectedEOF
}

func (b *cutBody) Close() error { return nil }

// leaves sends a request whose client leaves when the guest has taken a first piece of the body, and returns what is in the instance when the
// guest's task has ended.
func leaves(t *testing.T, h *vhttp.Handler, path string, contents func() component.Contents) (left component.Contents) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := &cutBody{asked: make(chan struct{}), cut: make(chan struct{})}
	r, err := http.NewRequestWithContext(ctx, "POST", path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.RequestURI = path
	var all sync.WaitGroup
	all.Go(func() {
		defer func() { _ = recover() }() // a broken transfer is a panic
		h.ServeHTTP(&nobody{http.Header{}}, r)
	})
	<-body.asked
	contents() // when the guest does not run
	leave()
	close(body.cut)
	all.Wait()
	for range 30_000 {
		if left = contents(); left.Calls == 0 && !left.Inside {
			return left
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the guest goes on: %+v", left)
	return left
}
