package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/leak"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// sink keeps what it is told, and answers as told.
type sink struct {
	otel.Sink
	spans   []*otel.Span
	logs    []*otel.LogRecord
	metrics []*otel.ResourceMetrics
	detach  int
	answer  func(n int) error // of the n-th record; nil takes all
	n       int
}

type taskKey struct{}

func newSink() *sink { return &sink{Sink: otel.Discard} }

func (s *sink) Detach(ctx context.Context) context.Context {
	s.detach++
	return context.WithValue(ctx, taskKey{}, "task")
}

func (s *sink) next(ctx context.Context) error {
	if ctx.Value(taskKey{}) != "task" {
		panic("a record comes without its task")
	}
	s.n++
	if s.answer == nil {
		return nil
	}
	return s.answer(s.n)
}

func (s *sink) ImportSpan(ctx context.Context, x *otel.Span) error {
	err := s.next(ctx)
	if err == nil {
		s.spans = append(s.spans, x)
	}
	return err
}

func (s *sink) ImportLog(ctx context.Context, r *otel.LogRecord) error {
	err := s.next(ctx)
	if err == nil {
		s.logs = append(s.logs, r)
	}
	return err
}

func (s *sink) ImportMetrics(ctx context.Context, m *otel.ResourceMetrics) (int, error) {
	if err := s.next(ctx); err != nil {
		return m.Points(), err
	}
	s.metrics = append(s.metrics, m)
	return 0, nil
}

// post sends a body to a collector.
func post(t testing.TB, c *Collector, path string, enc encoding, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, Endpoint+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", string(enc))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.Server(context.Background()).ServeHTTP(w, r)
	if held := c.held.Load(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
	return w
}

func zip(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		if _, err := z.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
