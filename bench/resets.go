package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/guestfixture"
)

// resetRow is what it takes to have an instance of one guest for a use: medians, in nanoseconds.
type resetRow struct {
	Guest     string
	Reason    string        `json:",omitempty"` // why it cannot be reset; empty if it can
	Again     bool          // under fresh, initialisation runs again
	New       time.Duration // a new instance for one use, and its end
	Fresh     time.Duration `json:",omitempty"` // a reset under each kind of isolation
	Snapshot  time.Duration `json:",omitempty"`
	NotServed bool          `json:",omitempty"` // it needs a WASI that is not served
}

type resetsResult struct {
	Rows               []resetRow
	Resettable, Served int
}

func (r resetsResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %12s %12s %12s  %s\n", "guest", "new", "fresh", "snapshot", "")
	us := func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	}
	for _, x := range r.Rows {
		note := x.Reason
		switch {
		case x.NotServed:
			note = "not run: WASI 0.3"
		case x.Reason != "":
			note = "not resettable: " + note
		case x.Again:
			note = "fresh runs initialisation again"
		}
		fmt.Fprintf(&b, "%-24s %12s %12s %12s  %s\n", x.Guest, us(x.New), us(x.Fresh), us(x.Snapshot), note)
	}
	fmt.Fprintf(&b, "%d of %d guests that run are resettable", r.Resettable, r.Served)
	return b.String()
}

// resets measures, in this process, what each prebuilt guest's instances cost: new ones, and ones that are reset after they
// have done the plainest thing that the guest is made for.
func resets(r *run, args []string) (any, error) {
	dir := r.flags.String("guests", filepath.Join(root(), "testdata", "guests", "prebuilt"), "the folder of the guests")
	uses := r.flags.Int("n", 300, "uses of each guest in each way")
	only := r.flags.String("only", "", "guests whose names contain this")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(*dir, "*.component.wasm"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no guests in %s", *dir)
	}
	peers, err := guestfixture.NewPeers()
	if err != nil {
		return nil, err
	}
	defer peers.Close()
	folder, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cfg := guestfixture.Config{Folder: folder, Peers: peers, Real: true, Read: func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(*dir, name+".component.wasm"))
	}}
	var out resetsResult
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".component.wasm")
		if !strings.Contains(name, *only) {
			continue
		}
		row := resetRow{Guest: name}
		if g, err := guestfixture.Find(name); err != nil {
			row.NotServed = true
		} else if err := row.measure(g, cfg, *uses); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		} else {
			out.Served++
			if row.Reason == "" {
				out.Resettable++
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// measure fills the row. The guest has an engine of its own, so that nothing of others is in its way.
func (x *resetRow) measure(g *guestfixture.Guest, cfg guestfixture.Config, uses int) (err error) {
	ctx := context.Background()
	e, err := component.NewEngine(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(ctx)) }()
	bed, err := g.Link(ctx, e, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bed.Close()) }()
	if x.New, _, err = bedCost(ctx, bed, g, component.NoReset, uses); err != nil {
		return err
	}
	for kind, into := range map[component.Isolation]*time.Duration{component.Fresh: &x.Fresh, component.Initialised: &x.Snapshot} {
		var reason string
		if *into, reason, err = bedCost(ctx, bed, g, kind, uses); err != nil {
			return err
		}
		if reason != "" {
			*into, x.Reason = 0, reason
		}
	}
	x.Again = g.RandomInit
	return nil
}

// bedCost is the median of what it takes to have an instance; reason is why it is not a reset.
func bedCost(ctx context.Context, bed *guestfixture.Fixture, g *guestfixture.Guest, kind component.Isolation, uses int) (_ time.Duration, reason string, err error) {
	var took []time.Duration
	var inst *component.Instance
	defer func() {
		if inst != nil {
			err = errors.Join(err, inst.Close(ctx))
		}
	}()
	for n := 0; len(took) < uses; n++ {
		if n > 10*uses {
			return 0, "", fmt.Errorf("its uses fail")
		}
		w := guestfixture.NewWorld(uint64(n))
		began := time.Now()
		if inst != nil {
			if kind == component.NoReset {
				err = inst.Close(ctx)
				inst = nil
			} else {
				err = inst.Reset(w.In(ctx), cm.InstanceInfo{})
			}
			if err != nil {
				return 0, "", err
			}
		}
		counts := inst != nil || kind == component.NoReset
		if inst == nil {
			if inst, err = bed.Linked.Instantiate(w.In(ctx), bed.Options(kind)...); err != nil {
				return 0, "", err
			}
		}
		if counts {
			took = append(took, time.Since(began))
		}
		if why := (*component.ResetError)(nil); kind != component.NoReset && errors.As(inst.Resettable(), &why) {
			return 0, why.Reason, nil
		}
		if _, failed := bed.Do(ctx, inst, g.Uses[0], w); failed != nil {
			// Go guests trip over their own clock now and then.
			err = inst.Close(ctx)
			inst = nil
			if err != nil {
				return 0, "", err
			}
		}
	}
	slices.Sort(took)
	return took[len(took)/2], "", nil
}
