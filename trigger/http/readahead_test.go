package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// all reads the rest of a request.
func all(ctx context.Context, in *wasihttp.IncomingRequest) (int, error) {
	s := in.Body().Stream()
	buf := make([]byte, 32<<10)
	for total := 0; ; {
		n, err := wasiio.BlockingRead(ctx, s, buf)
		total += n
		if err == io.EOF {
			in.Body().Finish()
			_, err = in.Body().Trailers(ctx)
			return total, err
		}
		if err != nil {
			return total, err
		}
	}
}

const inChunks = "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n"

var malformedBodies = map[string]string{
	"size":              inChunks + "zz\nhello\n0\n\n",
	"no size":           inChunks + "\nhello\n0\n\n",
	"negative size":     inChunks + "-1\nhello\n0\n\n",
	"large size":        inChunks + "fffffffffffffffff\nhello",
	"end of a chunk":    inChunks + "5\nhelloXX0\n\n",
	"long line":         inChunks + "5;" + strings.Repeat("x", 8<<10) + "\nhello\n0\n\n",
	"second size":       inChunks + "5\nhello\nq\n\n",
	"trailer":           inChunks + "5\nhello\n0\nno trailer\n\n",
	"trailer's name":    inChunks + "5\nhello\n0\na b: c\n\n",
	"trailer too large": inChunks + "5\nhello\n0\na: " + strings.Repeat("x", 16<<10) + "\n\n",
}

// TestMalformedBodies: they are the client's mistake, and not its going away.
func TestMalformedBodies(t *testing.T) {
	for name, body := range malformedBodies {
		t.Run(name, func(t *testing.T) {
			reads := make(chan error, 1)
			f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				_, err := all(ctx, in)
				reads <- err
				return text(ctx, out, 500, "what is this?")
			})
			c, r := raw(t, f, body+"GET /smuggled HTTP/1.1\nHost: h\n\n")
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			said, _ := io.ReadAll(resp.Body)
			if rest, _ := io.ReadAll(r); resp.StatusCode != 400 || !resp.Close || len(rest) > 0 {
				t.Errorf("got %d %q, close %v, then %q", resp.StatusCode, said, resp.Close, rest)
			}
			var e *wasihttp.Error
			if err := <-reads; !errors.As(err, &e) || e.Code != wasihttp.ProtocolError {
				t.Errorf("the guest reads %v", err)
			}
			if e := f.inv.end(t); e.err != nil && strings.Contains(e.err.Error(), "went away") || e.status != 400 {
				t.Errorf("ended as %+v", e)
			}
		})
		t.Run(name+"/answered", func(t *testing.T) {
			reads := make(chan error, 1)
			f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				b, w := respond(out, 200)
				_, err := all(ctx, in)
				reads <- err
				if err := wasiio.WriteAndFlush(ctx, w, []byte("not all of it")); err != nil {
					return err
				}
				return b.Finish(nil)
			})
			c, r := raw(t, f, body+"GET /smuggled HTTP/1.1\nHost: h\n\n")
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			said, err := io.ReadAll(resp.Body)
			if rest, _ := io.ReadAll(r); resp.StatusCode != 200 || string(said) != "not all of it" || err != nil || len(rest) > 0 {
				t.Errorf("got %d %q, %v, then %q", resp.StatusCode, said, err, rest)
			}
			var e *wasihttp.Error
			if err := <-reads; !errors.As(err, &e) || e.Code != wasihttp.ProtocolError {
				t.Errorf("the guest reads %v", err)
			}
			if e := f.inv.end(t); e.err != nil {
				t.Errorf("ended as %+v", e)
			}
		})
	}
}

// TestLengthsThatDoNotHold: of HTTP/2, whose frames say where a body ends.
func TestLengthsThatDoNotHold(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		n, err := all(ctx, in)
		return text(ctx, out, 500, fmt.Sprint(n, err))
	})
	c := speakFrames(t, f.Addr(), 1<<20)
	c.request(1, false, ":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/", "content-length", "9")
	_ = c.WriteData(1, true, []byte("short"))
	if status, body := c.answer(1); status != 400 {
		t.Errorf("got %d %q", status, body)
	}
}

