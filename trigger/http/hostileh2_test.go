package http

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/vitrine-wasm/vitrine/internal/grpchttp"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
)

// rawH2 is a client of HTTP/2 that sends what it likes.
type rawH2 struct {
	net.Conn
	*http2.Framer
	t   *testing.T
	buf bytes.Buffer
	enc *hpack.Encoder
}

func dialH2(t *testing.T, addr string) *rawH2 {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	r := &rawH2{Conn: c, Framer: http2.NewFramer(c, c), t: t}
	r.enc = hpack.NewEncoder(&r.buf)
	if err := r.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return r
}

// block is the head of a request, with further fields.
func (r *rawH2) block(fields ...string) []byte {
	r.buf.Reset()
	fields = append([]string{":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/a.B/C"}, fields...)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = r.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(r.buf.Bytes())
}

// end reads until the connection ends, and returns the error of the last GOAWAY.
func (r *rawH2) end() (code http2.ErrCode, gone bool) {
	for {
		f, err := r.ReadFrame()
		if err != nil {
			return code, gone
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			code, gone = g.ErrCode, true
		}
	}
}

// TestRapidReset: a client that resets each stream at once runs no more guests at a time than it may have streams, and others are served.
func TestRapidReset(t *testing.T) {
	var running, most atomic.Int64
	f := start(t, Config{}, &invoker{}, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if in.Method() == http.MethodGet {
			return text(ctx, out, 200, "fine")
		}
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	c := dialH2(t, f.Addr().String())
	go func() {
		for id := uint32(1); id < 20_000; id += 2 {
			if c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(), EndHeaders: true}) != nil || c.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return
			}
		}
		_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
		c.Close()
	}()
	c.end()
	resp, err := http.Get(f.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	// A guest may still be on its way out when its stream has made room for another.
	if m := most.Load(); m > 1000 {
		t.Errorf("%d guests at once", m)
	}
	f.stop() // all of them end
	if n := running.Load(); n != 0 {
		t.Errorf("%d guests run on", n)
	}
}

// TestContinuationFlood: a head that never ends ends its connection.
func TestContinuationFlood(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, _ *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "fine")
	})
	c := dialH2(t, f.Addr().String())
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block()}); err != nil {
		t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() {
		part := c.block("x-"+strings.Repeat("n", 4000), strings.Repeat("v", 10000))
		for n := 0; ; n++ {
			if err := c.WriteContinuation(1, false, part); err != nil || n == 100_000 {
				sent <- n
				return
			}
		}
	}()
	if code, gone := c.end(); gone && code == http2.ErrCodeNo {
		t.Error("the connection has ended as if all were well")
	}
	if n := <-sent; n == 100_000 {
		t.Error("all of an endless head was taken")
	}
}

// TestGRPCHostile: heads, trailers and lengths that are not allowed in a call by gRPC end in a status or a reset, and run no guest for long.
func TestGRPCHostile(t *testing.T) {
	f := start(t, Config{MaxBody: 1 << 10}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		if slices.Contains(in.Headers().Get("grpc-timeout"), "0n") {
			<-ctx.Done()
		}
		_, err := io.ReadAll(in.Body())
		if ctx.Err() != nil {
			return context.Cause(ctx) // as the engine ends a guest
		}
		if err != nil {
			return err
		}
		return text(ctx, out, 200, "read")
	})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	for _, c := range []struct {
		name, body string
		header     []string
		trailer    http.Header
		want       string
	}{
		{"a large body", strings.Repeat("x", 2<<10), nil, nil, "200 8"},
		{"a large body that is announced", strings.Repeat("x", 2<<10), []string{"announced", ""}, nil, "200 8"},
		{"no time", "", []string{"grpc-timeout", "0n"}, nil, "200 4"},
		{"no timeout", "", []string{"grpc-timeout", "-5S"}, nil, "200 "},
		{"forbidden trailers", "x", nil, http.Header{"Grpc-Status": {"0"}, "X": {"y"}}, "200 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader = struct{ io.Reader }{strings.NewReader(c.body)}
			if len(c.header) > 0 && c.header[0] == "announced" {
				body = strings.NewReader(c.body)
			}
			req, err := http.NewRequest("POST", f.url+"/a.B/C", body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", grpchttp.ContentType)
			if len(c.header) > 0 {
				req.Header.Set(c.header[0], c.header[1])
			}
			req.Trailer = c.trailer
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadAll(resp.Body); err != nil {
				t.Fatal(err)
			}
			if got := resp.Status[:4] + resp.Header.Get(grpchttp.Status); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
