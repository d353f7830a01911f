package http

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
	"github.com/vitrine-wasm/vitrine/workload"
)

// guest stands for a component: it is called where the export would be.
type guest func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error

// invoker runs what it is given, with no instance, and remembers what it saw at the end.
type invoker struct {
	refuse error
	wrap   func(ctx context.Context) (context.Context, context.CancelFunc)

	mu    sync.Mutex
	ends  []ending
	asked int // how many of them end has given
}

type ending struct {
	inv    *host.Invocation
	err    error
	status int
	in     int64
	out    int64
}

func (v *invoker) Invoke(ctx context.Context, inv *host.Invocation) error {
	err := cmp.Or(inv.Refuse, v.refuse)
	if err == nil {
		inner := ctx
		if v.wrap != nil {
			var cancel context.CancelFunc
			inner, cancel = v.wrap(ctx)
			defer cancel()
		}
		err = inv.Run(inner, nil)
		if cause := context.Cause(inner); err != nil && cause != nil && errors.Is(err, cause) {
			var trap *cm.Trap
			if !errors.As(err, &trap) {
				err = cm.Trapf(cm.TrapCancel, "%w", err)
			}
		}
	}
	inv.Settle(ctx, err)
	s := inv.Subject.(host.HTTPSubject)
	e := ending{inv: inv, err: err, status: s.HTTPStatus()}
	e.in, e.out = s.HTTPBodySizes()
	v.mu.Lock()
	v.ends = append(v.ends, e)
	v.mu.Unlock()
	return err
}

func (v *invoker) Linked(name string) (*component.Linked, error) {
	if name == "missing" {
		return nil, errors.New("no component missing")
	}
	return nil, nil
}

// end waits until one more invocation has ended than it has been asked for, and gives that one.
func (v *invoker) end(t *testing.T) ending {
	t.Helper()
	for range 6000 {
		v.mu.Lock()
		if len(v.ends) > v.asked {
			v.asked++
			e := v.ends[v.asked-1]
			v.mu.Unlock()
			return e
		}
		v.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the invocation does not end")
	return ending{}
}

// fixture is a trigger that serves one guest at /.
type fixture struct {
	*Trigger
	inv  *invoker
	url  string
	stop func()
}

// handler is the adapter by which g answers every request.
func handler(g guest) []Adapter {
	return []Adapter{{Handle: func(ctx context.Context, _ *component.Instance, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return g(ctx, in, out)
	}}}
}

func start(t testing.TB, c Config, inv *invoker, g guest) *fixture {
	t.Helper()
	c.Adapters = handler(g)
	tr := New(c)
	if inv == nil {
		inv = &invoker{}
	}
	if _, err := tr.Attach(t.Context(), spec("/"), inv); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &fixture{Trigger: tr, inv: inv, url: "http://" + tr.Addr().String(), stop: stop}
}

func spec(paths ...string) *workload.Spec {
	w := &workload.Spec{Name: "test"}
	for _, p := range paths {
		w.Triggers = append(w.Triggers, workload.TriggerSpec{Type: "http", Component: "c" + p, Config: Route{Path: p}})
	}
	return w
}

// client speaks HTTP/1.1, or HTTP/2 by prior knowledge.
func client(t *testing.T, h2 bool) *http.Client {
	var p http.Protocols
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{Protocols: &p, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func protocols(t *testing.T, f func(t *testing.T, c *http.Client)) {
	t.Run("h1", func(t *testing.T) { f(t, client(t, false)) })
	t.Run("h2c", func(t *testing.T) { f(t, client(t, true)) })
}

// respond answers with a status and a body, as a guest does: head first.
func respond(out wasihttp.Responder, status int, fields ...string) (*wasihttp.OutgoingBody, wasiio.OutputStream) {
	h := wasihttp.NewFields()
	for i := 0; i < len(fields); i += 2 {
		if err := h.Append(fields[i], fields[i+1]); err != nil {
			panic(err)
		}
	}
	r := wasihttp.NewOutgoingResponse(h)
	if err := r.SetStatus(status); err != nil {
		panic(err)
	}
	b := r.Body()
	out.Respond(r)
	return b, b.Stream()
}

func text(ctx context.Context, out wasihttp.Responder, status int, s string) error {
	b, w := respond(out, status, "content-type", "text/plain")
	if err := wasiio.WriteAndFlush(ctx, w, []byte(s)); err != nil {
		return err
	}
	return b.Finish(nil)
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// raw sends bytes on a connection of its own.
func raw(t *testing.T, f *fixture, s string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, strings.ReplaceAll(s, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}
