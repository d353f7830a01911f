package viewmcp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
)

// answers is a viewer that has an answer for each path.
func answers(all map[string]string) *viewer {
	return &viewer{func(_ context.Context, path string, _ url.Values) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(all[path])), nil
	}}
}

// TestTimesOfTrace: spans of any time, also before 1970 or without an end, are shown.
func TestTimesOfTrace(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	v := answers(map[string]string{"/api/v1/traces/" + id: `{"resourceSpans":[{"scopeSpans":[{"spans":[
		{"spanId":"a","name":"a","startTimeUnixNano":"1000000","endTimeUnixNano":"3000000","events":[{"name":"e","timeUnixNano":"2000000"}]},
		{"spanId":"b","name":"b","startTimeUnixNano":"18131000000000000000","endTimeUnixNano":"18446744073709551615"},
		{"spanId":"c","name":"c","startTimeUnixNano":"2000000"}]}]}]}`})
	got, err := v.getTrace(t.Context(), wholeTrace{Trace: id})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Spans []shown }
	if err := json.Unmarshal(b, &out); err != nil || len(out.Spans) != 3 {
		t.Fatalf("%v: %s", err, b)
	}
	if a := out.Spans[0]; a.Name != "a" || a.Duration != "2ms" || len(a.Events) != 1 || a.Events[0] != "1ms e" {
		t.Errorf("%+v", a)
	}
	if c := out.Spans[1]; c.Name != "c" || c.Duration != "0s" {
		t.Errorf("%+v", c)
	}
}

// TestAnswersFit: the tools that cannot be asked for less answer within the bound, however much there is.
func TestAnswersFit(t *testing.T) {
	var attributes, lines, traffic []string
	for i := range maxAttributes {
		attributes = append(attributes, fmt.Sprintf(`"k%d":%q`, i, strings.Repeat("v", 200)))
	}
	for range defaultItem {
		lines = append(lines, fmt.Sprintf(`{"time":"1","severity":17,"body":"no cart","attributes":{%s}}`, strings.Join(attributes, ",")))
	}
	for i := range maxItems {
		traffic = append(traffic, fmt.Sprintf(`{"to":"%d%s"}`, i, strings.Repeat("t", 290)))
	}
	v := answers(map[string]string{
		"/api/v1/traces": `{}`, "/api/v1/logs": `{"logs":[` + strings.Join(lines, ",") + `]}`,
		"/api/v1/components": `{"workloads":[{"id":"shop"}],"traffic":[` + strings.Join(traffic, ",") + `]}`,
	})
	failures, err := v.errors(t.Context(), lately{})
	if err != nil {
		t.Fatal(err)
	}
	if n := size(failures); n > maxAnswer || n < 500 {
		t.Errorf("errors answers with %d bytes", n)
	}
	all, err := v.components(t.Context(), none{})
	if err != nil {
		t.Fatal(err)
	}
	if n := size(all); n > maxAnswer || n < maxAnswer/4 {
		t.Errorf("components answers with %d bytes", n)
	}
	if m := all.(map[string]any); m["lists_are_cut_to"] == nil || len(m["workloads"].([]any)) != 1 {
		t.Errorf("components answers with %v", m["lists_are_cut_to"])
	}
}
