package http

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
)

// one is an Invoker that runs all invocations in one instance, at the same time.
type one struct {
	linked *component.Linked
	inst   *component.Instance
	mu     sync.Mutex // invocations begin and end one after the other
}

func (o *one) Linked(string) (*component.Linked, error) { return o.linked, nil }

func (o *one) Invoke(ctx context.Context, inv *host.Invocation) error {
	var use component.Use
	o.mu.Lock()
	inst := o.inst.Use(&use)
	o.mu.Unlock()
	err := inv.Run(ctx, inst)
	inv.Settle(ctx, err)
	o.mu.Lock()
	_ = inst.End()
	o.mu.Unlock()
	return err
}

// TestEchoesLeaveNothing: requests whose streams are handed on as those of their responses, many in one instance, alone and together: each
// has its own answer, and none leaves a goroutine.
func TestEchoesLeaveNothing(t *testing.T) {
	tr, _ := served(t, "rust-http-p3", nil)
	linked := tr.table.all()[0].invoker.(*fresh).linked
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close(context.Background())
	reused := New(Config{})
	if _, err := reused.Attach(t.Context(), spec("/"), &one{linked: linked, inst: inst}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reused.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	f := "http://" + reused.Addr().String()
	c := client(t, false)
	echo := func(text string) {
		resp, err := c.Post(f+"/echo", "", strings.NewReader(text))
		if err != nil {
			t.Error(err)
			return
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != text || resp.StatusCode != http.StatusOK {
			t.Errorf("%d: %d bytes of %d, %v", resp.StatusCode, len(got), len(text), err)
		}
	}
	echo("warm")
	c.CloseIdleConnections()
	before := goroutines()
	for i := range 300 {
		echo(strings.Repeat("x", i))
	}
	var all sync.WaitGroup
	for k := range 8 {
		all.Go(func() {
			for i := range 50 {
				echo(strings.Repeat(string(rune('a'+k)), i*997))
			}
		})
	}
	all.Wait()
	c.CloseIdleConnections()
	for range 300 {
		if goroutines() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", goroutines(), before)
}

func goroutines() int {
	runtime.Gosched()
	return runtime.NumGoroutine()
}
