package cli

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// lockedText is a terminal's text, which is written by a goroutine and read by the test.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
	seen chan struct{}
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	select {
	case l.seen <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestMeter: layers are added up, one that is moved again counts once, and the rate is per second.
func TestMeter(t *testing.T) {
	var m meter
	if had := m.text(time.Second); had != "" {
		t.Errorf("had %q before anything has moved", had)
	}
	m.add(artifact.Progress{Digest: "a", Done: 900_000, Total: 1_000_000})
	m.add(artifact.Progress{Digest: "a", Done: 500_000, Total: 1_000_000})
	m.add(artifact.Progress{Digest: "b", Done: 2_500_000, Total: 3_000_000})
	if had, want := m.text(2*time.Second), " · 3.0 MB of 4.0 MB · 75 % · 1.5 MB/s"; had != want {
		t.Errorf("had %q; want %q", had, want)
	}
	m.begin()
	if had := m.text(time.Second); had != "" {
		t.Errorf("had %q after the next step has begun", had)
	}
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1.0 KB", 41_200_000: "41 MB", 1.07e12: "1070 GB"} {
		if had := bytesText(n); had != want {
			t.Errorf("%v is %q; want %q", n, had, want)
		}
	}
}

// TestProgress: the line is written while the step runs, and erased when it is done.
func TestProgress(t *testing.T) {
	w := &lockedText{seen: make(chan struct{}, 1)}
	var m meter
	m.add(artifact.Progress{Digest: "a", Done: 1, Total: 4})
	done := showProgress(w, "fetching x", time.Millisecond, &m)
	<-w.seen
	done()
	had := w.String()
	if !strings.Contains(had, "fetching x … 0 s · 1 B of 4 B · 25 % · ") || !strings.HasSuffix(had, "\r\x1b[K") {
		t.Errorf("had %q", had)
	}
}
