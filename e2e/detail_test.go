package e2e

import (
	"strings"
	"testing"
)

// TestDetailAtRunTime: PUT /detail changes which calls become spans, of one component or all, while requests go on without one that fails, and a reload keeps it.
func TestDetailAtRunTime(t *testing.T) {
	file := member(t, t.TempDir(), "one", "/", "")
	s := up(t, nil, "--trace", "--admin", "0", file, member(t, t.TempDir(), "two", "/hello", ""))
	o := operate(t, s)
	stop := s.probeNeighbour()
	ask := func(method, path, body string, code int, want string) {
		t.Helper()
		if got, text := o.ask(method, path, body); got != code || text != want {
			t.Errorf("%s %s %s: %d %q, wanted %d %q", method, path, body, got, text, code, want)
		}
	}
	ask("GET", "/detail", "", 200, "boundary\n")
	ask("PUT", "/detail?workload=one", "all", 200, "all\n")
	ask("GET", "/detail", "", 200, "one one all\ntwo two boundary\n")
	if status, text, err := s.get("/env?call=seen", ""); err != nil || status != 200 {
		t.Errorf("%d %q %v", status, text, err)
	}
	s.waitForConsole("wasi:cli/environment@")
	ask("PUT", "/detail?workload=three", "all", 404, "no such component runs\n")
	ask("PUT", "/detail", "most", 400, "want invocation, boundary, all or default as the body\n")
	member(t, file[:strings.LastIndexByte(file, '/')], "one", "/", ", environment: {NEW: value}")
	if code, text := o.ask("POST", "/reload", ""); code != 200 || text != "reloaded\n" {
		t.Errorf("reload: %d %q", code, text)
	}
	ask("GET", "/detail?workload=one", "", 200, "all\n")
	ask("PUT", "/detail", "default", 200, "boundary\n")
	if n, err := stop(); err != nil || n == 0 {
		t.Errorf("the neighbour: %d answers, %v", n, err)
	}
}
