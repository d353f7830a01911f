package env

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	var said bytes.Buffer
	at := func(v string) Env {
		said.Reset()
		return Env{func(string) string { return v }, slog.New(slog.NewTextHandler(&said, nil))}
	}
	for v, want := range map[string]bool{"": false, "true": true, "TRUE": true, " true ": true, "false": false, "1": false, "yes": false} {
		if got := at(v).Bool("X"); got != want {
			t.Errorf("truth of %q is %t", v, got)
		}
		if warned := said.Len() > 0; warned != (v == "1" || v == "yes") {
			t.Errorf("%q: said %q", v, said.String())
		}
	}
	for v, want := range map[string]int{"": 7, "3": 3, "0": 7, "-1": 7, "x": 7} {
		if got := at(v).Count("X", 7); got != want {
			t.Errorf("count of %q is %d", v, got)
		}
	}
}

func TestThrottle(t *testing.T) {
	var r Throttle
	if !r.Allow("a") || r.Allow("a") || !r.Allow("b") {
		t.Error("a text is news once")
	}
	for i := range 2 * maxThrottled {
		r.Allow(strings.Repeat("x", i+3))
	}
	if len(r.last) > maxThrottled {
		t.Errorf("%d texts are kept", len(r.last))
	}
}
