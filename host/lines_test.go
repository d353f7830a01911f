package host

import (
	"fmt"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TestDenialsOnce: a denial is a line once for each destination, and a guest that tries many is bounded.
func TestDenialsOnce(t *testing.T) {
	rec := &recorder{}
	l := NewLines(&workload.Spec{}, &workload.Component{}, rec)
	for range 3 {
		for _, to := range []string{"http://a", "http://b"} {
			l.Log(t.Context(), LogLine{Stream: StreamDenied, Severity: SeverityWarn, Text: to + " is not granted"})
		}
		l.Log(t.Context(), LogLine{Stream: "log", Text: "again"})
	}
	if n := len(rec.lines); n != 2+3 {
		t.Errorf("%d lines: %v", n, rec.lines)
	}
	for i := range 3 * maxDenials {
		l.Log(t.Context(), LogLine{Stream: StreamDenied, Text: fmt.Sprint(i)})
	}
	if n := len(rec.lines); n > 5+maxDenials {
		t.Errorf("%d lines", n)
	}
}
