package http

import "testing"

// TestNextBuffer: what fills a small buffer gets a large one, as long as there are some, and what does not fill a small one gives it back.
func TestNextBuffer(t *testing.T) {
	b := takeBuffer()
	for _, step := range []struct{ read, want int }{
		{1, smallBuffer}, {smallBuffer - 1, smallBuffer}, {smallBuffer, largeBuffer}, {largeBuffer, largeBuffer},
		{smallBuffer, largeBuffer}, {smallBuffer - 1, smallBuffer}, {smallBuffer, largeBuffer},
	} {
		if b = nextBuffer(b, step.read); len(*b) != step.want {
			t.Fatalf("%d bytes have been read: the next buffer is of %d, not %d", step.read, len(*b), step.want)
		}
	}
	all := []*[]byte{b}
	large := 1
	for range 2 * maxLarge {
		b := nextBuffer(takeBuffer(), smallBuffer)
		if len(*b) == largeBuffer {
			large++
		}
		all = append(all, b)
	}
	if large > maxLarge || large < maxLarge/2 { // other tests may have some
		t.Errorf("%d large buffers, at most %d", large, maxLarge)
	}
	for _, b := range all {
		putBuffer(b)
	}
	if b := nextBuffer(takeBuffer(), smallBuffer); len(*b) != largeBuffer {
		t.Error("those that were given back are not used again")
	} else {
		putBuffer(b)
	}
}
