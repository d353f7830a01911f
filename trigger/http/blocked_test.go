package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// within gives invocations a deadline as a host does.
func within(d time.Duration) *invoker {
	return &invoker{wrap: func(outer context.Context) (context.Context, context.CancelFunc) {
		ctx := &reqctx.Context{}
		ctx.Begin(outer)
		ctx.SetTimeout(d, func() error { return cm.Trapf(cm.TrapDeadline, "too long") })
		return ctx, func() { ctx.Cancel(nil) }
	}}
}

// writers are guests that write more than a client that reads nothing can be sent, or wait for such a client in another way.
var writers = map[string]guest{
	"writes and waits": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		_, w := respond(out, 200)
		for {
			if err := wasiio.WriteAndFlush(ctx, w, make([]byte, 4096)); err != nil {
				return waited(ctx, err)
			}
		}
	},
	"fills the buffer and is done": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		b, w := respond(out, 200)
		for full := 0; full < 100; time.Sleep(time.Millisecond) { // until the network has taken nothing for a while
			n, err := w.CheckWrite(ctx)
			for ; err == nil && n > 0; n, err = w.CheckWrite(ctx) {
				full = 0
				if err := w.Write(ctx, make([]byte, min(n, 4096))); err != nil {
					return waited(ctx, err)
				}
			}
			if err != nil {
				return waited(ctx, err)
			}
			full++
		}
		return b.Finish(nil)
	},
	"makes nothing of its errors": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		_, w := respond(out, 200)
		for wasiio.WriteAndFlush(ctx, w, make([]byte, 4096)) == nil {
		}
		return nil
	},
	"never says anything more": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		_, w := respond(out, 200)
		_ = wasiio.WriteAndFlush(ctx, w, make([]byte, 32<<10))
		<-ctx.Done()
		return context.Cause(ctx)
	},
	"sends trailers": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		b, w := respond(out, 200)
		for wasiio.WriteAndFlush(ctx, w, make([]byte, 4096)) == nil {
		}
		if ctx.Err() != nil {
			return context.Cause(ctx) // a guest goes no further
		}
		t := wasihttp.NewFields()
		_ = t.Append("x-end", "1")
		return b.Finish(t)
	},
	"informs without end": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		h := wasihttp.NewFields()
		_ = h.Append("link", strings.Repeat("x", 4096))
		for {
			if err := out.Inform(ctx, http.StatusEarlyHints, h); err != nil {
				return waited(ctx, err)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	},
}

