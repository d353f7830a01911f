package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/tests/ending"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

var update = flag.Bool("update", false, "rewrite the files that the scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vitrine": func() { os.Exit(Main(os.Args[1:], Standard())) }})
}

func TestScripts(t *testing.T) {
	guests, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GUESTS", guests)
			e.Setenv("PREBUILT", filepath.Join(guests, "..", "..", "testdata", "guests", "prebuilt"))
			e.Setenv("VITRINE_CACHE_DIR", cache)
			return nil
		},
	})
}

// runCLI runs a command line in this process.
func runCLI(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := &process{ships: Standard(), stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(name string) string {
		if name == "VITRINE_CACHE_DIR" {
			return "off"
		}
		return ""
	}}
	return p.main(args), out.String(), errs.String()
}

// TestTruncated: a component that is cut at a section's boundary is reported as bad input.
func TestTruncated(t *testing.T) {
	whole, err := os.ReadFile("testdata/hello.wasm")
	if err != nil {
		t.Fatal(err)
	}
	bounds := binary.SectionBoundaries(whole)
	if len(bounds) < 5 {
		t.Fatalf("%d boundaries", len(bounds))
	}
	file := filepath.Join(t.TempDir(), "cut.wasm")
	for _, n := range bounds {
		for _, cut := range []int{n, n + 1} {
			if cut >= len(whole) || cut < 9 || cut == n && whole[n] == 0 {
				continue // only names follow: the component is whole
			}
			if err := os.WriteFile(file, whole[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			status, stdout, stderr := runCLI("run", file)
			if status != ExitUsage || stdout != "" || !strings.HasPrefix(stderr, "vitrine: ") || !strings.Contains(stderr, "cut.wasm") {
				t.Errorf("cut at %d: status %d, %s", cut, status, stderr)
			}
			if cut == n+1 && !strings.Contains(stderr, "this is no component") {
				t.Errorf("cut at %d: %s", cut, stderr)
			}
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, _, stderr := runCLI("up", "--listen", l.Addr().String(), "testdata/ok.wasm")
	want := "vitrine: cannot listen on " + l.Addr().String() + "\n  where: --listen\n  why:   the port is in use\n  do:    stop what listens there"
	if status != ExitUsage || !strings.HasPrefix(stderr, want) {
		t.Errorf("status %d, got\n%s", status, stderr)
	}
}

// upProcess is a `vitrine up` in a process of its own.
type upProcess struct {
	cmd    *exec.Cmd
	first  string // the first line on stderr
	url    string
	stderr *bufio.Reader
}

func startUp(t *testing.T, args ...string) *upProcess {
	t.Helper()
	binary := filepath.Join(t.TempDir(), ending.Executable("vitrine"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Under the name vitrine the test binary runs the command line; see TestMain.
	if os.Link(self, binary) != nil { // another disk
		if err := os.Symlink(self, binary); err != nil {
			t.Fatal(err)
		}
	}
	s := &upProcess{cmd: exec.Command(binary, append([]string{"up", "--listen", "127.0.0.1:0"}, args...)...)}
	s.cmd.Env = append(os.Environ(), "VITRINE_CACHE_DIR=off")
	ending.Prepare(s.cmd)
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	s.stderr = bufio.NewReader(pipe)
	if s.first, err = s.stderr.ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", s.first, err)
	}
	m := regexp.MustCompile(`^serving \S+ on (http://127\.0\.0\.1:\d+)\n$`).FindStringSubmatch(s.first)
	if m == nil {
		rest, _ := io.ReadAll(s.stderr)
		t.Fatalf("the first line is %q, then\n%s", s.first, rest)
	}
	s.url = m[1]
	return s
}

const helloGuest = "../testdata/guests/prebuilt/rust-http-full-p2.component.wasm"

// TestUp: the first line has the address at every log level, requests are answered, and after SIGTERM the exit status is 0.
func TestUp(t *testing.T) {
	for _, level := range []string{"debug", "error"} {
		s := startUp(t, "--log-level", level, "--trace", helloGuest)
		resp, err := http.Get(s.url + "/hello")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d %q %v", level, resp.StatusCode, body, err)
		}
		if err := ending.Terminate(s.cmd.Process); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(s.stderr)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", level, err, rest)
		}
		for _, want := range []string{"workload start ", "GET /", "→ 200"} {
			if !strings.Contains(string(rest), want) {
				t.Errorf("%s: %q is missing in\n%s", level, want, rest)
			}
		}
	}
}

// TestUpDrains: a request that runs at the first signal is answered in full; a second signal does not wait for it.
func TestUpDrains(t *testing.T) {
	for _, patient := range []bool{true, false} {
		s := startUp(t, testref.File(t, "rust-http-full-p2"))
		resp, err := http.Get(s.url + "/chunks?n=4&ms=300")
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(resp.Body)
		if first, err := body.ReadString('\n'); first != "chunk 0\n" {
			t.Fatalf("%q, %v", first, err)
		}
		if err := ending.Interrupt(s.cmd.Process); err != nil {
			t.Fatal(err)
		}
		if line, err := s.stderr.ReadString('\n'); !strings.Contains(line, "draining") {
			t.Errorf("after the signal: %q, %v", line, err)
		}
		if !patient {
			_ = ending.Interrupt(s.cmd.Process)
		}
		rest, bodyErr := io.ReadAll(body)
		resp.Body.Close()
		_, _ = io.ReadAll(s.stderr)
		err = s.cmd.Wait()
		if patient && (err != nil || bodyErr != nil || string(rest) != "chunk 1\nchunk 2\nchunk 3\n") {
			t.Errorf("patient: %v, %q, %v", err, rest, bodyErr)
		}
		if !patient && (err == nil || bodyErr == nil) {
			t.Errorf("second signal: %v, %q, %v", err, rest, bodyErr)
		}
	}
}

// TestInspectEverything: every prebuilt component is shown.
func TestInspectEverything(t *testing.T) {
	for _, name := range testref.Guests(t) {
		f := testref.File(t, name)
		status, stdout, stderr := runCLI("inspect", "--json", f)
		var r report
		if err := json.Unmarshal([]byte(stdout), &r); status != 0 || err != nil {
			t.Errorf("%s: status %d, %v, %s", f, status, err, stderr)
			continue
		}
		if r.Problem != "" || len(r.Exports) == 0 || len(r.Modules) == 0 || len(r.Boundaries) == 0 {
			t.Errorf("%s: %+v", f, r)
		}
		for _, x := range append(r.Imports, r.Exports...) {
			for _, sig := range x.Funcs {
				if !strings.Contains(sig, ": func(") && !strings.Contains(sig, ": async func(") {
					t.Errorf("%s: %s: signature %q", f, x.Name, sig)
				}
			}
		}
		if status, stdout, _ = runCLI("inspect", f); status != 0 || !strings.Contains(stdout, "boundar") {
			t.Errorf("%s: text: status %d\n%s", f, status, stdout)
		}
	}
}

// TestFlagsHaveVariableKeyAndExample: every option of every command has a variable, an example and, where it is about a workload, a
// manifest key.
func TestFlagsHaveVariableKeyAndExample(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range append(append([]option{listenOption, drainOption, cacheOption}, outputOptions...), workloadOptions...) {
		if !strings.HasPrefix(o.env, "VITRINE_") || seen[o.env] {
			t.Errorf("--%s: variable %q", o.name, o.env)
		}
		seen[o.env] = true
		if !strings.HasPrefix(o.example, "--"+o.name) {
			t.Errorf("--%s: example %q", o.name, o.example)
		}
		if (o.key != "") != (o.apply != nil) {
			t.Errorf("--%s: key %q", o.name, o.key)
		}
		for _, part := range []string{o.env, o.key, o.example, o.usage} {
			if !strings.Contains(o.help(), part) {
				t.Errorf("--%s: help lacks %q", o.name, part)
			}
		}
	}
}

// TestFlagsHaveVariables: every flag of the commands about workloads is an option, which has a variable, except --write.
func TestFlagsHaveVariables(t *testing.T) {
	p := &process{ships: Standard()}
	for _, cmd := range []*cobra.Command{p.up(), p.run(), p.check()} {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if _, ok := f.Value.(*flagValue); !ok && f.Name != "write" {
				t.Errorf("%s --%s has no variable", cmd.Name(), f.Name)
			}
		})
	}
}
