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

// TestBufferedStderrOrder: text written before release comes out after release's first line.
func TestBufferedStderrOrder(t *testing.T) {
	var b bytes.Buffer
	g := newBufferedStderr(&b, textNotice)
	_, _ = g.Write([]byte("early\n"))
	g.release("first\n")
	g.release("again\n")
	_, _ = g.Write([]byte("late\n"))
	g.close(t.Context())
	if got, want := b.String(), "first\nearly\nlate\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBufferedStderrSlowReader: a writer does not wait for a stuck reader; dropped lines are counted and reported once it
// reads again; close waits no longer than its context.
func TestBufferedStderrSlowReader(t *testing.T) {
	r, w := io.Pipe()
	g := newBufferedStderr(w, textNotice)
	g.release("first\n")
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 3 * stderrBufferSize / 1024
	for range lines {
		if n, err := g.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	ended := newBufferedStderr(w, textNotice)
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
	const least = stderrBufferSize/1024 - 1 // the first line may be in the buffer, too
	came := strings.Count(got, strings.Repeat("x", 1023)+"\n")
	if !strings.HasPrefix(got, "first\n") || came < least || came > lines || !strings.Contains(got, " lines dropped: the console is slow\n") {
		t.Errorf("%d of %d lines came, %.100q … %q", came, lines, got, got[max(len(got)-100, 0):])
	}
}

// TestBufferedStderrLargeWrite: a single write larger than the buffer is not dropped.
func TestBufferedStderrLargeWrite(t *testing.T) {
	var b bytes.Buffer
	g := newBufferedStderr(&b, textNotice)
	g.release("")
	_, _ = g.Write(make([]byte, 2*stderrBufferSize))
	g.close(t.Context())
	if b.Len() != 2*stderrBufferSize {
		t.Errorf("%d bytes came", b.Len())
	}
}
