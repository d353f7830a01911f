package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestGuestTextIsUTF8: text for a guest that is no UTF-8, over which the guest would trap, is refused and not quoted.
func TestGuestTextIsUTF8(t *testing.T) {
	guest := testref.File(t, "rust-cli-p2")
	dir := t.TempDir()
	odd := filepath.Join(dir, "d\xff")
	if err := os.Mkdir(odd, 0o700); err != nil {
		t.Skip("this file system takes no such names: ", err)
	}
	for name, q := range map[string]struct {
		args []string
		says string
	}{
		"value":                {[]string{"run", "--env", "A=1", "--env", "KEY=secret\xff", guest}, "--env"},
		"name":                 {[]string{"run", "--env", "K\xff=secret", guest}, "--env"},
		"argument":             {[]string{"run", guest, "ok", "secret\xff"}, "argument 2"},
		"folder":               {[]string{"run", "--dir", odd, guest}, "--dir"},
		"folder's name":        {[]string{"run", "--dir", dir + "::/\xff", guest}, "--dir"},
		"config":               {[]string{"run", "--config", "a=secret\xff", guest}, "--config"},
		"surrogates are none":  {[]string{"run", "--env", "A=secret\xed\xa0\x80", guest}, "--env"},
		"half a character":     {[]string{"run", "--env", "A=secret\xc3", guest}, "--env"},
		"more than is Unicode": {[]string{"run", guest, "secret\xf4\x90\x80\x80"}, "argument 1"},
	} {
		status, stdout, stderr := runCLI(q.args...)
		if status != ExitUsage || stdout != "" || !strings.Contains(stderr, q.says) || !strings.Contains(stderr, "UTF-8") || strings.Contains(stderr, "secret") {
			t.Errorf("%s: status %d\n%s%s", name, status, stdout, stderr)
		}
	}
	// A host folder's name may be no UTF-8 as long as the guest's name for it is.
	if status, stdout, stderr := runCLI("run", "--dir", odd+"::/data", guest); status != ExitOK {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	// A component file's name may be no UTF-8.
	wasm, err := os.ReadFile(guest)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "g\xff.wasm")
	if err := os.WriteFile(file, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := runCLI("run", file); status != ExitOK {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}
