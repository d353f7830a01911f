package cli

import "testing"

func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{0: 700, 1 << 20: 700, 8 << 20: 300, 12 << 20: 166, 16 << 20: 100, 1 << 30: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes alive: %d, want %d", live, got, want)
		}
	}
}
