package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestStartPages: after the pages of the program have been given up, the program goes on, with fewer of them.
func TestStartPages(t *testing.T) {
	mapped := func() int {
		b, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "RssFile:")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := mapped()
	dropStartPages()
	if after := mapped(); after >= before {
		t.Errorf("%d KiB of files are mapped, before %d", after, before)
	}
}
