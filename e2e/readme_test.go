//go:build unix

package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/ending"
)

// TestReadme runs the commands of README's first two sections, one after the other as a reader does, and the tests that it shows.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n## ")
	if len(sections) < 3 || !strings.HasPrefix(sections[1], "From nothing to a traced answer\n") {
		t.Fatal("README begins with other sections")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	here := t.TempDir() // the checkout, as far as the commands see it
	if err := os.Mkdir(filepath.Join(here, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"bin/vitrine": binary, "Makefile": filepath.Join(root, "Makefile"), "testdata": filepath.Join(root, "testdata")} {
		if err := os.Symlink(to, filepath.Join(here, link)); err != nil {
			t.Fatal(err)
		}
	}
	r := &reader{t: t, at: here, path: os.Getenv("PATH")}
	for _, block := range blocks(sections[1], "") {
		r.follow(block)
	}
	if r.server == nil || !strings.Contains(r.server.stderr(), "\nGET / /hello") {
		t.Error("the first section ends without a traced answer")
	}
	tests := blocks(sections[1], "yaml")
	if len(tests) != 1 {
		t.Fatalf("%d blocks of YAML", len(tests))
	}
	file := filepath.Join(t.TempDir(), "readme.yaml")
	if err := os.WriteFile(file, []byte(tests[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, console := run(t, "", "test", "--log-level", "error", "--file", file, r.at); code != 0 || !strings.Contains(out, "1 of 1 test passed") {
		t.Errorf("exit %d: %s%s", code, out, console)
	}

	r.at = here
	r.follow(blocks(sections[2], "")[0])
	for _, want := range []string{"GET / /total?items=3 → 200", "cart shop:cart/cart@0.1.0#total", "price shop:price/price@0.1.0#quote"} {
		r.server.waitForConsole(want)
	}
	for _, target := range []string{"demo", "test"} {
		if !strings.Contains(sections[2], "make "+target+"`") {
			t.Errorf("README does not have make %s any more", target)
		}
		r.do("make -n " + target) // TestDemo runs what it runs
	}
}

// blocks are the fenced blocks of a text in a language.
func blocks(text, language string) (all []string) {
	for i, part := range strings.Split(text, "```") {
		if first, rest, _ := strings.Cut(part, "\n"); i%2 == 1 && first == language {
			all = append(all, rest)
		}
	}
	return all
}

// reader does what README says.
type reader struct {
	t      *testing.T
	at     string // the working folder
	path   string // PATH
	server *server
}

// follow runs the lines of a block.
func (r *reader) follow(block string) {
	r.t.Helper()
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, "   #")
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "make":
			r.do("make -n " + rest) // the binary under test is what it would build
		case word == "export":
			r.path = strings.TrimSpace(r.do(line + "; echo $PATH"))
		case word == "cd":
			r.at = filepath.Join(r.at, rest)
		case strings.HasPrefix(rest, "dev "), strings.HasPrefix(rest, "up "):
			cmd := r.shell("exec " + line + " --listen 127.0.0.1:0")
			ending.Prepare(cmd)
			r.server = waitReady(r.t, cmd)
		case word == "curl":
			r.ask(strings.Trim(rest, "'"))
		default:
			r.do(line)
		}
	}
}

func (r *reader) shell(command string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = r.at, append(os.Environ(), "PATH="+r.path)
	return cmd
}

func (r *reader) do(command string) string {
	r.t.Helper()
	out, err := r.shell(command).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// ask sends a request to the server, whose port is a free one in the test.
func (r *reader) ask(url string) {
	r.t.Helper()
	_, path, ok := strings.Cut(url, "127.0.0.1:3000")
	if !ok {
		r.t.Fatalf("%s is not the address that the commands before serve", url)
	}
	status, text, err := r.server.get(path, "")
	if err != nil || status != http.StatusOK {
		r.t.Fatalf("%s: %d %q %v", url, status, text, err)
	}
	route, _, _ := strings.Cut(path, "?")
	r.server.waitForConsole("GET / " + route)
}
