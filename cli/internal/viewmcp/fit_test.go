package viewmcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestFailuresStay: of a trace that does not fit an answer, the spans that failed are in it, however late, deep or many others are.
func TestFailuresStay(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	long := strings.Repeat("v", 300)
	for name, c := range map[string]struct {
		spans func() (all []string, failed int)
	}{
		"late among many with long attributes": {func() (all []string, failed int) {
			for i := range 190 {
				var attributes []string
				for k := range maxAttributes {
					attributes = append(attributes, fmt.Sprintf(`{"key":"k%d","value":{"stringValue":%q}}`, k, long))
				}
				code := 0
				if i > 185 {
					code = 2
					failed++
				}
				all = append(all, fmt.Sprintf(`{"spanId":"%d","name":%q,"startTimeUnixNano":"%d","status":{"code":%d,"message":%q},"attributes":[%s]}`, i, long, i+1, code, long, strings.Join(attributes, ",")))
			}
			return all, failed
		}},
		"deeper than an answer": {func() (all []string, failed int) {
			for i := range 500 {
				code := 0
				if i == 499 {
					code = 2
				}
				all = append(all, fmt.Sprintf(`{"spanId":"%d","parentSpanId":"%d","name":"n","startTimeUnixNano":"%d","status":{"code":%d}}`, i, i-1, i+1, code))
			}
			return all, 1
		}},
	} {
		t.Run(name, func(t *testing.T) {
			spans, failed := c.spans()
			v := answers(map[string]string{"/api/v1/traces/" + id: `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`})
			got, err := v.getTrace(t.Context(), wholeTrace{Trace: id, Spans: maxItems})
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var out struct {
				Spans   []shown
				Omitted int `json:"omitted_spans"`
			}
			if err := json.Unmarshal(b, &out); err != nil || len(b) > maxAnswer || len(out.Spans)+out.Omitted != len(spans) {
				t.Fatalf("%v, %d bytes, %d spans and %d omitted of %d", err, len(b), len(out.Spans), out.Omitted, len(spans))
			}
			for _, s := range out.Spans {
				if s.Failed != "" {
					failed--
				}
			}
			if failed != 0 {
				t.Errorf("%d spans that failed are missing", failed)
			}
		})
	}
}
