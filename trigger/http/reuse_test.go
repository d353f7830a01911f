package http

import (
	"bufio"
	"context"
	"io"
	"net"
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
	mu     sync.Mutex      // invocations begin and end one after the other
	begun  chan struct{}   // if not nil, told of each invocation that begins
	until  context.Context // if not nil, what invocations end with
}

func (o *one) Linked(string) (*component.Linked, error) { return o.linked, nil }

func (o *one) Invoke(ctx context.Context, inv *host.Invocation) error {
	var use component.Use
	if o.until != nil {
		within, cancel := context.WithCancelCause(ctx)
		defer context.AfterFunc(o.until, func() { cancel(context.Cause(o.until)) })()
		defer cancel(nil)
		ctx = within
	}
	if o.begun != nil {
		o.begun <- struct{}{}
	}
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

// inOne starts a prebuilt component behind a trigger, with one instance for all requests.
func inOne(t *testing.T, name string) *Trigger {
	t.Helper()
	tr, _ := served(t, name, nil)
	linked := tr.table.all()[0].invoker.(*fresh).linked
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reused := New(Config{})
	if _, err := reused.Attach(t.Context(), spec("/"), &one{linked: linked, inst: inst}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reused.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = inst.Close(context.Background())
	})
	return reused
}

// TestSlowEcho: what a client sends comes back before it sends more, and a request whose guest dies meanwhile ends at once.
func TestSlowEcho(t *testing.T) {
	tr := inOne(t, "rust-http-p3")
	begin := func() (*bufio.Reader, net.Conn, io.ReadCloser) {
		c, r := raw(t, &fixture{Trigger: tr}, "POST /echo HTTP/1.1\nHost: x\nContent-Length: 6\n\nabc")
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := make([]byte, 3); resp.StatusCode != http.StatusOK {
			t.Error(resp.Status)
		} else if _, err := io.ReadFull(resp.Body, got); string(got) != "abc" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		return r, c, resp.Body
	}
	r, c, body := begin()
	if _, err := io.WriteString(c, "def"); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(body); string(rest) != "def" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if _, err := io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the next request on the connection: %v", err)
	}
	_, gone, _ := begin()
	gone.Close()
	_, _, body = begin()
	_, trapped := raw(t, &fixture{Trigger: tr}, "GET /trap HTTP/1.1\nHost: x\n\n")
	if resp, err := http.ReadResponse(trapped, nil); err != nil || resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("the request with the trap: %v", err)
	}
	if rest, err := io.ReadAll(body); len(rest) > 0 || err == nil {
		t.Errorf("an answer whose guest has died ends with %q and no error", rest)
	}
}

// TestEchoesLeaveNothing: requests whose streams are handed on as those of their responses, many in one instance, alone and together: each
// has its own answer, and none leaves a goroutine.
func TestEchoesLeaveNothing(t *testing.T) {
	reused := inOne(t, "rust-http-p3")
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

// serve serves requests in an instance of its own, and gives its URL.
func (o *one) serve(t *testing.T) string {
	t.Helper()
	tr := New(Config{})
	if _, err := tr.Attach(t.Context(), spec("/"), o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = o.inst.Close(context.Background())
	})
	return "http://" + tr.Addr().String()
}

// TestSpinIsConfined: a request that spins has its instance for itself, so that others in it wait; other instances answer. Its deadline ends
// the instance, with a clear error for each request that was in it.
func TestSpinIsConfined(t *testing.T) {
	tr, _ := served(t, "rust-http-p3", nil)
	linked := tr.table.all()[0].invoker.(*fresh).linked
	until, deadline := context.WithCancelCause(context.Background())
	defer deadline(nil)
	at := func(o *one) string {
		var err error
		if o.inst, err = linked.Instantiate(t.Context(), component.WithCancelGrace(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		o.linked = linked
		return o.serve(t)
	}
	busy := &one{begun: make(chan struct{}, 2), until: until}
	a, b := at(busy), at(&one{})
	c := client(t, false)
	get := func(url string) <-chan int {
		status := make(chan int, 1)
		go func() {
			resp, err := c.Get(url)
			if err != nil {
				t.Error(err)
				status <- 0
				return
			}
			resp.Body.Close()
			status <- resp.StatusCode
		}()
		return status
	}
	spins := get(a + "/spin")
	<-busy.begun
	waits := get(a + "/hello")
	<-busy.begun
	for range 20 {
		if status := <-get(b + "/hello"); status != http.StatusOK {
			t.Fatalf("the other instance answers %d", status)
		}
	}
	select {
	case status := <-spins:
		t.Fatalf("the one that spins has answered %d", status)
	default:
	}
	deadline(context.DeadlineExceeded)
	if status := <-spins; status != http.StatusGatewayTimeout {
		t.Errorf("the one that spins: %d, want 504", status)
	}
	if status := <-waits; status < 500 && status != http.StatusOK { // it may have come first
		t.Errorf("the one beside it: %d", status)
	}
	if status := <-get(b + "/hello"); status != http.StatusOK {
		t.Errorf("the other instance answers %d", status)
	}
}

func goroutines() int {
	runtime.Gosched()
	return runtime.NumGoroutine()
}
