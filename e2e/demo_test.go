package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// TestDemo runs `make demo` as DEMO_ONCE=1 does: every answer and every tree must be right. It needs nothing but the
// repository.
func TestDemo(t *testing.T) {
	cmd := exec.Command("go", "run", "./examples/demo", binary, "examples/demo/vitrine.yaml")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "DEMO_ONCE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
