// Command skips runs `go test -json …`, prints the output of go test, the number of tests, and each skipped test with its
// reason.
//
//	go run ./tests/archtest/skips [-strict] go test -json ./…
//
// Its exit status is that of the command. With -strict it fails as well if a test was skipped that skips.txt does not list or
// that had no reason to be skipped here, and if an entry of skips.txt should have been met and was not.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	strict := flag.Bool("strict", false, "fail on skips that are not listed, and on entries that are stale")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: skips [-strict] go test -json …")
		os.Exit(2)
	}
	status, err := run(flag.Args(), *strict, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
	}
	os.Exit(status)
}

// run runs the command and accounts for its tests.
func run(command []string, strict bool, w io.Writer) (status int, err error) {
	list, err := parse(listed)
	if err != nil {
		return 1, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	r := newReport(w)
	readErr := r.read(out)
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	status = cmd.ProcessState.ExitCode()
	if readErr != nil {
		return max(status, 1), readErr
	}
	faults := r.check(list, environment{race: slices.Contains(command, "-race"), emulated: slices.Contains(command, "-exec")})
	r.summary(faults)
	if r.failed > 0 || strict && len(faults) > 0 {
		status = max(status, 1)
	}
	return status, nil
}

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

// skip is a test that was skipped.
type skip struct {
	pkg, test, why string
	entry          *entry // of the list; nil if there is none
}

// report is the result of a run.
type report struct {
	w           io.Writer
	ran, failed int
	skipped     []*skip
	packages    map[string]bool
	output      map[string]*bytes.Buffer // of tests and packages that have not ended
}

func newReport(w io.Writer) *report {
	return &report{w: w, packages: map[string]bool{}, output: map[string]*bytes.Buffer{}}
}

// read reads the output of go test -json. Lines that are not events are printed unchanged.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				_, _ = r.w.Write(line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	buf := r.output[key]
	if buf == nil {
		buf = new(bytes.Buffer)
		r.output[key] = buf
	}
	ended := true
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "output":
		if e.Test == "" && (strings.HasPrefix(e.Output, "ok ") || strings.HasPrefix(e.Output, "FAIL") || strings.HasPrefix(e.Output, "---")) {
			fmt.Fprint(r.w, e.Output)
		}
		buf.WriteString(e.Output)
		ended = false
	case "start":
		r.packages[e.Package] = true
	case "pass", "fail", "skip":
		r.end(e, buf)
	default:
		ended = false
	}
	if ended {
		delete(r.output, key)
	}
}

// end counts a test that has ended, and prints its output if it failed.
func (r *report) end(e event, said *bytes.Buffer) {
	if e.Test == "" {
		if e.Action == "fail" {
			r.failed++ // also if no test of the package failed
			fmt.Fprint(r.w, said)
		}
		return
	}
	r.ran++
	switch e.Action {
	case "fail":
		r.failed++
		fmt.Fprint(r.w, said)
	case "skip":
		r.skipped = append(r.skipped, &skip{pkg: relative(e.Package), test: e.Test, why: reason(said.String())})
	}
}

// module is the path before that of each package of this repository.
const module = "github.com/vitrine-wasm/vitrine"

// relative is a package's path as the list has it.
func relative(pkg string) string { return "." + strings.TrimPrefix(pkg, module) }

// reason is the output of a skipped test as one line.
func reason(said string) string {
	var words []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") && line != "" {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}

// check compares the skipped tests with the list, and returns the faults.
func (r *report) check(list []*entry, h environment) (faults []string) {
	met := map[*entry]bool{}
	for _, s := range r.skipped {
		i := slices.IndexFunc(list, func(e *entry) bool { return e.covers(s.pkg, s.test) })
		if i < 0 {
			faults = append(faults, fmt.Sprintf("%s %s is skipped and not listed: %s", s.pkg, s.test, s.why))
			continue
		}
		s.entry = list[i]
		met[s.entry] = true
		if must, known := s.entry.applies(h); known && !must {
			faults = append(faults, fmt.Sprintf("%s %s is skipped, which is right %s alone: %s", s.pkg, s.test, s.entry.when, s.why))
		}
	}
	for _, e := range list {
		if must, known := e.applies(h); known && must && !met[e] && r.has(e.pkg) {
			faults = append(faults, fmt.Sprintf("skips.txt lists %s %s, which was not skipped", e.pkg, e.test))
		}
	}
	return faults
}

func (r *report) has(pkg string) bool {
	for p := range r.packages {
		if relative(p) == pkg {
			return true
		}
	}
	return false
}

// summary prints figures and skips.
func (r *report) summary(faults []string) {
	fmt.Fprintf(r.w, "%d tests run, %d failed, %d skipped\n", r.ran, r.failed, len(r.skipped))
	for _, s := range r.skipped {
		listed := "not listed"
		if s.entry != nil {
			listed = s.entry.why
		}
		fmt.Fprintf(r.w, "  skipped %s %s: %s (%s)\n", s.pkg, s.test, s.why, listed)
	}
	for _, f := range faults {
		fmt.Fprintln(r.w, "  wrong:", f)
	}
}
