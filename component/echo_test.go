package component_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	vhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp3 "github.com/vitrine-wasm/vitrine/wasi/http/p3"
	"github.com/vitrine-wasm/vitrine/workload"
)

// errLook ends a look into the pool's instance.
var errLook = errors.New("looked")

// TestEchoLeavesNothing: requests whose body the guest hands on as the answer, 16 at a time in one instance, leave no task, stream or
// handle in it, and no goroutine beside it. VITRINE_ECHO is how many there are in place of 2 000.
func TestEchoLeavesNothing(t *testing.T) {
	total := 2000
	if s := os.Getenv("VITRINE_ECHO"); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, guest := range []string{"rust-http-p3", "c-http-p3", "go126-http-async-p3", "js-qjs-hello-http-p3"} {
		t.Run(guest, func(t *testing.T) { echo(t, guest, total) })
	}
}

// residentMemory is that of the process in MiB; 0 where the system does not tell.
func residentMemory() int {
	pages := 0
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(b), new(int), &pages)
	}
	return pages * os.Getpagesize() >> 20
}

// failures has the test fail where an invocation does.
type failures struct{ t *testing.T }

func (f failures) Log(_ context.Context, l host.LogLine) { f.t.Error(l.Text) }

func echo(t *testing.T, guest string, total int) {
	ctx := context.Background()
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
	p, err := component.NewPool(linked, component.PoolConfig{Reuse: true, Max: 1, Uses: -1})
	if err != nil {
		t.Fatal(err)
	}
	tr := vhttp.New(vhttp.Config{})
	if _, err := tr.Attach(ctx, &workload.Spec{Name: "echo", Triggers: []workload.TriggerSpec{{Type: "http", Component: guest, Config: vhttp.Route{Path: "/"}}}}, host.NewInvoker(p, host.InvokerConfig{Console: failures{t}})); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- tr.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, p.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	send := func(times int) (left component.Contents, instance uint64, goroutines int) {
		var clients sync.WaitGroup
		transport := &http.Transport{}
		for k := range 16 {
			clients.Go(func() {
				for n := k; n < times; n += 16 {
					body := strings.Repeat("echo", n*97%9000+1)
					resp, err := (&http.Client{Transport: transport}).Post("http://"+tr.Addr().String()+"/echo", "text/plain", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						continue
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != 200 || string(got) != body {
						t.Errorf("%d of %d bytes, status %d, %v", len(got), len(body), resp.StatusCode, err)
					}
				}
			})
		}
		clients.Wait()
		transport.CloseIdleConnections()
		for p.Stats().Running > 0 {
			runtime.Gosched()
		}
		err := p.Run(ctx, func(_ context.Context, inst *component.Instance) error {
			for range 5000 {
				if left = inst.Contents(); !left.Inside {
					break
				}
				time.Sleep(time.Millisecond)
			}
			instance = inst.Info().ID
			return errLook
		})
		if err != errLook {
			t.Error(err)
		}
		return left, instance, runtime.NumGoroutine()
	}
	before, first, few := send(32)
	rss := residentMemory()
	after, last, many := send(total)
	t.Logf("after 32 requests: %+v, %d goroutines, %d MiB; after %d more, in the same instance: %v, %+v, %d goroutines, %d MiB",
		before, few, rss, total, first == last, after, many, residentMemory())
	if after != before || after.Calls > 0 || after.Inside || first != last || many > few+20 {
		t.Error("something was left")
	}
}