// waited is how a guest ends that waits on a stream: by its context, if that has ended.
func waited(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// deafClients are clients that take nothing of an answer, or hardly anything.
var deafClients = map[string]func(t *testing.T, f *fixture){
	"HTTP/1": func(t *testing.T, f *fixture) { raw(t, f, "GET / HTTP/1.1\nHost: h\n\n") },
	"HTTP/1.0": func(t *testing.T, f *fixture) {
		raw(t, f, "GET / HTTP/1.0\n\n")
	},
	"pipelined": func(t *testing.T, f *fixture) {
		raw(t, f, strings.Repeat("GET / HTTP/1.1\nHost: h\n\n", 10))
	},
	"a byte at a time": func(t *testing.T, f *fixture) {
		c, _ := raw(t, f, "GET / HTTP/1.1\nHost: h\n\n")
		go func() {
			for b := []byte{0}; ; time.Sleep(20 * time.Millisecond) {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
	},
	"HTTP/2, no window": func(t *testing.T, f *fixture) {
		c := speakFrames(t, f.Addr(), 0)
		c.get(1, "/")
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
	},
	"HTTP/2, a small window": func(t *testing.T, f *fixture) {
		c := speakFrames(t, f.Addr(), 10)
		c.get(1, "/")
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
	},
	"HTTP/2, reads nothing": func(t *testing.T, f *fixture) {
		c := speakFrames(t, f.Addr(), 1<<31-1)
		if err := c.WriteWindowUpdate(0, 1<<31-1-65535); err != nil {
			t.Fatal(err)
		}
		c.get(1, "/")
	},
}

// TestEndOfAnInvocationEndsItsWrites: whatever a guest does and a client does not, an invocation ends soon after its deadline
// and by its name, and its connection or stream with it.
func TestEndOfAnInvocationEndsItsWrites(t *testing.T) {
	for name, g := range writers {
		for what, ask := range deafClients {
			switch what {
			case "HTTP/1.0", "pipelined", "HTTP/2, a small window", "a byte at a time":
				if name != "writes and waits" {
					continue // they are like others
				}
			case "HTTP/2, no window":
				if name == "informs without end" {
					continue // heads need none
				}
			}
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				f := start(t, Config{WriteTimeout: time.Hour, ReadTimeout: time.Hour}, within(150*time.Millisecond), g)
				begun := time.Now()
				ask(t, f)
				e := f.inv.end(t)
				var trap *cm.Trap
				if !errors.As(e.err, &trap) || trap.Code != cm.TrapDeadline {
					t.Errorf("ended with %v, status %d", e.err, e.status)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("after %s", took)
				}
				f.stop() // does not wait for it
			})
		}
	}
}

// TestConnectionAfterTheEnd: a connection on which a write was cut ends; of HTTP/2 the stream.
func TestConnectionAfterTheEnd(t *testing.T) {
	g := writers["writes and waits"]
	t.Run("HTTP/1", func(t *testing.T) {
		f := start(t, Config{}, within(200*time.Millisecond), g)
		c, r := raw(t, f, "GET / HTTP/1.1\nHost: h\n\n")
		f.inv.end(t)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if all, err := io.ReadAll(r); err == nil && strings.HasSuffix(string(all), "0\r\n\r\n") {
			t.Error("the answer ends as if it were whole")
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		f := start(t, Config{}, within(200*time.Millisecond), func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			if in.PathWithQuery() == "/good" {
				return text(ctx, out, 200, "")
			}
			return g(ctx, in, out)
		})
		c := speakFrames(t, f.Addr(), 0)
		for stream := uint32(1); stream < 40; stream += 2 {
			c.get(stream, "/")
		}
		for stream := uint32(1); stream < 40; stream += 2 {
			c.get(stream+1000, "/good")
			if s := c.status(stream + 1000); s != "200" {
				t.Fatalf("another stream gets %s", s)
			}
		}
		c.reset(39)
	})
}

// TestSmallAnswersAreNotHeldForEver: an answer that the invocation need not wait for is held until the deadline, or for a
// second, whichever is later.
func TestSmallAnswersAreNotHeldForEver(t *testing.T) {
	for name, g := range map[string]guest{
		"an answer": func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			return text(ctx, out, 200, "small")
		},
		"the host's own": func(context.Context, *wasihttp.IncomingRequest, wasihttp.Responder) error {
			return cm.Trapf(cm.TrapUnreachable, "bad")
		},
		"the host's own at the deadline": func(ctx context.Context, _ *wasihttp.IncomingRequest, _ wasihttp.Responder) error {
			<-ctx.Done()
			return context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, Config{WriteTimeout: 2 * time.Second}, within(100*time.Millisecond), g)
			c := speakFrames(t, f.Addr(), 0)
			c.get(1, "/")
			f.inv.end(t)
			c.reset(1)
		})
	}
	t.Run("no route", func(t *testing.T) {
		tr := New(Config{WriteTimeout: 100 * time.Millisecond})
		if err := tr.Listen(); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Attach(t.Context(), spec("/only"), &invoker{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tr.Run(ctx) }()
		c := speakFrames(t, tr.Addr(), 0)
		c.get(1, "/other")
		c.reset(1)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestHealthyClientsGetTheHostsAnswer: a client that reads gets what the host has to say at the deadline, and the
// connection stays.
func TestHealthyClientsGetTheHostsAnswer(t *testing.T) {
	f := start(t, Config{}, within(50*time.Millisecond), func(ctx context.Context, _ *wasihttp.IncomingRequest, _ wasihttp.Responder) error {
		<-ctx.Done()
		time.Sleep(3 * lastWrites) // a guest that is slow to end
		return context.Cause(ctx)
	})
	protocols(t, func(t *testing.T, c *http.Client) {
		for range 2 {
			if resp, body := get(t, c, f.url); resp.StatusCode != 504 || body != "the component took too long\n" {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		}
	})
}

// TestBodiesThatDoNotCome: a client that never sends all of its body holds nothing longer than until the deadline.
func TestBodiesThatDoNotCome(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, f *fixture) string{
		"length": func(t *testing.T, f *fixture) string {
			_, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nContent-Length: 100\n\nsome")
			line, _ := r.ReadString('\n')
			return strings.Fields(line + " - -")[1]
		},
		"chunks": func(t *testing.T, f *fixture) string {
			_, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n64\nsome")
			line, _ := r.ReadString('\n')
			return strings.Fields(line + " - -")[1]
		},
		"trailers": func(t *testing.T, f *fixture) string {
			_, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\nX-A: ")
			line, _ := r.ReadString('\n')
			return strings.Fields(line + " - -")[1]
		},
		"expect": func(t *testing.T, f *fixture) string {
			_, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 4\n\n")
			for {
				line, err := r.ReadString('\n')
				if fields := strings.Fields(line + " - -"); err != nil || fields[0] == "HTTP/1.1" && fields[1] != "100" {
					return fields[1]
				}
			}
		},
		"drop by drop": func(t *testing.T, f *fixture) string {
			c, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nContent-Length: 1000\n\n")
			go func() {
				for {
					if _, err := io.WriteString(c, "x"); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			line, _ := r.ReadString('\n')
			return strings.Fields(line + " - -")[1]
		},
		"HTTP/2": func(t *testing.T, f *fixture) string {
			c := speakFrames(t, f.Addr(), 65535)
			c.request(1, false, ":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/")
			return c.status(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, Config{ReadTimeout: time.Hour, WriteTimeout: time.Hour}, within(200*time.Millisecond), func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				s := in.Body().Stream()
				for {
					if _, err := wasiio.BlockingRead(ctx, s, make([]byte, 10)); err != nil {
						if err == io.EOF {
							in.Body().Finish()
							_, err = in.Body().Trailers(ctx)
						}
						return waited(ctx, err)
					}
				}
			})
			if status := ask(t, f); status != "504" {
				t.Errorf("got %s", status)
			}
			e := f.inv.end(t)
			var trap *cm.Trap
			if !errors.As(e.err, &trap) || trap.Code != cm.TrapDeadline {
				t.Errorf("ended with %v", e.err)
			}
		})
	}
}

// TestStopsEndWrites: what the end of a trigger, or of a workload, cuts is cut although the client takes nothing.
func TestStopsEndWrites(t *testing.T) {
	for name, stop := range map[string]func(t *testing.T, f *fixture) error{
		"run": func(_ *testing.T, f *fixture) error { f.stop(); return nil },
		"shutdown": func(t *testing.T, f *fixture) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return f.Shutdown(ctx)
		},
		"drain": func(t *testing.T, f *fixture) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return f.table.at("/").drain(ctx)
		},
	} {
		for what, ask := range deafClients {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				entered := make(chan struct{}, 100)
				f := start(t, Config{WriteTimeout: time.Hour, Grace: 50 * time.Millisecond}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
					entered <- struct{}{}
					return writers["writes and waits"](ctx, in, out)
				})
				ask(t, f)
				<-entered
				begun := time.Now()
				err := stop(t, f)
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				e := f.inv.end(t)
				if !errors.Is(e.err, cm.ErrStopping) {
					t.Errorf("ended with %v (%v)", e.err, err)
				}
			})
		}
	}
}

