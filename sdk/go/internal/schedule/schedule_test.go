package schedule

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMissingName: a name of Go's runtime that a version of Go does not have is an error of the linker that says which, and not a component that waits forever.
func TestMissingName(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "runtime.timeSleepUntil": "runtime.gonetimeSleepUntil not defined", "runtime·gcBlackenEnabled": "runtime.gonegcBlackenEnabled not defined",
	} {
		t.Run("without "+name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{
				"go.mod": "module probe\n\ngo 1.26.0\n", "main.go": "package main\n\nimport \"probe/schedule\"\n\nfunc main() { schedule.Settle() }\n",
			}
			for _, part := range []string{"schedule_wasip1.go", "schedule_wasip1.s"} {
				text, err := os.ReadFile(part)
				if err != nil {
					t.Fatal(err)
				}
				if files["schedule/"+part] = string(text); name != "" {
					at := len("runtime.")
					if strings.Contains(name, "·") {
						at = len("runtime·")
					}
					files["schedule/"+part] = strings.ReplaceAll(string(text), name, name[:at]+"gone"+name[at:])
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "schedule"), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file)), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			build := exec.Command("go", "build", "-ldflags=-checklinkname=0", "-o", filepath.Join(dir, "probe.wasm"), ".")
			build.Dir = dir
			build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
			out, err := build.CombinedOutput()
			if (err != nil) != (want != "") || !strings.Contains(string(out), want) || want != "" && !strings.Contains(string(out), "probe/schedule.") {
				t.Errorf("%v, want %s: %s", err, want, out)
			}
		})
	}
}
