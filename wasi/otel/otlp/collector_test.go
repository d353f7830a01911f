package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

func TestStatus(t *testing.T) {
	good := []byte(`{}`)
	for name, c := range map[string]struct {
		method, path, kind, coding string
		body                       []byte
		status                     int
		header                     [2]string
	}{
		"json":                 {kind: "application/json", body: good, status: 200},
		"json with a charset":  {kind: "Application/JSON; charset=utf-8", body: good, status: 200},
		"an empty protobuf":    {kind: "application/x-protobuf", status: 200},
		"identity":             {kind: "application/json", coding: "identity", body: good, status: 200},
		"gzip, in capitals":    {kind: "application/json", coding: "GZIP", body: zip(t, good), status: 200},
		"no path":              {path: "/", kind: "application/json", body: good, status: 404},
		"a path below":         {path: "/v1/traces/x", kind: "application/json", body: good, status: 404},
		"profiles":             {path: "/v1development/profiles", kind: "application/json", body: good, status: 404},
		"get":                  {method: "GET", kind: "application/json", status: 405, header: [2]string{"Allow", "POST"}},
		"put":                  {method: "PUT", kind: "application/json", body: good, status: 405, header: [2]string{"Allow", "POST"}},
		"no content type":      {body: good, status: 415},
		"text":                 {kind: "text/plain", body: good, status: 415},
		"grpc":                 {kind: "application/grpc", body: good, status: 415},
		"deflate":              {kind: "application/json", coding: "deflate", body: good, status: 415},
		"gzip twice":           {kind: "application/json", coding: "gzip, gzip", body: zip(t, zip(t, good)), status: 415},
		"gzip that is none":    {kind: "application/json", coding: "gzip", body: good, status: 400},
		"gzip that is cut":     {kind: "application/json", coding: "gzip", body: zip(t, good)[:12], status: 400},
		"json as protobuf":     {kind: "application/x-protobuf", body: []byte(`{"a":1}`), status: 400},
		"protobuf as json":     {kind: "application/json", body: []byte{10, 0}, status: 400},
		"a length too far":     {kind: "application/x-protobuf", body: []byte{10, 5, 0}, status: 400},
		"a tag of no field":    {kind: "application/x-protobuf", body: []byte{0, 0}, status: 400},
		"an endless varint":    {kind: "application/x-protobuf", body: bytes.Repeat([]byte{0xff}, 20), status: 400},
		"an end without group": {kind: "application/x-protobuf", body: []byte{0x0c}, status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.path == "" {
				c.path = "/v1/logs"
			}
			r := httptest.NewRequest(c.method, Endpoint+c.path, bytes.NewReader(c.body))
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			if c.coding != "" {
				r.Header.Set("Content-Encoding", c.coding)
			}
			w := httptest.NewRecorder()
			New(newSink()).Server(context.Background()).ServeHTTP(w, r)
			if w.Code != c.status || c.header[0] != "" && w.Header().Get(c.header[0]) != c.header[1] {
				t.Errorf("%d %v %q, want %d", w.Code, w.Header(), w.Body, c.status)
			}
		})
	}
}

// partial reads an answer with partial success by the published message.
func partial(t *testing.T, s otlptest.Sample, enc encoding, body []byte) (rejected int64, message string) {
	t.Helper()
	m := proto.Clone(s.Response)
	var err error
	if enc == jsonText {
		err = protojson.Unmarshal(body, m)
	} else {
		err = proto.Unmarshal(body, m)
	}
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	r := m.ProtoReflect()
	p := r.Get(r.Descriptor().Fields().ByNumber(1)).Message()
	return p.Get(p.Descriptor().Fields().ByNumber(1)).Int(), p.Get(p.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(2))).String()
}

