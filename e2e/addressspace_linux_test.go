package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestAddressSpace: where the process may have less memory than the limits allow (ulimit -v), a guest's growth fails and the
// process goes on. The binary has no race detector, which needs terabytes of addresses.
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
