package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/ending"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// workloadOf is a manifest whose files are guests' names.
func workloadOf(t *testing.T, spec string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vitrine.yaml")
	text := regexp.MustCompile(`file: ([a-z0-9-]+)`).ReplaceAllStringFunc(spec, func(s string) string {
		path, err := filepath.Abs(testref.File(t, strings.TrimPrefix(s, "file: ")))
		if err != nil {
			t.Fatal(err)
		}
		return "file: " + path
	})
	if err := os.WriteFile(file, []byte("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: w}\nspec:\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestServicesTalk: a TCP server and its client, unchanged, meet in the loopback of their workload, and the connection is in the trace of who
// has begun it. A workload of services alone that have completed ends with 0.
func TestServicesTalk(t *testing.T) {
	file := workloadOf(t, `  components:
    - {name: lines, source: {file: rust-service-p2}, args: [lines, "7001"]}
    - {name: client, source: {file: rust-tcp-client-p2}, args: [client, "7001", hello, quit]}
  services:
    - {component: lines}
    - {component: client, backoff: 50ms, maxBackoff: 50ms}
`)
	code, _, console := run(t, "", "up", "--trace", file)
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{
		"serving w\n", "[client stdout] :: olleh <- hello\n", "[lines stdout] :: served 1\n", `msg="the service has completed" workload=w component=lines`,
		"└─ connection client connection.peer=lines connection.sent=11 connection.received=19  ",
	} {
		if !strings.Contains(console, want) {
			t.Errorf("%q is not on the console: %s", want, console)
		}
	}
}

// TestServiceFails: a workload of services alone that have not all completed ends with 1, and says why.
func TestServiceFails(t *testing.T) {
	file := workloadOf(t, `  components:
    - {name: good, source: {file: rust-cli-p3}, args: [good, hello]}
    - {name: bad, source: {file: rust-cli-p3}, args: [bad, exit, "3"]}
  services:
    - {component: good}
    - {component: bad, maxRestarts: 2, backoff: 1ms}
`)
	code, _, console := run(t, "", "up", file)
	if code != 1 || strings.Count(console, `msg="the service is restarted" workload=w component=bad`) != 2 ||
		!strings.Contains(console, "why:   bad: exit status 3\n") || !strings.Contains(console, "[good stdout] :: hello from rust-cli-p3\n") {
		t.Errorf("exit %d: %s", code, console)
	}
}

// TestServiceServes: a service of WASI 0.3 serves requests in the instance that it runs in, until a run fails; then in another one. It goes on
// serving when its run has returned.
func TestServiceServes(t *testing.T) {
	for _, how := range []string{"/fail", "/exit", "/trap"} {
		t.Run(how, func(t *testing.T) {
			s := up(t, nil, workloadOf(t, `  components:
    - {name: svc, source: {file: rust-service-p3}, args: [svc, wait]}
  triggers: [{http: {path: /, component: svc}}]
  services: [{component: svc, backoff: 1ms}]
`))
			s.expect("/", "", 200, "runs 1 requests 1\n")
			s.expect("/", "", 200, "runs 1 requests 2\n")
			s.expect(how, "", 200, "runs 1 requests 3\n")
			s.waitForConsole("the service is restarted")
			runs, requests := 0, 4
			for begun := time.Now(); (runs != 1 || requests > 3) && time.Since(begun) < time.Minute; { // until it is another instance, that runs
				status, text, err := s.get("/", "")
				if err != nil || status != 503 && status != 200 {
					t.Fatal(status, text, err)
				}
				if _, err := fmt.Sscanf(text, "runs %d requests %d\n", &runs, &requests); status == 200 && err != nil {
					t.Fatal(text, err)
				}
				time.Sleep(time.Millisecond)
			}
			s.expect("/return", "", 200, fmt.Sprintf("runs 1 requests %d\n", requests+1))
			s.waitForConsole("the service has completed")
			s.expect("/", "", 200, fmt.Sprintf("runs 1 requests %d\n", requests+2))
		})
	}
}

// TestServiceWaitsForRequests: a run that waits for nothing but requests is no deadlock, and ends when it is told to.
func TestServiceWaitsForRequests(t *testing.T) {
	s := up(t, nil, "--trace", workloadOf(t, `  components:
    - {name: svc, source: {file: rust-service-p3}, args: [svc, pending]}
  triggers: [{http: {path: /, component: svc}}]
  services: [{component: svc}]
`))
	for n := range 3 {
		s.expect("/", "", 200, fmt.Sprintf("runs 1 requests %d\n", n+1))
	}
	s.stop()
	s.killed = true
	console := s.stderr()
	if !strings.Contains(console, "\nservice run  ") || !strings.Contains(console, "svc wasi:cli/run@0.3.0#run") || strings.Contains(console, "✗") || strings.Contains(console, "ERROR") {
		t.Error(console)
	}
}

// TestServiceIsPublished: a service's port is the machine's with a Listen grant, and nobody's without. It is stopped while clients are connected.
func TestServiceIsPublished(t *testing.T) {
	for _, grant := range []string{"{}", `{sockets: {listen: ["127.0.0.1:*"]}}`} {
		file := workloadOf(t, `  components:
    - {name: lines, source: {file: rust-service-p2}, args: [lines, "0"], grants: `+grant+`}
  services: [{component: lines}]
`)
		cmd := exec.Command(binary, "up", "--drain", "20s", file)
		ending.Prepare(cmd)
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		port := ""
		lines := bufio.NewScanner(stderr)
		for port == "" && lines.Scan() {
			_, port, _ = strings.Cut(lines.Text(), ":: listening ")
		}
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		switch {
		case grant == "{}" && err == nil:
			t.Error("it is published without a grant")
		case grant != "{}" && err != nil:
			t.Error(err)
		case err == nil:
			_, _ = c.Write([]byte("abc\n"))
			if answer, err := bufio.NewReader(c).ReadString('\n'); answer != "cba <- abc\n" {
				t.Errorf("%q %v", answer, err)
			}
		}
		if c != nil {
			defer c.Close()
		}
		begun := time.Now()
		_ = ending.Terminate(cmd.Process)
		for lines.Scan() {
		}
		if err := cmd.Wait(); err != nil || time.Since(begun) > 15*time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	}
}

// TestServiceMistakes: what cannot be a service is an error with its place, of check as of up.
func TestServiceMistakes(t *testing.T) {
	for want, spec := range map[string]string{
		`:7:26: spec.services[0].component: component svc does not export wasi:cli/run@0.3.0 or wasi:cli/run@0.2.12; it exports wasi:http/`: `  components:
    - {name: svc, source: {file: rust-http-p3}}
  services: [{component: svc}]
`,
		`:8:26: spec.services[0].component: component svc is a service that runs by wasi:cli/run@0.2.12, which leaves nobody else into its instance, and a trigger of type http calls it: a service that serves requests, too, has to be built for WASI 0.3`: `  components:
    - {name: svc, source: {file: rust-service-p2}}
  triggers: [{http: {path: /, component: svc}}]
  services: [{component: svc}]
`,
		`:7:56: spec.services[0].restart: "sometimes": want on-failure, always or never`: `  components:
    - {name: svc, source: {file: rust-service-p2}}
  services: [{component: svc, maxRestarts: 1, restart: sometimes}]
`,
	} {
		file := workloadOf(t, spec)
		for _, command := range []string{"check", "up"} {
			if code, _, text := run(t, "", command, file); code != 2 || !strings.Contains(text, want) {
				t.Errorf("%s: exit %d: %s\nwanted %s", command, code, text, want)
			}
		}
	}
}
