package encode_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the sums of texts and binaries")

// TestTexts: each binary is the one that was made of its text as that is now. It needs no wasm-tools, which would make the binary anew, so it compares with
// the sums that were written when somebody did.
func TestTexts(t *testing.T) {
	const golden = "testdata/texts.txt"
	var got strings.Builder
	for _, name := range []string{"adapter", "state", "testdata/poll"} {
		fmt.Fprint(&got, name)
		for _, suffix := range []string{".wat", ".wasm"} {
			b, err := os.ReadFile(filepath.FromSlash(name + suffix))
			if err != nil {
				t.Fatal(err)
			}
			if suffix == ".wat" {
				b = []byte(strings.ReplaceAll(string(b), "\r\n", "\n")) // as a checkout on Windows may have it
			}
			fmt.Fprintf(&got, " %x", sha256.Sum256(b))
		}
		fmt.Fprintln(&got)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || strings.ReplaceAll(string(want), "\r\n", "\n") != got.String() {
		t.Errorf("%v\n%s\nwant\n%s\nmake the binary of its text (wasm-tools parse X.wat -o X.wasm; wasm-tools strip --all X.wasm -o X.wasm), then go test -run TestTexts -update", err, got.String(), want)
	}
}
