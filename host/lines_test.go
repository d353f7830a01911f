package host

import (
	"fmt"
	"testing"
	"time"

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

// TestDenialsThatAreKeptBack: a denial that a limit keeps back does not count as told.
func TestDenialsThatAreKeptBack(t *testing.T) {
	rec := &recorder{}
	l := NewLines(&workload.Spec{}, &workload.Component{Limits: workload.Limits{OutputLinesPerSecond: 1}}, rec)
	now := time.Now()
	l.rates.now = func() time.Time { return now }
	told := func() (n int) {
		for _, line := range rec.lines {
			if line.Stream == StreamDenied {
				n++
			}
		}
		return n
	}
	deny := func() {
		l.Log(t.Context(), LogLine{Stream: StreamDenied, Severity: SeverityWarn, Text: "http://a is not granted"})
	}
	for told() == 0 && len(rec.lines) < 10 { // uses the second up
		before := len(rec.lines)
		l.Log(t.Context(), LogLine{Stream: "log", Text: "x"})
		if len(rec.lines) == before || rec.lines[len(rec.lines)-1].Stream != "log" {
			break
		}
	}
	deny()
	if told() != 0 {
		t.Fatal("the limit has let it through")
	}
	now = now.Add(time.Minute)
	deny()
	deny()
	if told() != 1 {
		t.Errorf("told %d times: %v", told(), rec.lines)
	}
}
