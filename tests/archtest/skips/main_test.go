package main

import (
	"bytes"
	"strings"
	"testing"
)

// testOutput is the output of go test for a package with a test that passes, three that are skipped and one that fails.
const testOutput = `{"Action":"start","Package":"github.com/vitrine-wasm/vitrine/a"}
{"Action":"run","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne"}
{"Action":"output","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne/x","Output":"    a_test.go:3: it is\n"}
{"Action":"output","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne/x","Output":"        not here\n"}
{"Action":"output","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne/x","Output":"--- SKIP: TestOne/x (0.00s)\n"}
{"Action":"skip","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne/x"}
{"Action":"pass","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestOne"}
{"Action":"skip","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestTwo"}
{"Action":"skip","Package":"github.com/vitrine-wasm/vitrine/a","Test":"TestRace"}
{"Action":"output","Package":"github.com/vitrine-wasm/vitrine/a","Output":"ok  \tgithub.com/vitrine-wasm/vitrine/a\t0.1s\n"}
{"Action":"pass","Package":"github.com/vitrine-wasm/vitrine/a"}
no event
`

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		list string
		here environment
		want []string
	}{
		"all listed": {"./a TestOne/* always because\n./a TestTwo without:thing because\n./a TestRace with:race because",
			environment{race: true, lacks: func(string) bool { return true }}, nil},
		"not listed": {"./a TestOne/x always because\n./a TestRace sometimes because", environment{}, []string{"./a TestTwo is skipped and not listed"}},
		"of another package": {"./b TestOne/x always b\n./a TestOne/x always because\n./a Test[TR]* sometimes because", environment{},
			nil},
		"the thing is here": {"./a TestOne/x always because\n./a TestTwo without:thing because\n./a TestRace sometimes because",
			environment{lacks: func(string) bool { return false }}, []string{"./a TestTwo is skipped, which is right without:thing alone"}},
		"no race": {"./a TestOne/x always because\n./a TestTwo always because\n./a TestRace with:race because",
			environment{}, []string{"./a TestRace is skipped, which is right with:race alone"}},
		"stale": {"./a * sometimes because\n./a TestOne/* always because\n./a TestThree always because\n./a TestFour without:thing because\n./c TestFive always because",
			environment{lacks: func(string) bool { return true }}, []string{"lists ./a TestThree, which was not skipped", "lists ./a TestFour, which was not skipped"}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := parse(c.list)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			r := newReport(&out)
			if err := r.read(strings.NewReader(testOutput)); err != nil {
				t.Fatal(err)
			}
			faults := r.check(list, c.here)
			r.summary(faults)
			if len(faults) != len(c.want) {
				t.Errorf("%q, want %q", faults, c.want)
			}
			for i := range min(len(faults), len(c.want)) {
				if !strings.Contains(faults[i], c.want[i]) {
					t.Errorf("%q, want %q", faults[i], c.want[i])
				}
			}
			for _, want := range []string{"ok  \t", "no event\n", "4 tests run, 0 failed, 3 skipped\n", "skipped ./a TestOne/x: a_test.go:3: it is not here ("} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, out.String())
				}
			}
		})
	}
}

// TestRun: the status of the command and failures in events fail the run.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		status  int
		out     string
	}{
		"go test":        {[]string{"go", "test", "-json", "-run", "^$", "."}, 0, "0 tests run, 0 failed, 0 skipped"},
		"does not build": {[]string{"go", "test", "-json", "-tags", "nope", "./nowhere"}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			status, err := run(c.command, true, &out)
			if status != c.status || err != nil || !strings.Contains(out.String(), c.out) {
				t.Errorf("status %d, %v\n%s", status, err, out.String())
			}
		})
	}
	if _, err := run([]string{"no-such-command-here"}, false, new(bytes.Buffer)); err == nil {
		t.Error("a command that is not there")
	}
}

// TestFailures: the output of a failed test is printed, and of a package that fails without one.
func TestFailures(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	events := strings.NewReplacer(`"skip"`, `"fail"`).Replace(testOutput)
	if err := r.read(strings.NewReader(events)); err != nil || r.failed != 3 || !strings.Contains(out.String(), "a_test.go:3: it is\n") {
		t.Errorf("%d failed, %v: %s", r.failed, err, out.String())
	}
	if err := r.read(strings.NewReader(`{"Action":"fail","Package":"p"}`)); err != nil || r.failed != 4 {
		t.Errorf("%d failed, %v", r.failed, err)
	}
}

func TestParse(t *testing.T) {
	if _, err := parse(listed); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"./a Test always", "./a Test[ always x y", "./a Test maybe x y"} {
		if list, err := parse(text); err == nil {
			t.Errorf("%q: %v", text, list)
		}
	}
}
