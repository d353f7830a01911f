package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// visitor has the common state of the visits.
type visitor struct {
	base   string // URL of the server
	host   string // its host and port
	client *http.Client
	serial atomic.Int64

	mu   sync.Mutex
	seen map[string]bool // random values of guests, which must not repeat
}

// visit is one kind of request; do makes one and returns an error if the response is wrong.
type visit struct {
	name   string
	weight int
	do     func(v *visitor) error
}

var body16K = []byte(strings.Repeat(`{"key":"value"},`, 1024))

// roundTrip sends a request and returns the response and its whole body.
func (v *visitor) roundTrip(path string, body []byte) (*http.Response, []byte, error) {
	method, from := http.MethodGet, io.Reader(nil)
	if body != nil {
		method, from = http.MethodPost, bytes.NewReader(body)
	}
	req, err := http.NewRequest(method, v.base+path, from)
	if err != nil {
		return nil, nil, err
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, got, err
}

// wantText sends a request and compares status and body.
func (v *visitor) wantText(path string, body []byte, status int, want []byte) error {
	resp, got, err := v.roundTrip(path, body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != status:
		return fmt.Errorf("status %d with %.80q, want %d", resp.StatusCode, got, status)
	case !bytes.Equal(got, want):
		return fmt.Errorf("%d bytes %.80q, want %d bytes %.80q", len(got), got, len(want), want)
	}
	return nil
}

// text is a visit to a fixed path with a fixed response.
func text(name string, weight int, path string, status int, want string) visit {
	return visit{name, weight, func(v *visitor) error { return v.wantText(path, nil, status, []byte(want)) }}
}

// matching is a visit whose response matches a pattern.
func matching(name string, weight int, path, pattern string) visit {
	re := regexp.MustCompile("^(?s:" + pattern + ")$")
	return visit{name, weight, func(v *visitor) error {
		resp, got, err := v.roundTrip(path, nil)
		if err == nil && (resp.StatusCode != http.StatusOK || !re.Match(got)) {
			err = fmt.Errorf("status %d with %.80q, want 200 with %s", resp.StatusCode, got, pattern)
		}
		return err
	}}
}

// posted is a visit with a body.
func posted(name string, weight int, path string, body []byte, want string) visit {
	return visit{name, weight, func(v *visitor) error { return v.wantText(path, body, http.StatusOK, []byte(want)) }}
}

// numbered is a visit with a unique number, which replaces %d in path and response.
func numbered(name string, weight int, path, want string) visit {
	return visit{name, weight, func(v *visitor) error {
		n := fmt.Sprint(v.serial.Add(1))
		return v.wantText(strings.ReplaceAll(path, "%d", n), nil, http.StatusOK, []byte(strings.ReplaceAll(want, "%d", n)))
	}}
}

// visits are those of a well-behaved client. The weights make cheap ones frequent.
var visits = []visit{
	text("rust hello", 14, "/hello", 200, "hello from rust-http-full-p2\n"),
	numbered("rust small", 10, "/small/%d", "hello rust p2 Method::Get /small/%d\n"),
	numbered("go", 8, "/go/%d", "hello from go1.26.8 /go/%d\n"),
	numbered("go snapshot", 8, "/gosnapshot/%d", "hello from go1.26.8 /gosnapshot/%d\n"),
	numbered("go at another path", 3, "/hello-go/%d", "hello from go1.26.8 /hello-go/%d\n"),
	posted("go echo 16K", 4, "/echo", body16K, string(body16K)),
	numbered("js", 6, "/js/%d", "hello qjs p2 get /js/%d\n"),
	numbered("js snapshot", 4, "/jssnapshot/%d", "hello qjs p2 get /jssnapshot/%d\n"),
	posted("rust copy 16K", 5, "/copy", body16K, string(body16K)),
	posted("rust count", 5, "/count", []byte("hello"), "bytes=5 sum=05e918d2 trailers=0\n"),
	text("rust 1 MB", 2, "/chunks?n=16&ms=0&size=65536", 200, string(mega)),
	text("rust slow stream", 1, "/chunks?n=5&ms=10", 200, "chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n"),
	text("rust status", 2, "/status?code=418", 418, ""),
	text("rust no route", 1, "/nowhere", 404, "no route /nowhere\n"),
	text("rust first call", 4, "/calls", 200, "1\n"),
	// Components are told of the host's collector where telemetry is exported, as it is by the server of the load.
	matching("rust env", 2, "/env", `\[\("GREETING", "hi"\)(, \("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel\.vitrine\.internal"\), \("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"\), `+
		`\("OTEL_RESOURCE_ATTRIBUTES", "service\.instance\.id=[0-9a-f-]{36},service\.namespace=bench"\), \("OTEL_SERVICE_NAME", "rust"\))?\]\n`),
	text("rust log", 2, "/log", 200, "logged\n"),
	matching("rust time", 1, "/time", `\d{10}\.\d{9}\n`),
	matching("rust timers", 1, "/join?n=20&ms=10", `20 timers in \d+ ms\n`),
	matching("otel context", 2, "/context", "trace=0af7651916cd43dd8448eb211c80319c span=b7ad6b7169203331 .*\n"),
	text("otel metrics", 1, "/metrics", 200, "12 metrics\n"),
	text("otel logs", 1, "/logs", 200, "3 records\n"),
	text("shop composed", 3, "/total?items=3", 200, "total 6.00\n"),
	text("shop linked", 3, "/basket?add=item-2:3,item-5:1", 200, "item-2 x3 = 600\nitem-5 x1 = 500\ntotal 1100\n"),
	text("shop sold out", 1, "/basket?add=item-0:1", 409, "ada: item-0 is sold out\n"),
	text("config", 1, "/config?key=greeting", 200, "hi\n"),
	{"rust trailers", 2, (*visitor).trailers},
	{"rust random", 4, (*visitor).random},
	{"rust fetch go", 2, (*visitor).fetch},
	{"rust proxy go", 2, (*visitor).proxy},
	{"js fetch rust", 2, (*visitor).jsFetch},
	{"key value", 3, (*visitor).keyValue},
	{"blob", 1, (*visitor).blob},
}

func (v *visitor) trailers() error {
	resp, got, err := v.roundTrip("/trailers", nil)
	if err == nil && (string(got) != "body then trailers\n" || resp.Trailer.Get("X-N") != "1") {
		err = fmt.Errorf("%q with trailers %v", got, resp.Trailer)
	}
	return err
}

var hex16 = regexp.MustCompile(`^[0-9a-f]{16}\n$`)

func (v *visitor) random() error {
	_, got, err := v.roundTrip("/random", nil)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !hex16.Match(got) || v.seen[string(got)] {
		return fmt.Errorf("%q is no random number, or one that was drawn before", got)
	}
	v.seen[string(got)] = true
	return nil
}

func (v *visitor) fetch() error {
	n := v.serial.Add(1)
	return v.wantText("/fetch?url="+url.QueryEscape(fmt.Sprintf("%s/go/%d", v.base, n)), nil, http.StatusOK, fmt.Appendf(nil, "hello from go1.26.8 /go/%d\n", n))
}

func (v *visitor) proxy() error {
	body := body16K[:rand.IntN(len(body16K))]
	return v.wantText("/proxy?url="+url.QueryEscape(v.base+"/echo"), body, http.StatusOK, body)
}

func (v *visitor) jsFetch() error {
	return v.wantText("/fetch/"+v.host+"/hello", nil, http.StatusOK, []byte("hello from rust-http-full-p2\n"))
}

// keyValue writes a new key, reads it, increments another, and deletes both, so that the store stays small.
func (v *visitor) keyValue() error {
	n := v.serial.Add(1)
	for _, step := range []struct{ path, body, want string }{
		{"/kv/set?key=k%d", "value", "set k%d 5 bytes\n"}, {"/kv/get?key=k%d", "", "value\n"}, {"/kv/incr?key=n%d&by=2", "", "2\n"},
		{"/kv/incr?key=n%d", "", "3\n"}, {"/kv/delete?key=n%d", "", "deleted n%d\n"}, {"/kv/delete?key=k%d", "", "deleted k%d\n"}, {"/kv/get?key=k%d", "", "none\n"},
	} {
		var body []byte
		if step.body != "" {
			body = []byte(step.body)
		}
		want := strings.ReplaceAll(step.want, "%d", fmt.Sprint(n))
		if err := v.wantText(strings.ReplaceAll(step.path, "%d", fmt.Sprint(n)), body, http.StatusOK, []byte(want)); err != nil {
			return fmt.Errorf("%s: %w", step.path, err)
		}
	}
	return nil
}

func (v *visitor) blob() error {
	name := fmt.Sprintf("o%d", v.serial.Add(1))
	at := "?container=box&name=" + name
	if err := v.wantText("/blob/put"+at, []byte("a blob"), http.StatusOK, []byte("put box/"+name+" 6 bytes\n")); err != nil {
		return err
	}
	if err := v.wantText("/blob/get"+at, nil, http.StatusOK, []byte("size 6: a blob\n")); err != nil {
		return err
	}
	return v.wantText("/blob/delete"+at, nil, http.StatusOK, []byte("deleted box/"+name+"\n"))
}
