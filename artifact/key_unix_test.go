//go:build unix

package artifact

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe that nobody writes to is refused as a file of keys, and not waited for.
func TestKeyIsPipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cosign.pub")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPolicy(file); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Error(err)
	}
}