// TestReadingAfterTheAnswer: the guest has answered, the client has all of the answer and sends the rest only then.
func TestReadingAfterTheAnswer(t *testing.T) {
	type read struct {
		n   int
		err error
	}
	for name, size := range map[string]int{"small": 100, "large": 1 << 20} {
		rest := strings.Repeat("x", size)
		for kind, q := range map[string]struct {
			head, rest string
			length     string // of the answer
		}{
			"length":           {fmt.Sprintf("POST / HTTP/1.1\nHost: h\nContent-Length: %d\n\nfirst", size+5), rest, ""},
			"length, both":     {fmt.Sprintf("POST / HTTP/1.1\nHost: h\nContent-Length: %d\n\nfirst", size+5), rest, "2"},
			"chunks":           {inChunks + "5\nfirst\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, rest), ""},
			"chunks, trailers": {inChunks + "5\nfirst\n", fmt.Sprintf("%x\r\n%s\r\n0\r\nx-a: 1\r\n\r\n", size, rest), "2"},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				reads := make(chan read, 2)
				answered := make(chan struct{}, 2)
				f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
					var fields []string
					if q.length != "" {
						fields = []string{"content-length", q.length}
					}
					b, w := respond(out, 202, fields...)
					if err := wasiio.WriteAndFlush(ctx, w, []byte("ok")); err != nil {
						return err
					}
					if err := b.Finish(nil); err != nil {
						return err
					}
					<-answered // whatever the guest does before it reads
					n, err := all(ctx, in)
					reads <- read{n, err}
					return nil
				})
				c, r := raw(t, f, q.head)
				for again := range 2 { // the connection lives on
					_ = c.SetDeadline(time.Now().Add(20 * time.Second))
					resp, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Fatal(err)
					}
					if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil || resp.StatusCode != 202 {
						t.Fatalf("got %d %q, %v", resp.StatusCode, body, err)
					}
					answered <- struct{}{}
					if _, err := io.WriteString(c, q.rest); err != nil {
						t.Fatal(err)
					}
					if got := <-reads; got.n != size+5 || got.err != nil {
						t.Errorf("the guest reads %+v", got)
					}
					if again == 0 {
						_, _ = io.WriteString(c, strings.ReplaceAll(q.head, "\n", "\r\n"))
					}
				}
				f.stop()
				for _, e := range f.inv.ends {
					if e.err != nil || e.in != int64(size+5) {
						t.Errorf("ended as %+v", e)
					}
				}
			})
		}
	}
	t.Run("HTTP/2", func(t *testing.T) {
		reads := make(chan read, 1)
		f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
			if err := text(ctx, out, 202, "ok"); err != nil {
				return err
			}
			n, err := all(ctx, in)
			reads <- read{n, err}
			return nil
		})
		pr, pw := io.Pipe()
		req, _ := http.NewRequest("POST", f.url, pr)
		go func() { _, _ = io.WriteString(pw, "first") }()
		resp, err := client(t, true).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(pw, strings.Repeat("x", 1<<20))
			pw.Close()
		}()
		if got := <-reads; got.n != 1<<20+5 || got.err != nil {
			t.Errorf("the guest reads %+v", got)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
}

// TestNoReadingForEver: what ends the reading after an answer is told by its name, and ends nothing else.
func TestNoReadingForEver(t *testing.T) {
	for name, q := range map[string]struct {
		client func(c net.Conn)
		code   wasihttp.Code
	}{
		"silent":    {func(net.Conn) {}, wasihttp.ConnectionReadTimeout},
		"gone":      {func(c net.Conn) { c.Close() }, wasihttp.ConnectionTerminated},
		"malformed": {func(c net.Conn) { _, _ = io.WriteString(c, "zz\r\n") }, wasihttp.ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			reads := make(chan error, 1)
			f := start(t, Config{ReadTimeout: 300 * time.Millisecond}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
				if err := text(ctx, out, 200, "ok"); err != nil {
					return err
				}
				_, err := all(ctx, in)
				reads <- err
				return ctx.Err() // it may go on
			})
			c, r := raw(t, f, inChunks+"5\nfirst\n")
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); string(body) != "ok" || err != nil {
				t.Fatalf("got %q, %v", body, err)
			}
			q.client(c)
			var e *wasihttp.Error
			if err := <-reads; !errors.As(err, &e) || e.Code != q.code {
				t.Errorf("the guest reads %v, want %v", err, q.code)
			}
			if e := f.inv.end(t); e.err != nil || e.status != 200 {
				t.Errorf("ended as %+v", e)
			}
		})
	}
}

// TestSizesOfWhatNobodyReads: a request's body is as large as what came of it.
func TestSizesOfWhatNobodyReads(t *testing.T) {
	f := start(t, Config{}, nil, func(ctx context.Context, in *wasihttp.IncomingRequest, out wasihttp.Responder) error {
		return text(ctx, out, 200, "ok")
	})
	body := strings.Repeat("x", 10_000)
	protocols(t, func(t *testing.T, c *http.Client) {
		for kind, r := range map[string]io.Reader{"length": strings.NewReader(body), "chunks": struct{ io.Reader }{strings.NewReader(body)}} {
			resp, err := c.Post(f.url, "", r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
			if e := f.inv.end(t); e.in != int64(len(body)) || e.err != nil {
				t.Errorf("%s: told as %+v", kind, e)
			}
		}
	})
	t.Run("a part", func(t *testing.T) {
		_, r := raw(t, f, "POST / HTTP/1.1\nHost: h\nContent-Length: 1000\n\nfirst")
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		if e := f.inv.end(t); e.in != 5 || e.err != nil {
			t.Errorf("told as %+v", e)
		}
	})
}

// TestLastChunkOnce: net/http is left out once, and the next answer on the connection is whole.
func TestLastChunkOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := framedListener{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := here.(*framedConn)
	if err := c.endBody(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"0\r\n", "", "\r\nHTTP", "/1.1"} {
		if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	c.Close()
	if got, _ := io.ReadAll(bufio.NewReader(there)); string(got) != lastChunk+"HTTP/1.1" {
		t.Errorf("sent %q", got)
	}
}
