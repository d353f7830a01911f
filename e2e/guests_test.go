package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestProve runs testdata/guests/prove.py on the binary.
func TestProve(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to run the proof with")
	}
	script := filepath.Join(testref.GuestDir(), "prove.py")
	out, err := exec.Command(python, script, "--vitrine", binary).CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0 differ") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func TestGoHTTP(t *testing.T) {
	s := up(t, []string{}, "--env", "GREETING=hi", testref.File(t, "go126-http-p2"))
	s.expect("/x", "", 200, "hello from go1.26.8 /x\n")
	s.expect("/echo", "some bytes", 200, "some bytes")
	s.waitForConsole("[go126-http-p2 stderr] :: stderr: /x\n")
}

func TestQuickJS(t *testing.T) {
	s := up(t, nil, "--trace", testref.File(t, "js-qjs-http-p2"))
	s.expect("/x", "", 200, "hello qjs p2 get /x\n")
	s.expect("/echo", "some bytes", 200, "some bytes")
	s.waitForConsole("─ js-qjs-http-p2 wasi:http/incoming-handler@0.2.10#handle") // of a nested component without a name
}

func TestC(t *testing.T) {
	code, out, errs := run(t, "", "run", "--env", "GREETING=hi", testref.File(t, "c-cli-p2"), "a", "b")
	if want := "hello from C, argc=3 [c-cli-p2.component.wasm] [a] [b] greeting=hi\n"; !strings.HasPrefix(out, want) {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

// TestDrafts runs the guest over keyvalue, config, logging and blobstore, with and without the latter two.
func TestDrafts(t *testing.T) {
	for _, name := range []string{"rust-kv-p2", "rust-kv-only-p2"} {
		t.Run(name, func(t *testing.T) {
			s := up(t, nil, "--config", "greeting=hi", testref.File(t, name))
			s.expect("/kv/selftest", "", 200, "many a=1,b=2,- exists-c false incr 5 7\n")
			s.expect("/kv/set?key=x", "abc", 200, "set x 3 bytes\n")
			s.expect("/kv/get?key=x", "", 200, "abc\n")
			s.expect("/kv/get?key=nope", "", 200, "none\n")
			s.expect("/kv/exists?key=x", "", 200, "true\n")
			s.expect("/kv/list", "", 200, "3 keys, 1 pages: a n x\n")
			s.expect("/kv/delete?key=x", "", 200, "deleted x\n")
			s.expect("/kv/nostore", "", 200, "Error::NoSuchStore\n")
			s.expect("/config?key=greeting", "", 200, "hi\n")
			s.expect("/config?key=nope", "", 200, "none\n")
			s.expect("/config/all", "", 200, "[(\"greeting\", \"hi\")]\n")
			if name != "rust-kv-p2" {
				s.expect("/blob/list", "", 500, "error: no route /blob/list\n")
				return
			}
			s.expect("/log", "", 200, "logged 6\n")
			s.expect("/blob/put?container=c&name=n", "a blob", 200, "put c/n 6 bytes\n")
			s.expect("/blob/get?container=c&name=n&start=2&end=3", "", 200, "size 2: bl\n")
			s.expect("/blob/get?container=c&name=n&how=async", "", 200, "size 6: a blob\n")
			s.expect("/blob/list?container=c", "", 200, "n\n")
			s.expect("/blob/info?container=c&name=n", "", 200, "container c object n size 6 has true\n")
			s.expect("/blob/delete?container=c&name=n", "", 200, "deleted c/n\n")
			s.expect("/blob/get?container=c&name=n", "", 500, "error: object \"n\" in container \"c\": not found\n")
			s.waitForConsole("[rust-kv-p2 log] :: ERROR kv-guest: a error line\n")
		})
	}
}

// TestInspect prints every prebuilt component, 0.3 ones included.
func TestInspect(t *testing.T) {
	for _, name := range testref.Guests(t) {
		code, out, errs := run(t, "", "inspect", testref.File(t, name))
		if code != 0 || !strings.HasPrefix(out, "component "+name) {
			t.Errorf("%s: exit %d, %.200s %s", name, code, out, errs)
		}
		code, out, errs = run(t, "", "inspect", "--json", testref.File(t, name))
		if code != 0 || !strings.HasPrefix(out, "{") {
			t.Errorf("%s --json: exit %d, %.200s %s", name, code, out, errs)
		}
	}
}

// TestServesWASI03: services of WASI 0.3.0 and 0.3.2 answer, behind a middleware too.
func TestServesWASI03(t *testing.T) {
	for guest, want := range map[string]string{
		"rust-http-p3": "hello from rust-http-p3\n", "rust-http-p3-next": "hello from rust-http-p3\n", "mw1-composed-p3": "hello from rust-http-p3\n",
	} {
		s := up(t, nil, testref.File(t, guest))
		s.expect("/hello", "", 200, want)
		s.expect("/echo", "some bytes", 200, "some bytes")
	}
}

// TestLogsWithoutTraces exports logs only: an outgoing request must work without an observer of its call.
func TestLogsWithoutTraces(t *testing.T) {
	s := up(t, []string{"OTEL_LOGS_EXPORTER=console"}, "--allow-http", "*", testref.File(t, "rust-http-full-p2"))
	s.expect("/fetch?url="+s.base+"/hello", "", 200, "hello from rust-http-full-p2\n")
	s.expect("/hello", "", 200, "hello from rust-http-full-p2\n")
}
