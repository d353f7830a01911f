package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// aim is a target ratio and the measured one. Higher ratios are better.
type aim struct {
	What   string
	Want   float64
	PerSec ratio // of requests a second, or of the aim's times
	CPU    ratio // of server CPU a request, the other's to Vitrine's; empty if the aim has none
	Met    bool
}

// evaluate computes the aims from the cells; aims without cells are listed as missing.
func (r *compareResult) evaluate(guests []string) {
	at := 32
	pair := func(guest, ours, theirs string) (a, b *cell) {
		return r.find(guest, ours, mainJob(guest).name, at), r.find(guest, theirs, mainJob(guest).name, at)
	}
	on := func(j job, want float64, guest, ours, theirs string) {
		a, b := r.find(guest, ours, j.name, at), r.find(guest, theirs, j.name, at)
		if a == nil || b == nil {
			r.Missing = append(r.Missing, fmt.Sprintf("aim: %s / %s on %s, %s, %d connections: not measured", ours, theirs, guest, j.name, at))
			return
		}
		what := fmt.Sprintf("%s: %s / %s, req/s", guest, ours, theirs)
		if j.name != mainJob(guest).name {
			what += ", " + j.name
		}
		x := aim{What: what, Want: want, PerSec: ratioOf(a, b, perSec), CPU: ratioOf(b, a, cpuFigure)}
		x.Met = x.PerSec.Median >= want
		r.Aims = append(r.Aims, x)
	}
	add := func(want float64, guest, ours, theirs string) { on(mainJob(guest), want, guest, ours, theirs) }
	fresh := map[string]float64{"rust": 2.5, "js": 3.5, "go": 1}
	for _, g := range guests {
		if want, ok := fresh[g]; ok {
			add(want, g, isFresh, isWasmtime)
		}
		if g == "go" {
			add(6, g, isSnapshot, isWasmtime)
		}
		if r.has(isReuse) && r.has(isWasmReuse) {
			add(1.25, g, isReuse, isWasmReuse)
		}
		if isAsync(g) && r.has(isWasmtime) {
			add(1.25, g, isReuse, isWasmtime)
			if slices.ContainsFunc(jobsOf(g), func(j job) bool { return j.name == jobStream.name }) {
				on(jobStream, 0.8, g, isReuse, isWasmtime)
				on(jobStream, 0.8, g, isReuse, isWasmReuse)
			}
		}
		add(0.85, g, isTelemetry, isFresh)
		if a, b := pair(g, isFresh, isWasmtime); a != nil && b != nil {
			x := aim{What: g + ": p99 of wasmtime / vitrine", Want: 1, PerSec: ratioOf(b, a, p99), CPU: ratioOf(b, a, cpuFigure)}
			x.Met = x.PerSec.Median >= 1
			r.Aims = append(r.Aims, x)
		}
		r.judgeStart(g)
	}
}

// has says whether a server was measured on anything.
func (r *compareResult) has(server string) bool {
	return slices.ContainsFunc(r.Cells, func(c *cell) bool { return c.Server == server })
}

func (r *compareResult) judgeStart(guest string) {
	var ours, theirs *startup
	for i := range r.Startups {
		switch s := &r.Startups[i]; {
		case s.Guest == guest && s.Server == isFresh:
			ours = s
		case s.Guest == guest && s.Server == isWasmtime:
			theirs = s
		}
	}
	if ours == nil || theirs == nil {
		return
	}
	x := aim{What: guest + ": start-up of wasmtime / vitrine, warm cache", Want: 1}
	x.PerSec = ratio{div(theirs.Median, ours.Median), div(theirs.Low, ours.High), div(theirs.High, ours.Low)}
	c := div(theirs.CPU, ours.CPU)
	x.CPU, x.Met = ratio{c, c, c}, x.PerSec.Median >= 1
	r.Aims = append(r.Aims, x)
}

