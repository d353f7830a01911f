package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// hostileName attacks a terminal: it ends its line and begins a forged one, clears the screen, sets the title, and reverses the
// text that follows, by control characters of one byte and of two.
const hostileName = "n\nvitrine: forged\n  do:    run rm\r\x1b[2J\x1b]0;t\x07\u009b2J\u0085\u2028\u2029\u202egnp.\u2066\u200f\x00\x7f"

// The parts of a binary, as Binary.md of the Component Model and the core specification have them.
func vec(items ...string) string      { return string(rune(len(items))) + strings.Join(items, "") }
func str(s string) string             { return uleb(len(s)) + s }
func sec(id byte, body string) string { return string([]byte{id}) + str(body) }

func uleb(n int) string {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return string(append(b, byte(n)))
}

// hostileComponent is a command in which every name that is free is h: those of core modules, their functions, imports and
// exports, of the component and the one in it, and of the tools in its producers section. Its run traps.
func hostileComponent(h string) []byte {
	names := sec(0, str("name")+sec(0, str(h))+sec(1, vec("\x00"+str(h), "\x01"+str(h))))
	core := "\x00asm\x01\x00\x00\x00"
	traps := core + sec(1, vec("\x60\x00\x00")) + sec(3, vec("\x00")) + sec(7, vec(str(h)+"\x00\x00")) + sec(10, vec(str("\x00\x00\x0b"))) + names
	calls := core + sec(1, vec("\x60\x00\x00", "\x60\x00\x01\x7f")) + sec(2, vec(str(h)+str(h)+"\x00\x00")) + sec(3, vec("\x01")) +
		sec(7, vec(str(h)+"\x00\x01")) + sec(10, vec(str("\x00\x10\x00\x41\x00\x0b"))) + names
	custom := sec(0, str("component-name")+sec(0, str(h))) + sec(0, str("producers")+vec(str(h)+vec(str(h)+str(h)))) + sec(0, str(h)+h)
	preamble := "\x00asm\x0d\x00\x01\x00"
	inner := preamble + sec(1, traps) + sec(1, calls) +
		sec(2, vec("\x00\x00"+vec(), "\x00\x01"+vec(str(h)+"\x12\x00"))) + // instances of both, the second with the first
		sec(6, vec("\x00\x00\x01\x01"+str(h))) + // the second's function
		sec(7, vec("\x6a\x00\x00", "\x40\x00\x00\x00")) + // result, func() -> result
		sec(8, vec("\x00\x00\x00\x00\x01")) + // lift
		sec(11, vec("\x00"+str("run")+"\x01\x00\x00")) + custom
	outer := preamble + sec(4, inner) + sec(5, vec("\x00\x00"+vec())) +
		sec(6, vec("\x01\x00\x00"+str("run"))) +
		sec(5, vec("\x01"+vec("\x00"+str("run")+"\x01\x00"))) +
		sec(11, vec("\x00"+str("wasi:cli/run@0.2.6")+"\x05\x01\x00")) + custom
	return []byte(outer)
}

// checkTerminalSafe reports control sequences and forged lines in out.
func checkTerminalSafe(t *testing.T, what, out string) {
	t.Helper()
	for _, line := range strings.Split(out, "\n") {
		if text.Printable(line) != line {
			t.Errorf("%s: %q", what, line)
		}
		if strings.HasPrefix(line, "vitrine: forged") || strings.HasPrefix(line, "  do:    run rm") {
			t.Errorf("%s: a line is forged: %q", what, line)
		}
	}
}

