package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestTwoDays: two days of ingest, at an injected clock. Bytes and age keep their bounds at each step, memory and files their level, and
// each kind of query answers.
func TestTwoDays(t *testing.T) {
	const maxBytes, maxAge, step = 8 << 20, 24 * time.Hour, 10 * time.Minute
	for _, c := range []struct {
		name  string
		spans int // a step
		size  int // of each
		want  time.Duration
	}{
		{"bounded by age", 10, 200, maxAge},
		{"bounded by bytes", 60, 2000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			s := open(t, Config{MaxBytes: maxBytes, MaxAge: maxAge, Now: func() time.Time { return now }})
			n, heap, rss := 0, uint64(0), uint64(0)
			for at := time.Duration(0); at < 48*time.Hour; at += step {
				now = now.Add(step)
				b := &Batch{Sources: sources}
				for range c.spans {
					n++
					b.Spans = append(b.Spans, Span{Trace: traceID(n), ID: spanID(1), Start: now.UnixNano() + int64(n), End: now.UnixNano() + int64(n) + 1e6, Name: "GET /", Encoded: make([]byte, c.size)})
				}
				b.Logs = []Log{{Time: now.UnixNano(), Severity: 9, Trace: traceID(n), Body: "a line", Encoded: []byte("x")}}
				b.Points = []Point{{Time: now.UnixNano(), Name: "requests", Encoded: []byte("x")}}
				add(t, s, b)
				st := s.Stats()
				if st.Bytes > maxBytes+2*maxBytes/segmentsOfBytes {
					t.Fatalf("%d bytes after %s", st.Bytes, at)
				}
				// A segment goes when the last of it is too old, and has an hour of data.
				if age := now.Sub(time.Unix(0, st.Oldest)); age > maxAge+segmentAge+step {
					t.Fatalf("the oldest trace is %s old after %s", age, at)
				}
				if at == 36*time.Hour {
					heap, rss = live(), resident()
				}
				if at%(6*time.Hour) == 0 {
					t.Logf("after %2.0f h: %d traces, %4d KiB of disk in %d segments, heap %d KiB, RSS %d KiB", at.Hours(), st.Traces, st.Bytes>>10, st.Segments, live()>>10, resident()>>10)
				}
			}
			st := s.Stats()
			if age := now.Sub(time.Unix(0, st.Oldest)); age < c.want-step {
				t.Errorf("the oldest trace is %s old, want at least %s", age, c.want)
			}
			if st.Evicted+int64(st.Traces) != int64(n) || st.Evicted == 0 {
				t.Errorf("%d removed and %d there of %d", st.Evicted, st.Traces, n)
			}
			if grown := live(); grown > heap+heap/4+1<<20 {
				t.Errorf("the heap has grown from %d to %d bytes in the last 12 hours", heap, grown)
			}
			if grown := resident(); grown > rss+rss/4+16<<20 {
				t.Errorf("the process has grown from %d to %d bytes in the last 12 hours", rss, grown)
			}
			if l := list(t, s, TraceQuery{Limit: 1, Match: func(x *Summary) bool { return x.Duration() > 0 }}); l.Matched != st.Traces || len(l.Traces) != 1 || l.Traces[0].ID != traceID(n) {
				t.Errorf("%d of %d traces match", l.Matched, st.Traces)
			}
			if logs, err := s.Logs(t.Context(), LogQuery{Trace: traceID(n), Limit: 9}); err != nil || len(logs) != 1 {
				t.Errorf("%d lines of the last trace, %v", len(logs), err)
			}
			if records, _, err := s.Trace(t.Context(), traceID(n), 9); err != nil || len(records) != 1 {
				t.Errorf("%d spans of the last trace, %v", len(records), err)
			}
			t.Logf("%d traces, %d bytes in %d segments, the oldest %s old, heap %d bytes", st.Traces, st.Bytes, st.Segments, now.Sub(time.Unix(0, st.Oldest)), live())
		})
	}
}

// live is the heap after a collection.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is what the process has of memory, after what is free was given back; 0: this system does not say.
func resident() uint64 {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// TestReadOnly: a folder that cannot be written is an error of Open, or of the batch, and never one of reading.
func TestReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: filepath.Join(file, "telemetry")}); err == nil {
		t.Error("a folder was made below a file")
	}
	dir := filepath.Join(t.TempDir(), "telemetry")
	s := open(t, Config{Dir: dir, MaxTraces: 10})
	add(t, s, simple(1, time.Millisecond), simple(2, time.Millisecond)) // the segment is full
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Skipf("a folder in use cannot be moved on this system: %v", err)
	}
	if err := s.Append(simple(3, time.Millisecond)); err == nil {
		t.Error("a segment was made in a folder that is not there")
	}
	if l := list(t, s, TraceQuery{Limit: 9}); l.Matched != 2 {
		t.Errorf("%d traces, want 2", l.Matched)
	}
	if err := os.Rename(dir+"-moved", dir); err != nil {
		t.Fatal(err)
	}
	add(t, s, simple(4, time.Millisecond))
	if l := list(t, s, TraceQuery{Limit: 9}); l.Matched != 3 {
		t.Errorf("%d traces, want 3", l.Matched)
	}
}