func div(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

func (r *compareResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s\nclient: %s\n", r.Machine, strings.Join(r.Versions, ", "), r.Client)
	for _, s := range r.Servers {
		fmt.Fprintln(&b, "server", s)
	}
	fmt.Fprintf(&b, "medians of %d rounds of %v, servers in turns; ± is half the range of req/s as a share of the median; ×nh, ×wt, cpu×wt: against net/http and\nwasmtime, round by round (cpu: how many times less a request)\n", r.Rounds, r.Duration)
	guest := "?"
	for _, c := range r.ordered() {
		if c.Guest != guest {
			guest = c.Guest
			fmt.Fprintf(&b, "\n%s\n%-12s %5s  %-20s %8s %5s %9s %9s %9s %8s %6s %6s %6s\n", cmp.Or(guest, "ceiling"), "job", "conns", "server", "req/s", "±", "cpu/req", "p50", "p99", "rss MiB", "×nh", "×wt", "cpu×wt")
		}
		fmt.Fprintf(&b, "%-12s %5d  %-20s %8.0f %4.0f%% %9v %9v %9v %8.0f %s %s %s", c.Job, c.Conns, c.Server, c.PerSec, 100*c.Spread,
			round(c.CPU), round(c.P50), round(c.P99), c.RSS,
			against(c, r.find("", isPlain, c.Job, c.Conns), perSec, false), against(c, r.find(c.Guest, isWasmtime, c.Job, c.Conns), perSec, false),
			against(c, r.find(c.Guest, isWasmtime, c.Job, c.Conns), cpuFigure, true))
		if c.Errors > 0 {
			fmt.Fprintf(&b, "  %d errors: %s", c.Errors, c.FirstErr)
		}
		b.WriteByte('\n')
	}
	if len(r.Startups) > 0 {
		fmt.Fprintf(&b, "\nstart to first answer, caches warm\n%-6s %-22s %9s %19s %9s\n", "guest", "server", "median", "range", "cpu")
	}
	for _, s := range r.Startups {
		fmt.Fprintf(&b, "%-6s %-22s %9v %19s %9v\n", s.Guest, s.Server, round(s.Median), fmt.Sprintf("%v–%v", round(s.Low), round(s.High)), round(s.CPU))
	}
	fmt.Fprintf(&b, "\naims at 32 connections; hello for guests of 0.2, echo 13 B for those of 0.3, unless said\n%-52s %6s  %-20s %-20s\n", "", "want", "this run", "server CPU, times less")
	for _, a := range r.Aims {
		met := "met"
		if !a.Met {
			met = "MISSED"
		}
		fmt.Fprintf(&b, "%-52s %6.2f  %-20s %-20s %s\n", a.What, a.Want, a.PerSec, a.CPU, met)
	}
	for _, m := range r.Missing {
		fmt.Fprintln(&b, "missing:", m)
	}
	if r.Telemetry.Requests > 0 {
		fmt.Fprintf(&b, "the receiver took %d batches, %.0f MB\n", r.Telemetry.Requests, float64(r.Telemetry.Bytes)/1e6)
	}
	return b.String()
}

// ordered are the cells by guest, job and concurrency, servers in the order of measurement.
func (r *compareResult) ordered() []*cell {
	var out []*cell
	seen := map[*cell]bool{}
	for _, first := range r.Cells {
		for _, c := range r.Cells {
			if !seen[c] && c.Guest == first.Guest && c.Job == first.Job && c.Conns == first.Conns {
				seen[c] = true
				out = append(out, c)
			}
		}
	}
	return out
}

// against is the ratio of two cells as a column; less says that a lower figure is better.
func against(a, b *cell, of func(measured) float64, less bool) string {
	if a == nil || b == nil {
		return fmt.Sprintf("%6s", "")
	}
	if less {
		a, b = b, a
	}
	return fmt.Sprintf("%6.2f", ratioOf(a, b, of).Median)
}

func round(d time.Duration) time.Duration {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
