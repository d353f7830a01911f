package logging

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/logging/bindings"
	"github.com/vitrine-wasm/vitrine/workload"
)

// sink keeps lines and their contexts.
type sink struct {
	lines []host.LogLine
	ctxs  []context.Context
}

func (s *sink) Log(ctx context.Context, l host.LogLine) {
	s.lines, s.ctxs = append(s.lines, l), append(s.ctxs, ctx)
}

func newLogger() (*logger, *sink) {
	s := &sink{}
	return &logger{host.NewLines(&workload.Spec{Name: "shop"}, &workload.Component{Name: "cart"}, s)}, s
}

func TestSeverities(t *testing.T) {
	l, s := newLogger()
	want := []host.Severity{
		host.SeverityTrace, host.SeverityDebug, host.SeverityInfo, host.SeverityWarn, host.SeverityError, host.SeverityFatal,
	}
	for level := bindings.LevelTrace; level <= bindings.LevelCritical; level++ {
		if err := l.Log(t.Context(), level, "db", "hello"); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.lines) != len(want) {
		t.Fatalf("%d lines, wanted %d", len(s.lines), len(want))
	}
	for i, got := range s.lines {
		w := host.LogLine{Workload: "shop", Component: "cart", Stream: "log", Severity: want[i], Context: "db", Text: "hello"}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: got %+v, wanted %+v", bindings.Level(i), got, w)
		}
	}
}

func TestMessages(t *testing.T) {
	long := strings.Repeat("x", host.MaxLine)
	for _, c := range []struct {
		name, message, want string
		truncated           bool
	}{
		{"empty", "", "", false},
		{"line ends", "a\r\n\n", "a", false},
		{"lines within", "a\nb\n", "a\nb", false},
		{"just fits", long + "\n", long, false},
		{"too long", long + "y", long, true},
		{"no half of a character", long[1:] + "ä" + long, long[1:], true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, s := newLogger()
			if err := l.Log(t.Context(), bindings.LevelInfo, "", c.message); err != nil {
				t.Fatal(err)
			}
			if len(s.lines) != 1 || s.lines[0].Text != c.want || s.lines[0].Truncated != c.truncated {
				t.Errorf("got %.100v, wanted %.20q, truncated %v", s.lines, c.want, c.truncated)
			}
		})
	}
}

// TestContextOfCall: a line is logged in the context of the call, which has the span.
func TestContextOfCall(t *testing.T) {
	type key struct{}
	l, s := newLogger()
	if err := l.Log(context.WithValue(t.Context(), key{}, "the call"), bindings.LevelInfo, "", "x"); err != nil {
		t.Fatal(err)
	}
	if len(s.ctxs) != 1 || s.ctxs[0].Value(key{}) != "the call" {
		t.Errorf("the sink was given %v", s.ctxs)
	}
}
