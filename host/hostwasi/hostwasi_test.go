package hostwasi

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/command"
	"github.com/vitrine-wasm/vitrine/wasi"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// notServed are the interfaces of the reference that guests export.
var notServed = []string{"wasi:cli/run@0.2.12", "wasi:http/incoming-handler@0.2.12", "wasi:cli/run@0.3.0", "wasi:http/handler@0.3.0"}

// TestServesTheReference: what is served is what the WIT of WASI 0.2.12 and 0.3.0 has, in both directions.
func TestServesTheReference(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("..", "..", "wasi", "wit", "wasi-*@*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no WIT: %v", err)
	}
	set, err := wit.Load(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, p := range set.Packages {
		for _, i := range p.Interfaces {
			if !slices.Contains(notServed, i.ID.String()) {
				want = append(want, i.ID.String())
			}
		}
	}
	for _, id := range New(Config{}).Serves() {
		if id.Version == wasi.ReleaseCandidate3 {
			continue // TestReleaseCandidate compares it
		}
		got = append(got, id.String())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("serves\n%s\nthe reference has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type sink struct {
	mu    sync.Mutex
	lines []string
}

func (s *sink) Log(_ context.Context, l host.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, l.Component+" "+l.Stream+" "+l.Text)
}

// run runs the command that writes "hello\nwor" with a plugin.
func run(t *testing.T, p *Plugin, lines host.LogSink, change func(c *workload.Component)) error {
	t.Helper()
	engine, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trigger := command.New("")
	h, err := host.New(host.Config{Engine: engine, Plugins: []host.Plugin{p}, Triggers: []host.Trigger{trigger}, Console: lines})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(h.Close(context.Background()), engine.Close(context.Background())); err != nil {
			t.Error(err)
		}
	}()
	w := &workload.Spec{Name: "w", Components: []workload.Component{{Name: "hello", Source: workload.Source{File: "../../cli/testdata/hello.wasm"}}}}
	if change != nil {
		change(&w.Components[0])
	}
	if _, err := h.Start(t.Context(), w); err != nil {
		return err
	}
	return trigger.Run(t.Context())
}

func TestStreams(t *testing.T) {
	var raw bytes.Buffer
	lines := &sink{}
	if err := run(t, New(Config{Stdout: &raw}), lines, nil); err != nil {
		t.Fatal(err)
	}
	if raw.String() != "hello\nwor" {
		t.Errorf("raw %q", raw.String())
	}
	if want := []string{"hello stdout hello", "hello stdout wor"}; !slices.Equal(lines.lines, want) {
		t.Errorf("lines %q", lines.lines)
	}
	if err := run(t, New(Config{}), nil, nil); err != nil {
		t.Errorf("without streams: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// TestBrokenOutput: an output that is gone is the guest's to deal with, and no trap.
func TestBrokenOutput(t *testing.T) {
	err := run(t, New(Config{Stdout: broken{}}), nil, nil)
	var trap *cm.Trap
	if errors.As(err, &trap) {
		t.Errorf("got %v", err)
	}
}

func TestBadGrants(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *workload.Component)
		want   string
	}{
		"http":    {func(c *workload.Component) { c.Grants.HTTP = []string{"ftp://x"} }, "grant http"},
		"sockets": {func(c *workload.Component) { c.Grants.Sockets.Connect = []string{"x"} }, `"x"`},
		"files": {func(c *workload.Component) {
			c.Grants.Files = []workload.FileGrant{{Host: "/nowhere/at/all", Guest: "/d"}}
		}, "/nowhere/at/all"},
	} {
		err := run(t, New(Config{}), nil, c.change)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "component hello: plugin wasi") {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "files" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("files: %v hides its cause", err)
		}
	}
}
