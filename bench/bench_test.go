package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestClient tests both clients with bodies both ways, chunks, errors, closed connections and broken transfers.
func TestClient(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) { // responds before the end of the body
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/close", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	mux.HandleFunc("/break", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("short"))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	for _, c := range []struct {
		path, err string
		body      []byte
	}{
		{"/echo", "", []byte{}}, {"/echo", "", bytes.Repeat([]byte("x"), 4<<20)}, {"/early", "", bytes.Repeat([]byte("x"), 4<<20)},
		{"/fail", "status 418", nil}, {"/close", "", nil}, {"/break", "unexpected EOF", nil},
	} {
		for _, pause := range []time.Duration{0, time.Microsecond} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			l := request(ctx, s.URL+c.path, c.body, 3, pause)
			cancel()
			if l.Requests == 0 || (c.err == "") != (l.Errors == 0) || c.err != "" && l.Errors != l.Requests || !strings.Contains(l.FirstErr, c.err) {
				t.Errorf("%s, %d bytes, pause %v: %v", c.path, len(c.body), pause, l)
			}
		}
	}
}

// TestEvaluate: each kind of growth or failure fails the verdict.
func TestEvaluate(t *testing.T) {
	level := func(change func(*mixedResult)) *mixedResult {
		m := &mixedResult{Failures: map[string]int64{}, Before: sample{Goroutines: 40, FDs: 40}, After: sample{Goroutines: 40, FDs: 40}, Ended: "SIGTERM: " + endedWell + " 1s"}
		for range 40 {
			m.Samples = append(m.Samples, sample{RSS: 200, Goroutines: 50, FDs: 50})
		}
		change(m)
		m.evaluate(false, true)
		return m
	}
	if m := level(func(*mixedResult) {}); !m.Holds {
		t.Errorf("a level run: %q", m.Verdict)
	}
	for name, change := range map[string]func(*mixedResult){
		"a wrong answer": func(m *mixedResult) { m.Failures["x"] = 1 },
		"no goroutines": func(m *mixedResult) {
			m.Before.Goroutines, m.After.Goroutines = 0, 0
			grow(m, func(s *sample, _ int) { s.Goroutines = 0 })
		},
		"no files":           func(m *mixedResult) { m.Before, m.After = sample{Goroutines: 40}, sample{Goroutines: 40} },
		"a panic":            func(m *mixedResult) { m.Panics = []string{"panic: x"} },
		"memory grows":       func(m *mixedResult) { grow(m, func(s *sample, i int) { s.RSS += 3 * float64(i) }) },
		"goroutines grow":    func(m *mixedResult) { grow(m, func(s *sample, i int) { s.Goroutines += 2 * i }) },
		"goroutines stay":    func(m *mixedResult) { m.After.Goroutines = 60 },
		"files stay":         func(m *mixedResult) { m.After.FDs = 60 },
		"no samples":         func(m *mixedResult) { m.Samples = nil },
		"it ended by itself": func(m *mixedResult) { m.Ended = "it ended by itself: panic" },
		"it ended badly":     func(m *mixedResult) { m.Ended = "SIGTERM: exit status 1" },
	} {
		if m := level(change); m.Holds {
			t.Errorf("%s: %q", name, m.Verdict)
		}
	}
}

// TestEvaluateRaces: reports of the race detector fail a run, and its memory does not.
func TestEvaluateRaces(t *testing.T) {
	m := mixedResult{Before: sample{Goroutines: 40, FDs: 40}, After: sample{Goroutines: 40, FDs: 40}, Ended: "SIGTERM: " + endedWell + " 1s"}
	for i := range 40 {
		m.Samples = append(m.Samples, sample{RSS: float64(100 + 50*i), Goroutines: 50, FDs: 50})
	}
	if m.evaluate(true, true); !m.Holds {
		t.Errorf("%q", m.Verdict)
	}
	m.Races = []string{"WARNING: DATA RACE"}
	if m.evaluate(true, true); m.Holds {
		t.Errorf("%q", m.Verdict)
	}
}

func grow(m *mixedResult, by func(*sample, int)) {
	for i := range m.Samples {
		by(&m.Samples[i], i)
	}
}

func TestParseDrops(t *testing.T) {
	var d drops
	for _, line := range []string{
		`time=x level=WARN msg="telemetry is being dropped" signal=traces reason=queue_full dropped=7` + "\n",
		`time=x level=WARN msg="telemetry is being dropped" signal=traces reason=queue_full dropped=5 error="refused"` + "\n",
		"[rust stderr] :: thread main panicked at src/lib.rs\n",
		"panic: runtime error\n",
	} {
		d.parse(line)
	}
	if d.Lost["traces queue_full"] != 12 || d.Why["traces queue_full"] != `"refused"` || len(d.Other) != 1 {
		t.Errorf("heard %v, %v, %q", d.Lost, d.Why, d.Other)
	}
}

// TestAims: ratios are computed round by round, and aims without figures are missing.
func TestAims(t *testing.T) {
	r := &compareResult{}
	for round := range 3 {
		per := func(server string, reqs float64, cpu time.Duration) {
			r.add("rust", server, jobHello.name, 32, measured{Load: load{PerSec: reqs * float64(round+1), P99: cpu}, CPU: cpu})
		}
		per(isFresh, 300, 10*time.Microsecond)
		per(isWasmtime, 100, 40*time.Microsecond)
		per(isTelemetry, 240, 12*time.Microsecond)
	}
	r.evaluate([]string{"rust", "go"})
	want := map[string]bool{"rust: vitrine / wasmtime, req/s": true, "rust: vitrine telemetry / vitrine, req/s": false, "rust: p99 of wasmtime / vitrine": true}
	for _, a := range r.Aims {
		if met, ok := want[a.What]; !ok || met != a.Met {
			t.Errorf("%+v", a)
		}
		delete(want, a.What)
	}
	if x := r.Aims[0]; x.PerSec != (ratio{3, 3, 3}) || x.CPU != (ratio{4, 4, 4}) {
		t.Errorf("%+v", x)
	}
	if len(want) > 0 || len(r.Missing) != 3 {
		t.Errorf("not judged: %v; missing: %q", want, r.Missing)
	}
	if text := r.String(); !strings.Contains(text, "MISSED") || !strings.Contains(text, "3.00 (3.00–3.00)") {
		t.Error(text)
	}
}

func TestGuestFile(t *testing.T) {
	if _, err := guestFile("rust"); err != nil {
		t.Error(err)
	}
	if _, err := guestFile("nobody"); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a guest that is not there: %v", err)
	}
}
