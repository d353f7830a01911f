//go:build unix

package artifact

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe that nobody writes to, or a folder, is refused as a file of keys, and not waited for.
func TestKeyIsPipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cosign.pub")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, filepath.Dir(file)} {
		var bad *KeyError
		if _, err := ReadPolicy(name); !errors.As(err, &bad) || err.Error() != name+": it is no file" {
			t.Error(err)
		}
	}
}