// Records that are not valid are counted, and others are taken; after a limit nothing is looked at.
func TestPartialSuccess(t *testing.T) {
	invalid := fmt.Errorf("%w: told to be", otel.ErrInvalid)
	limit := errors.New("the limit is reached")
	busy := fmt.Errorf("%w: the queue is full", otel.ErrBusy)
	answers := func(errs ...error) func(int) error {
		return func(n int) error {
			if n > len(errs) {
				return nil
			}
			return errs[n-1]
		}
	}
	for _, s := range otlptest.Samples(t) {
		records, first := int64(2), int64(1)
		if s.Path == "/v1/metrics" {
			records, first = 5, 5 // points of one export
		}
		for name, c := range map[string]struct {
			answer   func(int) error
			rejected int64
			asked    int
			message  string
			status   int
		}{
			"the first is invalid":  {answers(invalid), first, 2, "told to be", 200},
			"the second is invalid": {answers(nil, invalid), records - first, 2, "told to be", 200},
			"both are":              {answers(invalid, errors.Join(otel.ErrInvalid, errors.New("second"))), records, 2, "told to be", 200},
			"a limit at once":       {answers(limit), records, 1, "the limit is reached", 200},
			"a limit then":          {answers(nil, limit), records - first, 2, "the limit is reached", 200},
			"full at once":          {answers(busy), 0, 1, "the queue is full", 429},
			"full then":             {answers(nil, busy), records - first, 2, "the queue is full", 200},
		} {
			for enc, body := range map[encoding][]byte{protobuf: s.Protobuf, jsonText: s.JSON} {
				t.Run(strings.Join([]string{s.Path, name, string(enc)}, ", "), func(t *testing.T) {
					if s.Path == "/v1/metrics" {
						c.asked = 1
						if c.rejected == 0 && c.status == 200 {
							c.message = ""
						}
					}
					to := newSink()
					to.answer = c.answer
					w := post(t, New(to), s.Path, enc, body)
					if w.Code != c.status || to.n != c.asked || w.Header().Get("Content-Type") != string(enc) {
						t.Fatalf("%d %v %q, %d records looked at", w.Code, w.Header(), w.Body, to.n)
					}
					if c.status == 429 {
						if w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), c.message) {
							t.Fatalf("%v %q", w.Header(), w.Body)
						}
						return
					}
					if rejected, message := partial(t, s, enc, w.Body.Bytes()); rejected != c.rejected || !strings.Contains(message, c.message) {
						t.Errorf("%d rejected, %q; want %d, %q", rejected, message, c.rejected, c.message)
					}
				})
			}
		}
	}
}

// A refusal is a google.rpc.Status in the request's encoding.
func TestRefusal(t *testing.T) {
	w := post(t, New(newSink()), "/v1/traces", jsonText, []byte(`{`))
	var status struct {
		Code    int
		Message string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || w.Code != 400 || status.Code != 3 || !strings.Contains(status.Message, "json") {
		t.Errorf("%d %q %v", w.Code, w.Body, err)
	}
	w = post(t, New(newSink()), "/v1/traces", protobuf, []byte{10})
	b := w.Body.Bytes()
	num, typ, n := protowire.ConsumeTag(b)
	code, k := protowire.ConsumeVarint(b[n:])
	num2, _, n2 := protowire.ConsumeTag(b[n+k:])
	text, k2 := protowire.ConsumeString(b[n+k+n2:])
	if w.Code != 400 || num != 1 || typ != protowire.VarintType || code != 3 || num2 != 2 || k2 < 0 || !strings.Contains(text, "protobuf") {
		t.Errorf("%d %x", w.Code, b)
	}
}

// What is wrong with metrics is said by the points that it is about.
func TestMetricsPartly(t *testing.T) {
	point := `{"asInt":"1","timeUnixNano":"1"}`
	for name, c := range map[string]struct {
		metric          string
		rejected, taken int
		why             string
	}{
		"a summary":          {`"summary":{"dataPoints":[{},{}]}`, 2, 0, "summaries"},
		"no data":            {`"description":"x"`, 0, 0, "no data"},
		"a point of nothing": {`"gauge":{"dataPoints":[{},` + point + `]}`, 1, 1, "no value"},
		"a stale point":      {`"sum":{"dataPoints":[{"asInt":1,"flags":1},` + point + `]}`, 1, 1, "no value"},
		"a scale":            {`"exponentialHistogram":{"dataPoints":[{"scale":200}]}`, 1, 0, "scale"},
	} {
		t.Run(name, func(t *testing.T) {
			to := newSink()
			w := post(t, New(to), "/v1/metrics", jsonText, []byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m",`+c.metric+`}]}]}]}`))
			rejected, why := partial(t, otlptest.Samples(t)[1], jsonText, w.Body.Bytes())
			if w.Code != 200 || rejected != int64(c.rejected) || to.metrics[0].Points() != c.taken || !strings.Contains(why, c.why) {
				t.Errorf("%d %q, %d points taken", w.Code, w.Body, to.metrics[0].Points())
			}
		})
	}
}

// A sink that cannot say what became of records takes all.
func TestPlainSink(t *testing.T) {
	to := &plain{Sink: otel.Discard}
	for _, s := range otlptest.Samples(t) {
		if w := post(t, New(to), s.Path, protobuf, s.Protobuf); w.Code != 200 {
			t.Errorf("%s: %d %q", s.Path, w.Code, w.Body)
		}
	}
	if to.spans != 2 || to.logs != 2 || to.exports != 1 {
		t.Errorf("%+v", to)
	}
}

type plain struct {
	otel.Sink
	spans, logs, exports int
}

func (p *plain) EndSpan(context.Context, *otel.Span)      { p.spans++ }
func (p *plain) EmitLog(context.Context, *otel.LogRecord) { p.logs++ }
func (p *plain) ExportMetrics(context.Context, *otel.ResourceMetrics) error {
	p.exports++
	return nil
}
