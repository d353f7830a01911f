package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/view"
	"github.com/vitrine-wasm/vitrine/workload"
)

// show has the viewer show the host's workloads, and mark when they are replaced, until ctx ends or the viewer is closed.
func (v *viewer) show(ctx context.Context, h *host.Local, types []Trigger) {
	if v == nil || h == nil {
		return
	}
	v.ShowWorkloads(func() []view.Workload { return workloadsOf(h, types) })
	ctx, v.unwatch = context.WithCancel(ctx)
	v.watching.Go(func() {
		since := map[workload.ID]time.Time{}
		for e, err := range h.Watch(ctx) {
			if err != nil || e.State != workload.Running || since[e.ID].Equal(e.Since) {
				continue
			}
			if !since[e.ID].IsZero() {
				_ = v.Mark("reload", string(e.ID)) // a store that cannot be written shows that by what it drops
			}
			since[e.ID] = e.Since
		}
	})
}

// workloadsOf describes the workloads that run.
func workloadsOf(h *host.Local, types []Trigger) (out []view.Workload) {
	states := map[workload.ID]host.WorkloadStatus{}
	for _, s := range h.Workloads() {
		states[s.ID] = s
	}
	for _, w := range h.Wirings() {
		s := states[w.Spec.ID()]
		one := view.Workload{ID: string(w.Spec.ID()), State: string(s.State), Since: s.Since, Triggers: []view.Trigger{}, Components: []view.Component{}, Calls: callsOf(w.Boundaries)}
		for _, t := range w.Spec.Triggers {
			one.Triggers = append(one.Triggers, view.Trigger{Type: t.Type, Detail: summaryOf(types, t), Chain: t.Chain, Component: t.Component})
		}
		for i := range w.Spec.Components {
			one.Components = append(one.Components, componentOf(&w.Spec.Components[i], &s, w.Boundaries))
		}
		out = append(out, one)
	}
	return out
}

// callsOf says who calls whom by which interface.
func callsOf(programs [][]*cm.Boundary) []view.Call {
	type key struct{ from, to, name string }
	functions := map[key]map[string]bool{}
	for _, b := range slices.Concat(programs...) {
		k := key{from: string(b.Caller), to: string(b.Callee)}
		switch b.Kind {
		case cm.GuestToHost:
			k.to = ""
		case cm.GuestToGuest:
		default:
			continue
		}
		if b.Interface.Interface != "" {
			k.name = b.Interface.String()
		}
		if functions[k] == nil {
			functions[k] = map[string]bool{}
		}
		functions[k][b.Func] = true
	}
	out := []view.Call{}
	for k, f := range functions {
		out = append(out, view.Call{From: k.from, To: k.to, Interface: k.name, Functions: len(f)})
	}
	slices.SortFunc(out, func(a, b view.Call) int {
		return strings.Compare(a.From+"\x00"+a.To+"\x00"+a.Interface, b.From+"\x00"+b.To+"\x00"+b.Interface)
	})
	return out
}

func componentOf(c *workload.Component, s *host.WorkloadStatus, programs [][]*cm.Boundary) view.Component {
	one := view.Component{Name: c.Name, Source: c.Source.Image, Grants: grantsOf(c, s), Limits: limitsOf(c), Instances: []view.Fact{}, Exports: []view.Fact{}}
	if one.Source == "" {
		one.Source = filepath.Base(c.Source.File)
	}
	for _, v := range s.Services {
		if v.Component == c.Name {
			one.Service = string(v.State)
		}
	}
	for _, p := range s.Components {
		if p.Name == c.Name {
			one.Instances = instancesOf(p.Pool)
		}
	}
	exports := map[string]bool{}
	for _, b := range slices.Concat(programs...) {
		if b.Kind == cm.HostToGuest && (string(b.Callee) == c.Name || strings.HasPrefix(string(b.Callee), c.Name+"/")) && b.Interface.Interface != "" {
			exports[b.Interface.String()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		one.Exports = append(one.Exports, view.Fact{Name: name})
	}
	return one
}

func instancesOf(p component.PoolStats) []view.Fact {
	var out []view.Fact
	for _, n := range []struct {
		name  string
		count int
	}{{"busy", p.Busy}, {"idle", p.Idle}, {"resetting", p.Resetting}, {"leaving", p.Leaving}, {"invocations running", p.Running}, {"invocations waiting", p.Waiting}} {
		out = append(out, view.Fact{Name: n.name, Value: strconv.Itoa(n.count)})
	}
	return out
}

// grantsOf are a component's grants, and the states of the backends that serve them. A grant's own settings are not shown: some of them say
// where secrets are.
func grantsOf(c *workload.Component, s *host.WorkloadStatus) []view.Fact {
	g := &c.Grants
	out := []view.Fact{}
	add := func(name, value string) { out = append(out, view.Fact{Name: name, Value: value}) }
	for _, x := range g.HTTP {
		add("http", x)
	}
	for _, x := range g.Files {
		mode := "read and write"
		if x.ReadOnly {
			mode = "read"
		}
		add("files", fmt.Sprintf("%s as %s, %s", x.Host, x.Guest, mode))
	}
	for _, x := range g.Sockets.Connect {
		add("sockets", "connect to "+x)
	}
	for _, x := range g.Sockets.Listen {
		add("sockets", "listen at "+x)
	}
	for _, k := range []struct {
		kind string
		all  map[string]workload.StoreGrant
	}{{"keyvalue", g.Keyvalue}, {"blobstore", g.Blobstore}, {"sqlite", g.SQLite}, {"postgres", g.Postgres}, {"messaging", g.Messaging}, {"redis", g.Redis}, {"mqtt", g.MQTT}} {
		for _, name := range slices.Sorted(maps.Keys(k.all)) {
			one := view.Fact{Name: k.kind, Value: name}
			for _, b := range s.Backends {
				if b.Component == c.Name && b.Kind == k.kind && b.Grant == name {
					one.Value += " in " + b.Backend
					if b.State.Down() {
						one.Problem = "down: " + b.State.String()
					}
				}
			}
			out = append(out, one)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.Secrets)) {
		add("secret", name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Links)) {
		add("link", name+" to "+c.Links[name])
	}
	return out
}

// limitsOf are the limits that hold, by their names in a workload.
func limitsOf(c *workload.Component) []view.Fact {
	l := c.Limits.Filled()
	size := func(n uint64) string { return sizeText(n) }
	return []view.Fact{
		{Name: "deadline", Value: l.Deadline.String()}, {Name: "memory", Value: size(l.Memory)}, {Name: "host memory", Value: size(l.HostMemory)},
		{Name: "fuel", Value: strconv.FormatUint(l.Fuel, 10)}, {Name: "stack", Value: size(l.Stack)}, {Name: "body", Value: size(l.Body)},
		{Name: "requests", Value: strconv.Itoa(l.Requests)}, {Name: "files", Value: strconv.Itoa(l.Files)}, {Name: "sockets", Value: strconv.Itoa(l.Sockets)},
	}
}

// sizeText is a number of bytes in the largest unit in which it is whole.
func sizeText(n uint64) string {
	for i := 3; i > 0; i-- {
		if unit := uint64(1) << (10 * i); n >= unit && n%unit == 0 {
			return fmt.Sprintf("%d %s", n/unit, []string{"", "KiB", "MiB", "GiB"}[i])
		}
	}
	return fmt.Sprintf("%d B", n)
}
