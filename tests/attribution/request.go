package attribution

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// request is one request of a load: what it asks for, and what came of it.
type request struct {
	n      int
	kind   string // requests of a kind cause the same spans and lines
	method string
	path   string
	body   string
	pieces int    // in which the body is sent, with pauses; 0: at once
	stalls bool   // the body never ends
	want   string // the body of the answer; empty: any
	fetch  bool   // the guest sends a request to the upstream's /rN
	leaves bool   // the client leaves early

	ended  time.Time
	status int
	err    error  // of the exchange or its body
	seen   string // of an answer with another status than 200: all of it, and its connection
}

const parentSpan = "b7ad6b7169203331"

// traceID is that of the n'th request of a load.
func traceID(load uint64, n int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], load)
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

// makers are the requests that a guest can answer; the first waits, calls the host, writes lines and sends a request, as far as the guest
// can. Others are there to be in its way.
func makers(guest string, up *upstream) []func(n int) request {
	echo := func(n int) request {
		body := strings.Repeat("x", n*331%20000+1)
		return request{kind: "echo", method: "POST", path: "/echo", body: body, want: body}
	}
	upstreamPath := func(n int) string { return fmt.Sprintf("%s/r%d", up.addr, n) }
	switch guest {
	case "rust-http-p3":
		mix := func(n int) request {
			return request{kind: "mix", fetch: true, want: answer(fmt.Sprintf("/r%d", n)) + "\n",
				path: fmt.Sprintf("/mix?n=%d&ms=%d&url=%s", n, n*13%9, url.QueryEscape("http://"+upstreamPath(n)))}
		}
		return []func(int) request{mix, mix, mix, echo,
			func(n int) request {
				return request{kind: "chunks", path: fmt.Sprintf("/chunks?n=3&ms=%d", 1+n*5%11), want: "chunk 0\nchunk 1\nchunk 2\n"}
			},
			func(n int) request { return request{kind: "join", path: fmt.Sprintf("/join?n=4&ms=%d", n*3%17)} },
			func(n int) request { return request{kind: "head", method: "HEAD", path: "/hello"} }}
	case "go126-http-async-p3":
		mix := func(n int) request {
			return request{kind: "mix", fetch: true, want: answer(fmt.Sprintf("/r%d", n)) + "\n", path: fmt.Sprintf("/mix/%d/%d/%s", n, n*13%9, upstreamPath(n))}
		}
		return []func(int) request{mix, mix, mix, echo, func(n int) request {
			return request{kind: "sleep", path: fmt.Sprintf("/sleep/%d", n*7%19), want: fmt.Sprintf("slept %d ms\n", n*7%19)}
		}}
	case "c-http-p3":
		return []func(int) request{func(n int) request {
			return request{kind: "fetch", fetch: true, want: answer(fmt.Sprintf("/r%d", n)) + "\n", path: "/fetch/" + upstreamPath(n)}
		}, echo}
	default: // QuickJS cannot be built with imports that are asynchronous: it waits for its client only
		mix := func(n int) request {
			return request{kind: "mix", method: "POST", path: fmt.Sprintf("/mix/%d", n), body: strings.Repeat("piece", 3+n%5), pieces: 2 + n%3, want: fmt.Sprintf("mix %d\n", n)}
		}
		return []func(int) request{mix, mix, mix, echo, func(n int) request {
			return request{kind: "page", path: fmt.Sprintf("/page-%d", n), want: fmt.Sprintf("hello p3 get /page-%d\nsecond chunk\n", n)}
		}}
	}
}

// trap is a request that traps its instance.
func trap(guest string) request {
	if guest == "c-http-p3" {
		return request{kind: "trap", path: "/fail"}
	}
	return request{kind: "trap", path: "/trap"}
}

// late is a request that reaches its deadline.
func late(guest string) request {
	switch guest {
	case "rust-http-p3":
		return request{kind: "late", path: "/sleep?ms=600000"}
	case "go126-http-async-p3":
		return request{kind: "late", path: "/sleep/600000"}
	case "c-http-p3":
		return request{kind: "late", path: "/echo", method: "POST", body: "x", stalls: true}
	}
	return request{kind: "late", path: "/mix/late", method: "POST", body: "x", stalls: true}
}

// send sends it in a trace of its own.
func (r *request) send(client *http.Client, base string, id [16]byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var body io.Reader = http.NoBody
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	if r.pieces > 0 || r.stalls {
		body = r.pieced(ctx)
	}
	var by carried
	defer by.over(r)
	req, err := http.NewRequestWithContext(by.follow(ctx), r.method, base+r.path, body)
	if err != nil {
		r.err = err
		return
	}
	req.Header.Set("traceparent", fmt.Sprintf("00-%x-%s-01", id, parentSpan))
	if r.leaves {
		defer time.AfterFunc(time.Duration(r.n%9)*time.Millisecond, cancel).Stop()
	}
	resp, err := client.Do(req)
	if err != nil {
		r.err = err
		return
	}
	defer resp.Body.Close()
	r.status = resp.StatusCode
	got, err := io.ReadAll(resp.Body)
	r.err = err
	if r.status != 200 {
		r.seen = by.evidence(resp, got)
	}
	if err == nil && r.status == 200 && r.want != "" && string(got) != r.want {
		r.err = fmt.Errorf("the answer is another one's: %.80q, want %.80q", got, r.want)
		r.status = -1
	}
}

// pieced is the body in pieces with pauses.
func (r *request) pieced(ctx context.Context) io.Reader {
	in, out := io.Pipe()
	go func() {
		size := len(r.body)/max(r.pieces, 1) + 1
		for at := 0; at < len(r.body); at += size {
			if _, err := io.WriteString(out, r.body[at:min(at+size, len(r.body))]); err != nil {
				return
			}
			time.Sleep(time.Duration((r.n+at)*3%7) * time.Millisecond)
		}
		if r.stalls {
			<-ctx.Done()
		}
		_ = out.CloseWithError(ctx.Err())
	}()
	return in
}
