package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
)

func textNotice(n int) []byte { return host.DroppedLines(n, false) }

// TestGate: what is written before the gate opens comes out after its first line.
func TestGate(t *testing.T) {
	var b bytes.Buffer
	g := newGate(&b, textNotice)
	_, _ = g.Write([]byte("early\n"))
	g.open("first\n")
	g.open("again\n")
	_, _ = g.Write([]byte("late\n"))
	g.close(t.Context())
	if got, want := b.String(), "first\nearly\nlate\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestGateThatNobodyReads: nobody who writes waits for a reader that stands still; what is lost is counted, and said once it
// reads again; the end waits for as long as it may.
func TestGateThatNobodyReads(t *testing.T) {
	r, w := io.Pipe()
	g := newGate(w, textNotice)
	g.open("first\n")
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 3 * gateRoom / 1024
	for range lines {
		if n, err := g.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	ended := newGate(w, textNotice)
	_, _ = ended.Write(line)
	ended.close(over)

	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	_, _ = g.Write(line)
	g.close(t.Context())
	w.Close()
	got := <-read
	came := strings.Count(got, strings.Repeat("x", 1023)+"\n")
	if !strings.HasPrefix(got, "first\n") || came < gateRoom/1024 || came > lines || !strings.Contains(got, " lines dropped: the console is slow\n") {
		t.Errorf("%d of %d lines came, %.100q … %q", came, lines, got, got[max(len(got)-100, 0):])
	}
}

// TestGateTakesALargeWrite: one that is larger than the room is not lost for that.
func TestGateTakesALargeWrite(t *testing.T) {
	var b bytes.Buffer
	g := newGate(&b, textNotice)
	g.open("")
	_, _ = g.Write(make([]byte, 2*gateRoom))
	g.close(t.Context())
	if b.Len() != 2*gateRoom {
		t.Errorf("%d bytes came", b.Len())
	}
}
