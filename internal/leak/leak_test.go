package leak

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// park stands still until it is let go.
func park(in, out chan struct{}) {
	close(in)
	<-out
}

func TestSince(t *testing.T) {
	early, late, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	defer close(done)
	go park(early, done)
	<-early
	before := ids(stacks())
	if left := since(before, nil); len(left) != 0 {
		t.Errorf("nothing was started, and left are\n%s", strings.Join(left, "\n\n"))
	}
	go park(late, done)
	<-late
	for _, c := range []struct {
		name  string
		parts []string
		want  int
	}{
		{"all", nil, 1},
		{"of this package", []string{"vitrine/nowhere/", "vitrine/internal/leak"}, 1},
		{"of others", []string{"vitrine/nowhere/"}, 0},
	} {
		if left := since(before, c.parts); len(left) != c.want || c.want == 1 && !strings.Contains(left[0], "leak.park") {
			t.Errorf("%s: %d are left, wanted %d\n%s", c.name, len(left), c.want, strings.Join(left, "\n\n"))
		}
	}
}

// TestGone: what has ended is not left behind.
func TestGone(t *testing.T) {
	before := ids(stacks())
	in, out := make(chan struct{}), make(chan struct{})
	go park(in, out)
	<-in
	if left := since(before, nil); len(left) != 1 {
		t.Errorf("%d are left, wanted 1", len(left))
	}
	close(out)
	for len(since(before, nil)) != 0 {
		runtime.Gosched()
	}
}

// TestManyStacks: no goroutine is overlooked when the stacks are longer than the first buffer.
func TestManyStacks(t *testing.T) {
	before := ids(stacks())
	done := make(chan struct{})
	defer close(done)
	const n = 10000
	for range n {
		in := make(chan struct{})
		go park(in, done)
		<-in
	}
	if left := since(before, []string{"leak.park"}); len(left) != n {
		t.Errorf("%d are left, wanted %d", len(left), n)
	}
}
