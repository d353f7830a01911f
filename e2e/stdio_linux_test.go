package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestFullOutput: a full disk is an error of the guest's stream, and is reported by commands that print.
func TestFullOutput(t *testing.T) {
	guest := testref.File(t, "rust-cli-hostile")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", guest, "args"}, 134, "No space left on device"}, // the guest's text for insufficient-space
		{[]string{"inspect", "../testdata/calls/calls.wasm"}, 1, "vitrine: cannot write to standard output\n  why:   no space left on device"},
		{[]string{"inspect", "--json", "../testdata/calls/calls.wasm"}, 1, "vitrine: cannot write to standard output"},
		{[]string{"version"}, 1, "vitrine: cannot write to standard output"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, c.args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		_ = cmd.Run() // its status says it
		full.Close()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(errs.String(), c.says) || strings.Contains(errs.String(), "cannot read") {
			t.Errorf("%v: exit %d, wanted %d and %q:\n%s", c.args, code, c.code, c.says, errs.String())
		}
	}
}
