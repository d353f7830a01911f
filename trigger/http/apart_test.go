package http

import (
	"context"
	"io"
	"net/http"
	"testing"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestApart: workloads with the same routes answer at addresses of their own, which they keep while their starts replace each other and lose with the last.
func TestApart(t *testing.T) {
	a := NewApart(Config{Adapters: handler(guest(func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "whole")
	}))})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	named := func(name string) *workload.Spec {
		w := spec("/")
		w.Name = name
		return w
	}
	at := func(w *workload.Spec) string {
		t.Helper()
		all := a.Endpoints(w.ID())
		if len(all) != 1 {
			t.Fatalf("%s is at %v", w.Name, all)
		}
		return all[0]
	}
	get := func(url string) error {
		resp, err := client(t, false).Get(url)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || string(b) != "whole" {
			t.Errorf("%d %q %v", resp.StatusCode, b, err)
		}
		return nil
	}
	attach := func(w *workload.Spec) func(context.Context) error {
		t.Helper()
		detach, err := a.Attach(t.Context(), w, &invoker{})
		if err != nil {
			t.Fatal(err)
		}
		return detach
	}
	one, two := named("one"), named("two")
	first := attach(one)
	attach(two)
	if at(one) == at(two) {
		t.Errorf("both are at %s", at(one))
	}
	url := at(one)
	if err := get(url); err != nil {
		t.Error(err)
	}
	second, err := a.Replace(t.Context(), one, &invoker{})
	if err != nil {
		t.Fatal(err)
	}
	if err := first(t.Context()); err != nil {
		t.Error(err)
	}
	if at(one) != url {
		t.Errorf("it has moved from %s to %s", url, at(one))
	}
	if err := get(url); err != nil {
		t.Error(err)
	}
	if _, err := a.Attach(t.Context(), one, &invoker{}); err == nil {
		t.Error("the same routes twice")
	}
	if err := get(url); err != nil {
		t.Error(err) // what was refused has closed nothing
	}
	if err := second(t.Context()); err != nil {
		t.Error(err)
	}
	if len(a.Endpoints(one.ID())) != 0 || get(url) == nil {
		t.Error("its address answers on")
	}
	if none := attach(&workload.Spec{Name: "none"}); none(t.Context()) != nil || len(a.Endpoints("none")) != 0 {
		t.Error("a workload without triggers listens")
	}
	url = at(two)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if get(url) == nil {
		t.Error("an address answers after the end")
	}
	if _, err := a.Attach(t.Context(), named("late"), &invoker{}); err == nil {
		t.Error("a workload is attached after the end")
	}
}
