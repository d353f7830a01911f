package cli

import "testing"

func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		live, floor uint64
		want        int
	}{
		{0, heapFloor, 300}, {1 << 20, heapFloor, 300}, {5 << 20, heapFloor, 220}, {6 << 20, heapFloor, 166}, {8 << 20, heapFloor, 100}, {1 << 30, heapFloor, 100},
		{0, recordingHeapFloor, 1100}, {8 << 20, recordingHeapFloor, 500}, {24 << 20, recordingHeapFloor, 100}, {1 << 30, recordingHeapFloor, 100},
	} {
		if got := percentFor(c.live, c.floor); got != c.want {
			t.Errorf("%d bytes alive, %d allowed: %d, want %d", c.live, c.floor, got, c.want)
		}
	}
}
