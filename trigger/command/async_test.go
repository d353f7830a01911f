package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/workload"
)

var slept = regexp.MustCompile(`slept (\d+) ms`)

// buffer is a process's output.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestRunAsync: a command of WASI 0.3 runs by its asynchronous run, and all that it has written has come out when it has ended.
func TestRunAsync(t *testing.T) {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	dir := t.TempDir()
	large := strings.Repeat("0123456789abcdef", 50_000)
	for _, c := range []struct {
		args       []string
		stdin      string
		out, errs  string
		status     uint8
		trap       cm.TrapCode
		afterwards func(t *testing.T)
	}{
		{args: []string{"hello"}, out: "hello from rust-cli-p3\n"},
		{args: []string{"args", "x", "y"}, out: "[\"c\", \"args\", \"x\", \"y\"]\n"},
		{args: []string{"fail"}, status: 1},
		{args: []string{"exit", "7"}, status: 7},
		{args: []string{"trap"}, trap: cm.TrapUnreachable},
		{args: []string{"stderr"}, errs: "to stderr\n"},
		{args: []string{"cat"}, stdin: large, out: large},
		{args: []string{"upper"}, stdin: "text\n", out: "TEXT\n"},
		{args: []string{"sleep", "5"}, out: "slept (5 or more) ms\n"},
		{args: []string{"write", "f", "some text"}, out: "Ok(())\n", afterwards: func(t *testing.T) {
			if b, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(b) != "some text" {
				t.Errorf("%q, %v", b, err)
			}
		}},
		{args: []string{"read", "f"}, out: "some text\n"},
		{args: []string{"ls"}, out: "f\n"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			var out, errs buffer
			plugin := hostwasi.New(hostwasi.Config{Stdin: strings.NewReader(c.stdin), Stdout: &out, Stderr: &errs})
			trigger := New("")
			h, err := host.New(host.Config{Engine: engine, Plugins: []host.Plugin{plugin}, Triggers: []host.Trigger{trigger}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close(ctx)
			w := &workload.Spec{Name: "w", Components: []workload.Component{{
				Name: "c", Args: append([]string{"c"}, c.args...), Source: workload.Source{File: testref.File(t, "rust-cli-p3")},
				Grants: workload.Grants{Files: []workload.FileGrant{{Host: dir, Guest: "/"}}},
			}}}
			if _, err := h.Start(ctx, w); err != nil {
				t.Fatal(err)
			}
			err = trigger.Run(ctx)
			var exit *cm.ExitError
			var trap *cm.Trap
			switch {
			case c.trap != "":
				if !errors.As(err, &trap) || trap.Code != c.trap {
					t.Errorf("%v, want a trap %s", err, c.trap)
				}
			case c.status > 0:
				if !errors.As(err, &exit) || exit.Code != c.status {
					t.Errorf("%v, want status %d", err, c.status)
				}
			case err != nil:
				t.Error(err)
			}
			got := slept.ReplaceAllStringFunc(out.String(), func(s string) string {
				if n, _ := strconv.Atoi(slept.FindStringSubmatch(s)[1]); n < 5 {
					return s
				}
				return "slept (5 or more) ms"
			})
			if got != c.out || errs.String() != c.errs {
				t.Errorf("%d bytes %.200q and %q, want %d bytes %.200q and %q", len(got), got, errs.String(), len(c.out), c.out, c.errs)
			}
			if c.afterwards != nil {
				c.afterwards(t)
			}
		})
	}
}
