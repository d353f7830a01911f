package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// viewerResult is what the viewer costs a server: processor time for each request, with it as it is, with every trace recorded, and
// without it.
type viewerResult struct {
	Guest, Job string
	Conns      int
	Cells      []*cell
	Ratios     map[string]ratio // of processor time to that without the viewer
}

// Names of its servers.
const (
	isViewed    = "up --view"
	isViewedAll = "up --view, every trace"
)

func (r *viewerResult) String() string {
	out := fmt.Sprintf("%s, %s, %d connections\n", r.Guest, r.Job, r.Conns)
	for _, c := range r.Cells {
		out += fmt.Sprintf("%-24s %8.0f/s, CPU a request %v, RSS %.0f MiB, %d errors %s\n", c.Server, c.PerSec, round(c.CPU), c.RSS, c.Errors, c.FirstErr)
	}
	for _, name := range []string{isViewed, isViewedAll} {
		if x, ok := r.Ratios[name]; ok {
			out += fmt.Sprintf("CPU of %q to that without: %v\n", name, x)
		}
	}
	return out
}

// viewer measures servers with and without the viewer. All are up at once and are measured in turns of short slices, so that what
// else the machine does affects each of them alike.
func viewer(r *run, args []string) (any, error) {
	slice := r.flags.Duration("slice", time.Second, "how long each measurement takes")
	rounds := r.flags.Int("rounds", 20, "how often each server is measured")
	conns := r.flags.Int("c", 16, "connections")
	guest := r.flags.String("guest", "rust", "component, as compare names them")
	all := r.flags.Bool("all", false, "measure a server that records every trace, too")
	flags := r.flags.String("flags", "", "further flags of vitrine up, separated by commas")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	file, err := guestFile(*guest)
	if err != nil {
		return nil, err
	}
	j := mainJob(*guest)
	cache := filepath.Join(dir, "cache")
	up := func(env []string, more ...string) func(guest, addr string) *exec.Cmd {
		return vitrineUp(r.binary, cache, env, append(list(*flags), more...)...)
	}
	servers := []contender{
		{name: isFresh, command: up(nil)},
		{name: isViewed, command: up(nil, "--view=127.0.0.1:0", "--view-dir", filepath.Join(dir, "view"))},
	}
	if *all {
		servers = append(servers, contender{name: isViewedAll, command: up([]string{"OTEL_TRACES_SAMPLER=always_on"}, "--view=127.0.0.1:0", "--view-dir", filepath.Join(dir, "all"))})
	}
	var ps []*process
	defer func() {
		for _, p := range ps {
			_ = p.stop()
		}
	}()
	for _, s := range servers {
		p, err := launch(s, file, j)
		if err != nil {
			return nil, err
		}
		ps = append(ps, p)
		ownClient(p.base, j, *conns, 3*time.Second) // what is recorded at once is used up
	}
	c := &comparison{load: ownClient, duration: *slice}
	for i := range *rounds {
		for k := range servers {
			at := (i + k) % len(servers)
			c.out.add(*guest, servers[at].name, j.name, *conns, c.measure(ps[at], j, *conns))
		}
	}
	out := &viewerResult{Guest: *guest, Job: j.name, Conns: *conns, Cells: c.out.Cells, Ratios: map[string]ratio{}}
	for _, x := range out.Cells {
		x.summarize()
	}
	for _, name := range []string{isViewed, isViewedAll} {
		if x := c.out.find(*guest, name, j.name, *conns); x != nil {
			out.Ratios[name] = ratioOf(x, c.out.find(*guest, isFresh, j.name, *conns), cpuFigure)
		}
	}
	return out, nil
}
