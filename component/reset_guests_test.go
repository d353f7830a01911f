package component_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/internal/core"
	"github.com/vitrine-wasm/vitrine/tests/guestfixture"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// resets is how often each guest is reset: as the variable says, or as fits the run.
func resets(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("VITRINE_RESETS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("VITRINE_RESETS: %v", err)
		}
		return n
	}
	switch {
	case testing.Short():
		return 20
	case raceEnabled:
		return 50
	}
	return 250
}

// bed links a guest to a host of its own.
func bed(t *testing.T, e *component.Engine, g *guestfixture.Guest, c guestfixture.Config) *guestfixture.Fixture {
	t.Helper()
	c.Folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Folder, "kept"), []byte("what was there\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Read = func(name string) ([]byte, error) { return testref.Guest(t, name), nil }
	b, err := g.Link(context.Background(), e, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func peers(t *testing.T) *guestfixture.Peers {
	t.Helper()
	p, err := guestfixture.NewPeers()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// isolations are the kinds under test. Under snapshot, all instances have drawn what one has drawn.
var isolations = []struct {
	name   string
	kind   component.Isolation
	common bool
}{{"fresh", component.Fresh, false}, {"snapshot", component.Initialised, true}}

// worlds gives the worlds of the initialisation before a use, and of the use.
func worlds(n int, common bool) (initialised, used *guestfixture.World) {
	use := guestfixture.NewWorld(uint64(2*n + 1))
	if common {
		n = 0
	}
	return guestfixture.NewWorld(uint64(2 * n)), use
}

// later says that a guest needs WASI 0.3 or asynchronous functions.
func later(name string) bool {
	return strings.Contains(name, "-p3") || name == "wat-async-builtins"
}

// TestResetsAreFresh: what a guest answers from instances that are reset is byte for byte what it answers from new ones,
// and what it is behind each reset is bit for bit what a new one is.
func TestResetsAreFresh(t *testing.T) {
	e := engine(t)
	p := peers(t)
	want := resets(t)
	var table strings.Builder
	covered := map[string]bool{}
	for _, g := range guestfixture.Guests() {
		covered[g.Name] = true
		t.Run(g.Name, func(t *testing.T) {
			for _, i := range isolations {
				c := &comparison{fresh: bed(t, e, &g, guestfixture.Config{Peers: p}), reset: bed(t, e, &g, guestfixture.Config{Peers: p}),
					kind: i.kind, common: i.common, trips: g.MayTrap, refused: map[string]int{}}
				t.Run(i.name, func(t *testing.T) {
					defer c.close(t)
					began := time.Now()
					c.run(t, &g, want)
					fmt.Fprintf(&table, "%-22s %-9s %6d %6d %6d  %-22s %9d %6d %6d  %v\n", g.Name, i.name, c.resets, c.again, c.made, fmt.Sprint(c.refused),
						c.memory, c.globals, c.elements, time.Since(began).Round(time.Millisecond))
				})
			}
		})
	}
	for _, name := range testref.Guests(t) {
		if !covered[name] && !later(name) {
			t.Errorf("%s is not used", name)
		}
	}
	t.Logf("\n%-22s %-9s %6s %6s %6s  %-22s %9s %6s %6s\n%s", "guest", "isolation", "resets", "initd", "new", "not reset", "memory", "global", "table", table.String())
}

// comparison runs each use in a new instance and in one that is reset.
type comparison struct {
	fresh, reset *guestfixture.Fixture
	kind         component.Isolation
	common       bool
	trips        bool

	inst                      *component.Instance // nil: there is none
	then                      *core.State         // what it was when it was made
	made, resets, again       int
	refused                   map[string]int
	memory, globals, elements int // that were compared each time
}

// run goes on until there have been so many resets: uses in a random order, now and then one that ends the instance.
func (c *comparison) run(t *testing.T, g *guestfixture.Guest, want int) {
	rnd := rand.New(rand.NewPCG(uint64(len(g.Name)), 7))
	for n := 0; c.resets < want; n++ {
		if g.NotResettable != "" && n == want {
			break
		}
		if n > 2*want+50 {
			t.Fatalf("%d uses, and only %d resets: %v", n, c.resets, c.refused)
		}
		u, ends := g.Uses[rnd.IntN(len(g.Uses))], false
		if len(g.FatalUses) > 0 && rnd.IntN(20) == 0 {
			u, ends = g.FatalUses[rnd.IntN(len(g.FatalUses))], true
		}
		c.use(t, n, u, ends)
	}
	if wanted := c.kind == component.Fresh && g.RandomInit; (c.again == c.resets) != wanted && c.resets > 0 {
		t.Errorf("initialisation ran again in %d of %d resets", c.again, c.resets)
	}
	for reason := range c.refused {
		if reason != g.NotResettable && reason != "trapped" {
			t.Errorf("not reset: %v", c.refused)
		}
	}
	if g.NotResettable != "" && (c.resets > 0 || c.refused[g.NotResettable] == 0) {
		t.Errorf("%d resets of what cannot be reset (%s): %v", c.resets, g.NotResettable, c.refused)
	}
}

func (c *comparison) close(t *testing.T) {
	if c.inst != nil {
		if err := c.inst.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	c.inst, c.then = nil, nil
}

// use compares the use with number n.
func (c *comparison) use(t *testing.T, n int, u guestfixture.Use, ends bool) {
	t.Helper()
	ctx := context.Background()
	before, during := worlds(n, c.common)
	fresh, err := c.fresh.Linked.Instantiate(before.In(ctx), c.fresh.Options(component.NoReset)...)
	if err != nil {
		t.Fatalf("use %d: a new instance: %v", n, err)
	}
	defer func() {
		if err := fresh.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	before, duringAgain := worlds(n, c.common)
	c.renew(t, n, before)
	state := component.StateOf(c.inst)
	c.memory, c.globals, c.elements = state.Size()
	if err := state.Diff(component.StateOf(fresh), false); err != nil {
		t.Fatalf("use %d, after reset %d: not as a new instance: %v", n, c.resets, err)
	}
	if got, want := component.Held(c.inst), component.Held(fresh); got != want {
		t.Fatalf("use %d, after reset %d: it holds\n%s\na new instance\n%s", n, c.resets, got, want)
	}
	if !component.Reinitialised(c.inst) {
		if err := state.Diff(c.then, true); err != nil {
			t.Fatalf("use %d, after reset %d: not as it was: %v", n, c.resets, err)
		}
	}
	want, wantErr := c.fresh.Do(ctx, fresh, u, during)
	got, gotErr := c.reset.Do(ctx, c.inst, u, duringAgain)
	if got != want {
		t.Fatalf("use %d, %.80s: an instance that was reset %d times answers\n%.2000s\na new one\n%.2000s", n, u.Name, c.resets, got, want)
	}
	if c.trips && tripped(wantErr) && tripped(gotErr) {
		return
	}
	if (wantErr != nil) != ends || (gotErr != nil) != ends {
		t.Errorf("use %d, %.80s: ended with %v; a new one with %v", n, u.Name, gotErr, wantErr)
	}
}

// tripped says that a Go guest has asked for the time where it must not.
func tripped(err error) bool {
	var trap *cm.Trap
	return errors.As(err, &trap) && trap.Code == cm.TrapCannotLeave
}

// renew has an instance ready: reset, or made if the last one cannot be.
func (c *comparison) renew(t *testing.T, n int, w *guestfixture.World) {
	t.Helper()
	ctx := context.Background()
	if c.inst != nil {
		err := c.inst.Reset(w.In(ctx), cm.InstanceInfo{})
		if err == nil {
			c.resets++
			if component.Reinitialised(c.inst) {
				c.again++
			}
			return
		}
		var why *component.ResetError
		if !errors.As(err, &why) {
			t.Fatalf("use %d: reset: %v", n, err)
		}
		c.refused[why.Reason]++
		c.close(t)
	}
	inst, err := c.reset.Linked.Instantiate(w.In(ctx), c.reset.Options(c.kind)...)
	if err != nil {
		t.Fatalf("use %d: %v", n, err)
	}
	c.made++
	c.inst, c.then = inst, component.StateOf(inst).Clone()
}

// drawn notes what guests get from wasi:random.
type drawn struct {
	mu     sync.Mutex
	values []string
}

func (d *drawn) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind == cm.GuestToHost && b.Interface.Package == "random" {
		return d
	}
	return nil
}

func (d *drawn) Enter(c *cm.Call) context.Context { return c.Context }

func (d *drawn) Exit(c *cm.Call, _ cm.End) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range c.Results() {
		v, err := cm.ToGo(c.Boundary.Type.Result, r)
		if err != nil {
			v = err
		}
		d.values = append(d.values, fmt.Sprint(v))
	}
}

// TestDrawsDoNotRepeat: on the system's own randomness, no reset instance draws what it or another has drawn before, and
// none shows it. Under snapshot that holds for what uses draw; what initialisation has drawn is not drawn again.
func TestDrawsDoNotRepeat(t *testing.T) {
	e := engine(t)
	p := peers(t)
	want := resets(t)
	for _, g := range guestfixture.Guests() {
		for _, i := range isolations {
			random := &drawn{}
			b := bed(t, e, &g, guestfixture.Config{Peers: p, Real: true, Interceptor: random})
			if slices.ContainsFunc(b.Linked.Boundaries(), func(f *cm.Boundary) bool { return f.Interface.Package == "random" }) {
				t.Run(g.Name+"/"+i.name, func(t *testing.T) { drawAgain(t, b, &g, i.kind, random, want) })
			}
		}
	}
}

func drawAgain(t *testing.T, b *guestfixture.Fixture, g *guestfixture.Guest, kind component.Isolation, random *drawn, want int) {
	ctx := context.Background()
	uses := g.Uses[:1]
	for _, u := range g.Uses {
		if u.Unique {
			uses = append(uses, u)
		}
	}
	var inst *component.Instance
	end := func() {
		if inst != nil {
			if err := inst.Close(ctx); err != nil {
				t.Error(err)
			}
		}
		inst = nil
	}
	defer func() { end() }()
	shown := map[string]bool{}
	resets := 0
	for n := 0; resets < want; n++ {
		if n > 2*want+50 {
			t.Fatalf("%d uses, and only %d resets", n, resets)
		}
		before := len(random.values)
		var err error
		draws := g.RandomInit
		if inst == nil {
			inst, err = b.Linked.Instantiate(guestfixture.NewWorld(0).In(ctx), b.Options(kind)...)
		} else {
			err = inst.Reset(guestfixture.NewWorld(0).In(ctx), cm.InstanceInfo{})
			draws = draws && kind == component.Fresh
			resets++
		}
		if err != nil {
			t.Fatalf("use %d: %v", n, err)
		}
		if drew := len(random.values) > before; drew != draws {
			t.Fatalf("before use %d, after %d resets: initialisation draws: %v", n, resets, drew)
		}
		u := uses[n%len(uses)]
		got, err := b.Do(ctx, inst, u, guestfixture.NewWorld(0))
		switch {
		case g.MayTrap && tripped(err):
			end()
		case err != nil:
			t.Fatalf("use %d, %s: %v", n, u.Name, err)
		case u.Unique && shown[got]:
			t.Errorf("use %d, %s: shows again what it has shown before: %.500s", n, u.Name, got)
		}
		shown[got] = true
	}
	seen := map[string]bool{}
	for _, v := range random.values {
		if seen[v] {
			t.Errorf("drawn twice: %.80s", v)
		}
		seen[v] = true
	}
	t.Logf("%d draws in %d uses, all different", len(random.values), want)
}
