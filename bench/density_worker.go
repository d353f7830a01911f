package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	triggerhttp "github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

// idleInstances has reset instances like those of the host's pool, and is an Invoker that uses one of them.
type idleInstances struct {
	linked    *component.Linked
	isolation component.Isolation
	all       []*component.Instance
	use       func(p *idleInstances, ctx context.Context, at int) error

	at    int        // which instance the next invocation uses
	base  string     // URL, if the guest serves HTTP
	ended chan error // of the invocation; a client has its answer before the guest has returned
}

// densityWorker makes, uses, resets and releases instances in this process, and reports their cost.
func densityWorker(r *run, args []string) (any, error) {
	guest := r.flags.String("guest", "", "a component")
	n := r.flags.Int("n", 1, "how many instances")
	isolation := r.flags.String("isolation", "fresh", "fresh or snapshot")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &idleInstances{isolation: component.Fresh, ended: make(chan error, 1)}
	if *isolation == "snapshot" {
		p.isolation = component.Initialised
	}
	out := &densityResult{Guest: strings.TrimSuffix(filepath.Base(*guest), ".component.wasm"), Isolation: *isolation, Wanted: *n}
	if b, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil {
		out.Limit, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	if err := p.link(ctx, *guest); err != nil {
		return nil, err
	}
	// The first instance makes what all of them share.
	if err := p.make(ctx); err != nil {
		return nil, err
	}
	if err := p.close(ctx); err != nil {
		return nil, err
	}
	out.Steps = append(out.Steps, measureFootprint("linked", 0))
	begin := time.Now()
	for len(p.all) < *n {
		if err := p.make(ctx); err != nil {
			out.Failed = fmt.Sprintf("instance %d: %v", len(p.all)+1, err)
			break
		}
	}
	out.Make = time.Since(begin)
	out.Steps = append(out.Steps, measureFootprint("idle, reset", len(p.all)))
	begin = time.Now()
	for i := range p.all {
		if err := p.use(p, ctx, i); err != nil {
			if out.Wrong++; out.Failed == "" {
				out.Failed = fmt.Sprintf("instance %d, used again: %v", i+1, err)
			}
		}
	}
	out.Use = time.Since(begin)
	out.Steps = append(out.Steps, measureFootprint("idle, as a use left them", len(p.all)))
	if err := p.close(ctx); err != nil && out.Failed == "" {
		out.Failed = err.Error()
	}
	out.Steps = append(out.Steps, measureFootprint("closed", 0))
	return out, nil
}

// link loads the guest and chooses how it is used: by an exported function or by requests.
func (p *idleInstances) link(ctx context.Context, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	e, err := component.NewEngine(ctx)
	if err != nil {
		return err
	}
	c, err := e.Load(ctx, "guest", b)
	if err != nil {
		return err
	}
	w := &workload.Spec{Name: "density", Components: []workload.Component{{Name: "guest"}},
		Triggers: []workload.TriggerSpec{{Type: "http", Component: "guest"}}}
	l := e.NewLinker(nil)
	if _, err := hostwasi.New(hostwasi.Config{}).Bind(ctx, l, &host.Binding{Workload: w, Component: &w.Components[0]}); err != nil {
		return err
	}
	if p.linked, err = l.Link(ctx, c); err != nil {
		return err
	}
	for _, x := range p.linked.Exports() {
		if x.String() == "lab:cstr/text@1.2.3" {
			p.use = (*idleInstances).reverse
			return nil
		}
	}
	t := triggerhttp.New(triggerhttp.Config{})
	if _, err := t.Attach(ctx, w, p); err != nil {
		return err
	}
	go func() { _ = t.Run(ctx) }()
	p.base, p.use = "http://"+t.Addr().String(), (*idleInstances).request
	return nil
}

// make makes one more instance, uses it, and resets it.
func (p *idleInstances) make(ctx context.Context) error {
	inst, err := p.linked.Instantiate(ctx, component.WithReset(p.isolation, func(b *cm.Boundary) bool { return b.Interface.Interface == "environment" }), component.WithMemory(1<<30))
	if err != nil {
		return err
	}
	p.all = append(p.all, inst)
	err = inst.Resettable()
	if err == nil {
		err = p.use(p, ctx, len(p.all)-1)
	}
	if err == nil {
		err = inst.Reset(ctx, cm.InstanceInfo{})
	}
	if err != nil {
		p.all = p.all[:len(p.all)-1]
		_ = inst.Close(ctx)
	}
	return err
}

func (p *idleInstances) close(ctx context.Context) error {
	var first error
	for _, inst := range p.all {
		if err := inst.Close(ctx); err != nil && first == nil {
			first = fmt.Errorf("close: %w", err)
		}
	}
	p.all = nil
	return first
}

// reverse calls c-strings.
func (p *idleInstances) reverse(ctx context.Context, at int) error {
	inst := p.all[at]
	got, err := inst.Call(ctx, "lab:cstr/text@1.2.3#rev", "stressed")
	if err == nil && got != "desserts" {
		err = fmt.Errorf("it says %v, want desserts", got)
	}
	if err == nil {
		err = inst.Release(ctx)
	}
	return err
}

// request sends a guest that serves HTTP a request.
func (p *idleInstances) request(_ context.Context, at int) error {
	p.at = at
	resp, err := http.Get(p.base + "/hello")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "hello")) {
		err = fmt.Errorf("status %d with %.80q", resp.StatusCode, b)
	}
	return errors.Join(err, <-p.ended)
}

// Linked implements host.Invoker.
func (p *idleInstances) Linked(string) (*component.Linked, error) { return p.linked, nil }

// Invoke runs one invocation in the chosen instance.
func (p *idleInstances) Invoke(ctx context.Context, inv *host.Invocation) error {
	inst := p.all[p.at]
	err := inv.Run(ctx, inst)
	inv.Settle(ctx, err)
	err = errors.Join(err, inst.Release(ctx))
	p.ended <- err
	return err
}

// measureFootprint measures this process.
func measureFootprint(what string, instances int) footprint {
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{What: what, Instances: instances, Heap: float64(m.HeapAlloc) / (1 << 20), Goroutines: runtime.NumGoroutine()}
	if b, err := os.ReadFile("/proc/self/smaps_rollup"); err == nil {
		for line := range strings.Lines(string(b)) {
			if v := strings.Fields(line); len(v) > 1 {
				kb, _ := strconv.ParseFloat(v[1], 64)
				switch v[0] {
				case "Rss:":
					f.RSS = kb / 1024
				case "Pss:":
					f.PSS = kb / 1024
				}
			}
		}
	}
	if b, err := os.ReadFile("/proc/self/maps"); err == nil {
		f.Mappings = strings.Count(string(b), "\n")
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.FDs = len(fds) - 1 // the folder itself
	}
	return f
}
