//go:build unix

package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// recorder records operations.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (*recorder) Bind(*cm.Boundary) cm.Hooks { return nil }

func (r *recorder) Begin(ctx context.Context, op *cm.Operation) (context.Context, func(error)) {
	return ctx, func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		s := op.Name + " " + string(op.Component)
		for _, a := range op.Attrs {
			if a.Key == "process.exit.code" {
				s += " " + strconv.Itoa(a.Value.(int))
			}
		}
		if err != nil {
			s += " failed"
		}
		r.all = append(r.all, s)
	}
}

func component(dir, name, script string, needs ...string) workload.Component {
	return workload.Component{Name: name, Source: workload.Source{File: filepath.Join(dir, name)},
		Build: workload.Build{Command: []string{"sh", "-c", script + "; touch " + name}, Folder: dir, Needs: needs}}
}

// TestOrder: builds that need no other run at the same time, the others after those that they need.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	for _, fifo := range []string{"x", "y"} {
		if err := syscall.Mkfifo(filepath.Join(dir, fifo), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &workload.Spec{Name: "w", Components: []workload.Component{
		component(dir, "last", "test -e left && test -e right || exit 9", "left", "right"),
		component(dir, "left", "echo > x; cat y"), // each waits for the other: they run at once
		component(dir, "right", "cat x; echo > y"),
	}}
	var r recorder
	if err := Run(t.Context(), w, Config{Interceptor: &r, Parallel: 2}); err != nil {
		t.Fatal(err)
	}
	if len(r.all) != 4 || r.all[2] != "build last 0" || r.all[3] != "workload build " {
		t.Errorf("got %q", r.all)
	}
}

// TestShared: components of the same build are built once, and each file is looked for.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	both := workload.Build{Command: []string{"sh", "-c", "echo once; touch a"}, Folder: dir}
	w := &workload.Spec{Name: "w", Components: []workload.Component{
		{Name: "a", Source: workload.Source{File: filepath.Join(dir, "a")}, Build: both},
		{Name: "b", Source: workload.Source{File: filepath.Join(dir, "b")}, Build: both},
	}}
	var lines []string
	err := Run(t.Context(), w, Config{Line: func(name, line string) { lines = append(lines, name+": "+line) }})
	var failed *Error
	if !errors.As(err, &failed) || failed.File != filepath.Join(dir, "b") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(lines, []string{"a+b: once"}) {
		t.Errorf("got %q", lines)
	}
}

// TestFailure: a failed hook ends its build, and its operation says so.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	c := component(dir, "a", "touch must-not-be")
	c.Build.Before = [][]string{{"sh", "-c", "exit 7"}}
	var r recorder
	err := Run(t.Context(), &workload.Spec{Components: []workload.Component{c}}, Config{Interceptor: &r})
	var failed *Error
	if !errors.As(err, &failed) || failed.Status != 7 || failed.Command[2] != "exit 7" {
		t.Errorf("got %v", err)
	}
	if want := []string{"build before a 7 failed", "workload build  failed"}; !slices.Equal(r.all, want) {
		t.Errorf("got %q", r.all)
	}
	if _, err := os.Stat(filepath.Join(dir, "must-not-be")); err == nil {
		t.Error("the command ran")
	}
}

// TestInterrupted: the end of the context ends a command with the processes that it has started, also those that ignore SIGTERM.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "pids")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := component(dir, "a", `sh -c 'trap "" TERM; echo $$ > pids; sleep 600' & wait`)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, &workload.Spec{Components: []workload.Component{c}}, Config{}) }()
	text, err := os.ReadFile(fifo)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	cancel(stopped)
	if err := <-ended; !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
	for end := time.Now().Add(30 * time.Second); running(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the command's child goes on")
		}
	}
}

// running says whether a process goes on: one that has ended and that its parent has not waited for does not.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// TestOutput: hostile output is cut into bounded lines.
func TestOutput(t *testing.T) {
	var lines []string
	w := &lineWriter{line: func(s string) { lines = append(lines, s) }}
	for _, s := range []string{"a\r\n\n", strings.Repeat("x", 2*maxLine), "\nlast"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	w.flush()
	if len(lines) != 3 || lines[0] != "a" || len(lines[1]) != maxLine || lines[2] != "last" {
		t.Errorf("got %d lines", len(lines))
	}
}
