package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestAddressSpace: a guest that grows within its limits does not end a process that may have less memory than they allow
// (ulimit -v): it is told that there is no more. The binary is one without the race detector, which needs terabytes of
// addresses for itself.
func TestAddressSpace(t *testing.T) {
	for _, kilobytes := range []int{2_000_000, 3_000_000, 6_000_000} {
		t.Run(fmt.Sprint(kilobytes), func(t *testing.T) {
			script := fmt.Sprintf(`ulimit -v %d && exec "$0" run --memory 4Gi --tables 100000000 ../testdata/addressspace/grow.wasm`, kilobytes)
			out, err := exec.Command("sh", "-c", script, binary).CombinedOutput()
			if err != nil || strings.Contains(string(out), "out of memory") || strings.Contains(string(out), "fatal error") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
