package wit

import "testing"

// TestCompareVersions: the list is in order, so that each is before all that follow.
func TestCompareVersions(t *testing.T) {
	ordered := []string{
		"", "1", "1.0", "x", // no semantic versions
		"0.2.0-alpha", "0.2.0-alpha.1", "0.2.0-alpha.beta", "0.2.0-beta", "0.2.0-beta.2", "0.2.0-beta.11", "0.2.0-rc.1", "0.2.0", "0.2.0+build",
		"0.2.2", "0.2.12", "1.0.0-draft", "1.0.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := CompareVersions(a, b); got != want {
				t.Errorf("%q, %q: %d, want %d", a, b, got, want)
			}
		}
	}
}