// TestClientsThatGo: a client that goes away while its answer waits for it ends the invocation, as such.
func TestClientsThatGo(t *testing.T) {
	for name, g := range writers {
		if name == "informs without end" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered := make(chan struct{}, 100)
			f := start(t, Config{WriteTimeout: time.Hour}, within(time.Hour), func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				entered <- struct{}{}
				return g(ctx, in, out)
			})
			c, _ := raw(t, f, "GET / HTTP/1.1\nHost: h\n\n")
			<-entered
			time.Sleep(100 * time.Millisecond)
			c.Close()
			e := f.inv.end(t)
			if !errors.Is(e.err, errGone) {
				t.Errorf("ended with %v", e.err)
			}
		})
	}
}

// TestManyStreamsOfOneConnection: one connection's streams without a window hold no others up.
func TestManyStreamsOfOneConnection(t *testing.T) {
	f := start(t, Config{}, within(500*time.Millisecond), writers["writes and waits"])
	c := speakFrames(t, f.Addr(), 0)
	const n = 200
	for i := range uint32(n) {
		c.get(2*i+1, fmt.Sprintf("/%d", i))
	}
	go func() { _, _ = io.Copy(io.Discard, c.conn) }()
	for range 2000 {
		f.inv.mu.Lock()
		ended := len(f.inv.ends)
		f.inv.mu.Unlock()
		if ended == n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("some invocations did not end")
}

// TestInterruptedIsNotGone: when the host ends its read of a request, net/http may take that for a client that has left. The exchange does
// not: why its body broke off is what its invocation reports.
func TestInterruptedIsNotGone(t *testing.T) {
	for name, interrupted := range map[string]bool{"interrupted": true, "gone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				x := &exchange{r: httptest.NewRequest("POST", "/", strings.NewReader("body")).WithContext(ctx)}
				x.control.end()
				x.body.x, x.body.src, x.body.control = x, x.r.Body, &x.control
				x.body.cond.L = &x.body.mu
				x.ctx.BeginApart(x.r.Context())
				x.watchClient(time.Minute)
				defer x.unwatch()
				if interrupted {
					x.body.Interrupt()
				}
				cancel()
				synctest.Wait()
				if got, want := context.Cause(&x.ctx), error(errGone); interrupted && got != nil || !interrupted && got != want {
					t.Errorf("the exchange has ended with %v", got)
				}
			})
		})
	}
}
