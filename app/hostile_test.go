package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHostileManifests: errors about hostile manifests come soon and are short.
func TestHostileManifests(t *testing.T) {
	const head = "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n  components:\n"
	list := func(n int, line string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"links to nowhere":   {list(12_000, "  - {name: a%[1]d, source: {file: x.wasm}, links: {\"a:b/c\": q%[1]d}}\n"), "there is no component named"},
		"files that are not": {list(15_000, "  - {name: a%[1]d, source: {file: nope%[1]d.wasm}}\n"), "does not exist"},
		"one name":           {list(20_000, "  - {name: a, source: {file: x%d}}\n"), "a second component named"},
		"unknown keys":       {list(20_000, "  - {nome%d: a}\n"), "unknown key"},
		"an alias bomb":      {head + bomb, ""},
		"args of aliases":    {head + "  - name: a\n    source: {file: x.wasm}\n    args: &b [" + strings.Repeat("a,", 1000) + "]\n" + strings.Repeat("  - {name: b, source: {file: x}, args: *b}\n", 1000), "too large"},
		"an alias of itself": {head + "  - &a [*a]\n", ""},
		"deep lists":         {head + strings.Repeat("[", 500_000), ""},
		"deep mappings":      {head + strings.Repeat("{a: ", 200_000), ""},
		"deep blocks":        {head + "  " + strings.Repeat("- ", 200_000), ""},
		"larger than it may": {head + strings.Repeat("#\n", maxManifest), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), FileName)
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err := testFormat.Load(file)
			var es Errors
			if !errors.As(err, &es) || !strings.Contains(es.Error(), c.want) {
				t.Fatalf("got %.300v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if n := len(es.Error()); n > 200_000 {
				t.Errorf("it says %d bytes", n)
			}
		})
	}
}