// TestHostileNamesAreEscaped: the names of components, files and arguments reach the terminal without control sequences.
func TestHostileNamesAreEscaped(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.wasm")
	odd := filepath.Join(dir, strings.ReplaceAll(hostileName, "\x00", "")+".wasm")
	broken := filepath.Join(dir, "broken"+strings.ReplaceAll(hostileName, "\x00", "")+".wasm")
	for path, content := range map[string][]byte{file: hostileComponent(hostileName), odd: hostileComponent(hostileName), broken: []byte(hostileName)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if status, stdout, stderr := runCLI("inspect", file); status != ExitOK || !strings.Contains(stdout, `\u202e`) {
		t.Fatalf("the component is not what it is to be: %d, %s%s", status, stdout, stderr)
	}
	if status, _, stderr := runCLI("run", file); status != ExitTrap || !strings.Contains(stderr, `\u202e`) {
		t.Fatalf("the component is not what it is to be: %d, %s", status, stderr)
	}
	for _, args := range [][]string{
		{"inspect", file}, {"inspect", "--json", file}, {"inspect", odd}, {"inspect", "--json", odd}, {"inspect", broken},
		{"check", file}, {"check", odd}, {"check", broken},
		{"run", file}, {"run", odd}, {"run", broken}, {"run", "--log-format", "json", file}, {"run", "--trace", file}, {"run", "--detail", "all", "--trace", odd},
		{"up", "--listen", "127.0.0.1:0", file}, {"up", "--listen", "127.0.0.1:0", odd}, {"up", "--listen", hostileName, file},
		{"inspect", filepath.Join(dir, hostileName)}, {"run", hostileName}, {"check", hostileName}, {"up", hostileName},
		{hostileName}, {"help", hostileName}, {"help", "run", hostileName}, {"completion", hostileName}, {"--" + hostileName}, {"-" + hostileName},
		{"run", "--" + hostileName + "=x", file}, {"run", "--log-level", hostileName, file}, {"run", "--log-format", hostileName, file},
		{"run", "--memory", hostileName, file}, {"run", "--deadline", hostileName, file}, {"run", "--dir", hostileName, file},
		{"run", "--allow-http", hostileName, file}, {"run", "--allow-connect", hostileName, file}, {"run", "--isolation", hostileName, file},
		{"run", "--env", hostileName, file}, {"run", "--trace=" + hostileName, file}, {"run", "--cache-dir", hostileName + "/x", file},
		{"inspect", file, hostileName}, {"version", hostileName}, {"run", "--tables", hostileName, file}, {"run", "--fuel", hostileName, file},
	} {
		_, stdout, stderr := runCLI(args...)
		what := strings.Join(args[:len(args)-1], " ")
		checkTerminalSafe(t, what+" stdout", stdout)
		checkTerminalSafe(t, what+" stderr", stderr)
		if len(args) > 1 && args[1] == "--json" && !json.Valid([]byte(stdout)) {
			t.Errorf("%s: no JSON: %.300q", what, stdout)
		}
	}
}

// TestFlagErrorsHoldNoSecrets: no error message quotes a flag's value.
func TestFlagErrorsHoldNoSecrets(t *testing.T) {
	const secret = "hunter2-83461297"
	for _, args := range [][]string{
		{"run", "--env", secret, "testdata/ok.wasm"}, {"run", "--env", "=" + secret, "testdata/ok.wasm"}, {"run", "--config", secret, "testdata/ok.wasm"},
		{"run", "--envv=PASSWORD=" + secret, "testdata/ok.wasm"}, {"run", "-ePASSWORD=" + secret, "testdata/ok.wasm"}, {"run", "-e=" + secret, "testdata/ok.wasm"},
		{"run", "--=" + secret, "testdata/ok.wasm"}, {"run", "--trace=" + secret, "testdata/ok.wasm"},
		{"run", "--allow-http", "https://bob:" + secret + "@h/x", "testdata/ok.wasm"}, {"run", "--allow-http", "https://h/?token=" + secret, "testdata/ok.wasm"},
		{"run", "--allow-connect", "bob:" + secret + "@h:1", "testdata/ok.wasm"}, {"check", "--env", secret, "testdata/ok.wasm"}, {"up", "--config", secret, "testdata/ok.wasm"},
	} {
		status, stdout, stderr := runCLI(args...)
		if status != ExitUsage || strings.Contains(stdout+stderr, secret) {
			t.Errorf("%q: status %d, %s%s", args, status, stdout, stderr)
		}
	}
	var out, errs bytes.Buffer
	p := &process{ships: Standard(), stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(name string) string {
		return map[string]string{"VITRINE_CACHE_DIR": "off", "VITRINE_ENV": "PASSWORD=a," + secret}[name]
	}}
	if status := p.main([]string{"run", "testdata/ok.wasm"}); status != ExitUsage || strings.Contains(errs.String(), secret) || !strings.Contains(errs.String(), "VITRINE_ENV") {
		t.Errorf("status %d: %s", status, errs.String())
	}
}
