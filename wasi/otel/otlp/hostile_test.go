package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

// within writes a message as a field of others.
func within(b []byte, nums ...protowire.Number) []byte {
	for _, num := range nums {
		b = protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b)
	}
	return b
}

// nested is an AnyValue of lists in each other.
func nested(deep int) []byte {
	var b []byte
	for range deep {
		b = within(within(b, 1), 5)
	}
	return b
}

// spansOf is a request with n times the same span.
func spansOf(span []byte, n int) []byte {
	return within(bytes.Repeat(within(span, 2), n), 2, 1)
}

// minimal is the smallest span that is valid.
func minimal() []byte {
	b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), sampleTrace[:])
	return protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), sampleSpan[:])
}

// limited takes so many records.
func limited(most int) func(int) error {
	return func(n int) error {
		if n > most {
			return fmt.Errorf("%d records are the limit", most)
		}
		return nil
	}
}

// What a guest sends to harm its host gets an answer, and costs the host no more than a few times the largest body.
func TestHostile(t *testing.T) {
	bomb := zip(t, slices.Repeat([][]byte{bytes.Repeat([]byte{0}, 1<<20)}, 64)...) // 64 MiB in 64 KiB
	wide := bytes.Repeat(within(nil, 9), 1<<20)                                    // a span of a million attributes
	for name, c := range map[string]struct {
		path   string
		enc    encoding
		body   []byte
		gzip   bool
		status int
		check  func(*sink) bool
	}{
		"a gzip bomb":            {"/v1/traces", protobuf, bomb, true, 413, nil},
		"a gzip bomb of JSON":    {"/v1/traces", jsonText, bomb, true, 413, nil},
		"a body too long":        {"/v1/traces", protobuf, make([]byte, MaxBody+1), false, 413, nil},
		"lists 60 deep":          {"/v1/logs", protobuf, within(nested(60), 5, 2, 2, 1), false, 200, func(s *sink) bool { return len(s.logs) == 1 }},
		"lists 10000 deep":       {"/v1/logs", protobuf, within(nested(10_000), 5, 2, 2, 1), false, 400, nil},
		"a million groups deep":  {"/v1/logs", protobuf, bytes.Repeat([]byte{0x0b}, 1<<20), false, 400, nil},
		"JSON lists 10000 deep":  {"/v1/logs", jsonText, []byte(`{"resourceLogs":` + strings.Repeat(`[`, 10_000)), false, 400, nil},
		"JSON 1M deep, unknown":  {"/v1/logs", jsonText, []byte(`{"a":` + strings.Repeat(`[`, 1<<20) + strings.Repeat(`]`, 1<<20) + `}`), false, 200, nil},
		"JSON values 10000 deep": {"/v1/logs", jsonText, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, 10_000)), false, 400, nil},
		"a length of 2^63":       {"/v1/traces", protobuf, append([]byte{10}, protowire.AppendVarint(nil, 1<<63)...), false, 400, nil},
		"2M spans of nothing":    {"/v1/traces", protobuf, spansOf(nil, 2_000_000), false, 200, func(s *sink) bool { return s.n == 1001 }},
		"126000 spans":           {"/v1/traces", protobuf, spansOf(minimal(), 126_000), false, 200, func(s *sink) bool { return s.n == 1001 && len(s.spans) == 1000 }},
		"JSON of 1M records":     {"/v1/logs", jsonText, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}]}]}`), false, 200, func(s *sink) bool { return s.n == 1001 }},
		"a span of 1M attributes": {"/v1/traces", protobuf, spansOf(wide, 1), false, 200, func(s *sink) bool {
			return len(s.spans[0].Attributes) <= maxRecord/partBytes && s.spans[0].DroppedAttributes > 1_000_000
		}},
		"3 MB in one attribute":   {"/v1/traces", protobuf, spansOf(within(within(within(bytes.Repeat([]byte("x"), 3<<20), 1), 2), 9), 1), false, 200, func(s *sink) bool { return len(s.spans[0].Attributes) == 0 && s.spans[0].DroppedAttributes == 1 }},
		"2M points of nothing":    {"/v1/metrics", protobuf, within(bytes.Repeat(within(nil, 1), 2_000_000), 5, 2, 2, 1), false, 200, func(s *sink) bool { return s.metrics[0].Points() == 0 }},
		"a resource in 1M scopes": {"/v1/traces", protobuf, within(append(within(bytes.Repeat(within(nil, 1), 5000), 1), bytes.Repeat(within(within(nil, 2), 2), 500_000)...), 1), false, 200, func(s *sink) bool { return s.n == 1001 }},
	} {
		t.Run(name, func(t *testing.T) {
			to := newSink()
			to.answer = limited(1000)
			var before, after runtime.MemStats
			var header []string
			if c.gzip {
				header = []string{"Content-Encoding", "gzip"}
			}
			runtime.ReadMemStats(&before)
			start := time.Now()
			w := post(t, New(to), c.path, c.enc, c.body, header...)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes: %d, %.120q, %d records looked at; %v, %d KiB allocated", len(c.body), w.Code, w.Body, to.n, took.Round(time.Millisecond), allocated>>10)
			if w.Code != c.status || c.check != nil && !c.check(to) {
				t.Errorf("%d, want %d", w.Code, c.status)
			}
			if allocated > 200<<20 {
				t.Errorf("%d MiB allocated", allocated>>20)
			}
		})
	}
}

// Requests share what a component's bodies may hold: one more is asked to come back, and when those before have ended it is taken.
func TestHeldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(newSink())
		var ends []func()
		for range maxHeld / MaxBody {
			r, w := io.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.Server(context.Background()).ServeHTTP(httptest.NewRecorder(), request(r))
			}()
			if _, err := w.Write(make([]byte, MaxBody-1)); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, func() {
				_ = w.Close()
				<-done
			})
		}
		body := otlptest.Samples(t)[0].Protobuf
		w := httptest.NewRecorder()
		c.Server(context.Background()).ServeHTTP(w, request(bytes.NewReader(body)))
		if w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %q", w.Code, w.Body)
		}
		for _, end := range ends {
			end()
		}
		if w := post(t, c, "/v1/traces", protobuf, body); w.Code != 200 {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}

func request(body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, Endpoint+"/v1/traces", body)
	r.Header.Set("Content-Type", string(protobuf))
	return r
}

// A body that comes slowly holds what has come of it, and keeps nobody waiting.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(newSink())
		r, w := io.Pipe()
		got := make(chan int)
		go func() {
			rec := httptest.NewRecorder()
			c.Server(context.Background()).ServeHTTP(rec, request(r))
			got <- rec.Code
		}()
		for range 10 {
			_, _ = w.Write([]byte{0x7a, 0})
			time.Sleep(time.Hour)
		}
		if held := c.held.Load(); held > 16<<10 {
			t.Errorf("%d bytes are held for 20", held)
		}
		other := httptest.NewRecorder()
		c.Server(context.Background()).ServeHTTP(other, request(http.NoBody))
		if other.Code != 200 {
			t.Error(other.Code)
		}
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
		if code := <-got; code != 400 {
			t.Error(code)
		}
	})
}

// fuzz posts a body in each way, and wants an answer that is one of the protocol's.
func fuzz(t *testing.T, enc encoding, body []byte) {
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} { // in the same order each time, as fuzzing wants it
		to := newSink()
		w := post(t, New(to), path, enc, body)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
		if w.Code != 200 && to.n != 0 {
			t.Errorf("%s: %d, but %d records are taken", path, w.Code, to.n)
		}
		for _, s := range to.spans {
			_ = s.Size()
		}
		for _, r := range to.logs {
			_ = r.Size()
		}
		for _, m := range to.metrics {
			_ = m.Size()
		}
	}
}

func FuzzProtobuf(f *testing.F) {
	for _, s := range otlptest.Samples(f) {
		f.Add(s.Protobuf)
	}
	f.Add(nested(100))
	f.Add(spansOf(minimal(), 3))
	f.Fuzz(func(t *testing.T, body []byte) { fuzz(t, protobuf, body) })
}

func FuzzJSON(f *testing.F) {
	for _, s := range otlptest.Samples(f) {
		f.Add(s.JSON)
	}
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"arrayValue":{"values":[{"intValue":"1"}]}}}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) { fuzz(t, jsonText, body) })
}

// A gzipped body of any bytes.
func FuzzGzip(f *testing.F) {
	f.Add(zip(f, otlptest.Samples(f)[0].Protobuf))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := post(t, New(newSink()), "/v1/traces", protobuf, body, "Content-Encoding", "gzip")
		if w.Code != 200 && w.Code != 400 && w.Code != 413 {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}

var _ otel.Importer = (*sink)(nil)
