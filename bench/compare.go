package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measured is one measurement of one server on one job at one concurrency.
type measured struct {
	Load load
	CPU  time.Duration // of the server, for one request
	RSS  float64       // MiB at the end
}

// cell has the measurements of all rounds, and their summary.
type cell struct {
	Guest, Server, Job string
	Conns              int
	Rounds             []measured
	PerSec, Spread     float64 // median; half the range of the rounds as a fraction of it
	CPU, P50, P99      time.Duration
	RSS                float64
	Errors             int
	FirstErr           string `json:",omitempty"`
}

func (c *cell) summarize() {
	per := func(of func(measured) float64) float64 {
		var v []float64
		for _, m := range c.Rounds {
			v = append(v, of(m))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	c.PerSec = per(func(m measured) float64 { return m.Load.PerSec })
	c.CPU = time.Duration(per(func(m measured) float64 { return float64(m.CPU) }))
	c.P50 = time.Duration(per(func(m measured) float64 { return float64(m.Load.P50) }))
	c.P99 = time.Duration(per(func(m measured) float64 { return float64(m.Load.P99) }))
	c.RSS = per(func(m measured) float64 { return m.RSS })
	low, high := c.Rounds[0].Load.PerSec, c.Rounds[0].Load.PerSec
	for _, m := range c.Rounds {
		low, high = min(low, m.Load.PerSec), max(high, m.Load.PerSec)
		if c.Errors += m.Load.Errors; c.FirstErr == "" {
			c.FirstErr = m.Load.FirstErr
		}
	}
	c.Spread = (high - low) / 2 / max(c.PerSec, 1)
}

// ratio is the ratio of a figure of two cells, computed round by round because noise affects both: median, lowest, highest.
type ratio struct{ Median, Low, High float64 }

func (r ratio) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", r.Median, r.Low, r.High) }

func ratioOf(a, b *cell, of func(measured) float64) (r ratio) {
	var v []float64
	for i := range min(len(a.Rounds), len(b.Rounds)) {
		if under := of(b.Rounds[i]); under > 0 {
			v = append(v, of(a.Rounds[i])/under)
		}
	}
	if len(v) == 0 {
		return r
	}
	slices.Sort(v)
	return ratio{v[len(v)/2], v[0], v[len(v)-1]}
}

func perSec(m measured) float64    { return m.Load.PerSec }
func cpuFigure(m measured) float64 { return float64(m.CPU) }
func p99(m measured) float64       { return float64(m.Load.P99) }

type compareResult struct {
	Machine   string
	Versions  []string
	Client    string
	Missing   []string // what could not be compared, and why
	Servers   []string
	Rounds    int
	Duration  time.Duration
	Cells     []*cell
	Startups  []startup
	Aims      []aim
	Telemetry sinkCounts // totals of the receiver
}

func (r *compareResult) find(guest, server, job string, conns int) *cell {
	for _, c := range r.Cells {
		if c.Guest == guest && c.Server == server && c.Job == job && c.Conns == conns {
			return c
		}
	}
	return nil
}

func (r *compareResult) add(guest, server, job string, conns int, m measured) {
	c := r.find(guest, server, job, conns)
	if c == nil {
		c = &cell{Guest: guest, Server: server, Job: job, Conns: conns}
		r.Cells = append(r.Cells, c)
	}
	c.Rounds = append(c.Rounds, m)
}

// comparison is one under way.
type comparison struct {
	load     loader
	duration time.Duration
	conns    []int
	only     []string // jobs, by the beginning of their names
	skip     []string // contenders
	guests   []string
	files    map[string]string // by guest
	out      compareResult
}

// comparisonFlags are the flags that are read before anything starts.
type comparisonFlags struct {
	conns, only, skip, guests, otlp, client *string
	starts                                  *int
}

// flags registers the command's flags.
func (c *comparison) flags(r *run) comparisonFlags {
	r.flags.DurationVar(&c.duration, "duration", 2*time.Second, "how long each measurement takes; the whole takes about 450 times as long with 3 rounds")
	r.flags.IntVar(&c.out.Rounds, "rounds", 3, "how often each is repeated")
	return comparisonFlags{
		conns:  r.flags.String("c", "1,32,256", "connections"),
		only:   r.flags.String("jobs", "", "jobs to run, by the beginning of their names, separated by commas; all when empty"),
		skip:   r.flags.String("skip", "", "contenders to leave out, by their names, separated by commas"),
		guests: r.flags.String("guests", "rust,go,js", "components: rust, go, js, those of WASI 0.3 rust3, go3, js3, c3, other prebuilt ones by name, or paths"),
		otlp:   r.flags.String("otlp", "", "where telemetry goes, OTLP over HTTP; a process of its own that discards it if empty"),
		client: r.flags.String("client", "own", "what makes the load: own or wrk"),
		starts: r.flags.Int("starts", 10, "how often each server is started for the time to its first answer; 0 leaves it out"),
	}
}

// configure checks the flags and takes them over.
func (c *comparison) configure(f *comparisonFlags, dir string) error {
	c.only, c.skip, c.out.Duration = list(*f.only), list(*f.skip), c.duration
	for _, n := range list(*f.conns) {
		k, err := strconv.Atoi(n)
		if err != nil || k < 1 {
			return fmt.Errorf("-c %s: want numbers above 0, separated by commas", *f.conns)
		}
		c.conns = append(c.conns, k)
	}
	switch *f.client {
	case "own":
		c.load = ownClient
	case "wrk":
		c.load = wrkClient(dir)
	default:
		return fmt.Errorf("-client %s: want own or wrk", *f.client)
	}
	c.guests, c.files = list(*f.guests), map[string]string{}
	for _, g := range c.guests {
		file, err := guestFile(g)
		if err != nil {
			return err
		}
		c.files[g] = file
	}
	return nil
}

// compare measures servers alternately, round by round, so that noise does not affect one of them alone.
func compare(r *run, args []string) (any, error) {
	c := &comparison{}
	f := c.flags(r)
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.parse(args, dir); err != nil {
		return nil, err
	}
	if err := c.configure(&f, dir); err != nil {
		return nil, err
	}
	if c.out.Client, err = calibrate(*f.client, dir); err != nil {
		return nil, err
	}
	recv, err := newReceiver(dir, "")
	if err != nil {
		return nil, err
	}
	if *f.otlp == "" {
		if err := recv.start(); err != nil {
			return nil, err
		}
		defer recv.kill()
		*f.otlp = recv.URL
	}
	servers, wasmtime, missing := contenders(r.binary, filepath.Join(dir, "cache"), *f.otlp)
	servers = slices.DeleteFunc(servers, func(s contender) bool { return slices.Contains(c.skip, s.name) })
	c.out.Missing = missing
	c.describe(wasmtime, servers)
	for _, g := range c.guests {
		c.noteMissing(g)
	}
	begin := time.Now()
	for round := range c.out.Rounds {
		if err := c.round(round, servers, begin); err != nil {
			return nil, err
		}
	}
	for _, x := range c.out.Cells {
		x.summarize()
	}
	if *f.starts > 0 {
		if err := c.startups(c.guests, c.files, r.binary, wasmtime, dir, *f.starts); err != nil {
			return nil, err
		}
	}
	c.out.Telemetry = recv.counts()
	c.out.evaluate(c.guests)
	return &c.out, nil
}

// round measures each server once on each guest. Odd rounds go through the servers backwards, to vary which was measured before.
func (c *comparison) round(round int, servers []contender, begin time.Time) error {
	if !slices.Contains(c.skip, isPlain) {
		if err := c.plain(c.guests); err != nil {
			return err
		}
	}
	order := slices.Clone(servers)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	for _, g := range c.guests {
		for _, s := range order {
			if !s.measures(g) {
				continue
			}
			if err := c.serve(s, g, c.files[g]); err != nil {
				return err
			}
			progress("%v: round %d: %s: %s", time.Since(begin).Round(time.Second), round+1, g, s.name)
		}
	}
	return nil
}

// list splits a text at commas; an empty text is an empty list.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (c *comparison) describe(wasmtime string, servers []contender) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	c.out.Machine = fmt.Sprintf("%d cores, shared by server, client and receiver; %s/%s %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)))
	c.out.Versions = []string{runtime.Version()}
	if wasmtime != "" {
		if v, err := exec.Command(wasmtime, "--version").Output(); err == nil {
			c.out.Versions = append(c.out.Versions, strings.TrimSpace(string(v)))
		}
	}
	for _, s := range servers {
		c.out.Servers = append(c.out.Servers, s.name+": "+s.about)
	}
}

// noteMissing lists the jobs that a guest has no route for as missing.
func (c *comparison) noteMissing(guest string) {
	for _, j := range allJobs {
		if !slices.ContainsFunc(jobsOf(guest), func(o job) bool { return o.name == j.name }) && c.wanted(j) {
			c.out.Missing = append(c.out.Missing, fmt.Sprintf("%s on %s: the guest has no such route", j.name, guest))
		}
	}
}

func (c *comparison) wanted(j job) bool {
	return len(c.only) == 0 || slices.ContainsFunc(c.only, func(s string) bool { return strings.HasPrefix(j.name, s) })
}

// plain measures the upper bound: net/http on the jobs of all guests.
func (c *comparison) plain(guests []string) error {
	var jobs []job
	for _, j := range allJobs {
		if slices.ContainsFunc(guests, func(g string) bool {
			return slices.ContainsFunc(jobsOf(g), func(o job) bool { return o.name == j.name })
		}) {
			jobs = append(jobs, j)
		}
	}
	if len(jobs) == 0 {
		return nil // its routes are none of the guests'
	}
	s := contender{name: isPlain, command: func(_, addr string) *exec.Cmd { return exec.Command(os.Args[0], "plain", "-addr", addr) }}
	return c.jobs(s, "", "", jobs)
}

func (c *comparison) serve(s contender, guest, file string) error {
	return c.jobs(s, guest, file, jobsOf(guest))
}

// jobs starts a server and measures it on each job at each concurrency.
func (c *comparison) jobs(s contender, guest, file string, jobs []job) error {
	p, err := launch(s, file, jobs[0])
	if err != nil {
		return err
	}
	defer func() { _ = p.stop() }()
	conns := c.conns
	if s.middle {
		conns = conns[len(conns)/2 : len(conns)/2+1]
	}
	for _, j := range jobs {
		if !c.wanted(j) {
			continue
		}
		if err := j.check(p.base); err != nil {
			c.out.Missing = append(c.out.Missing, strings.TrimSpace(fmt.Sprintf("%s by %s: %v; %s", j.name, s.name, err, guest)))
			continue
		}
		for _, n := range conns {
			c.out.add(guest, s.name, j.name, n, c.measure(p, j, n))
		}
	}
	return nil
}

func (c *comparison) measure(p *process, j job, n int) measured {
	ownClient(p.base, j, n, c.duration/6)
	before := p.cpu()
	l := c.load(p.base, j, n, c.duration)
	return measured{l, (p.cpu() - before) / time.Duration(max(l.Requests, 1)), p.rss()}
}

// calibrate compares the client's cost with wrk's, on a net/http server and 32 connections: a client that costs more than the
// server would measure itself.
func calibrate(used, dir string) (string, error) {
	s := contender{name: isPlain, command: func(_, addr string) *exec.Cmd { return exec.Command(os.Args[0], "plain", "-addr", addr) }}
	p, err := launch(s, "", jobHello)
	if err != nil {
		return "", err
	}
	defer func() { _ = p.stop() }()
	before := cpuOf(os.Getpid())
	l := ownClient(p.base, jobHello, 32, time.Second)
	own := (cpuOf(os.Getpid()) - before) / time.Duration(max(l.Requests, 1))
	text := fmt.Sprintf("%s; CPU a request on net/http, 32 connections: own %v", used, own.Round(100*time.Nanosecond))
	if _, err := exec.LookPath("wrk"); err != nil {
		if used == "wrk" {
			return "", err
		}
		return text + "; no wrk on the PATH to compare with", nil
	}
	cmd := exec.Command("wrk", "-t1", "-c32", "-d1s", p.base+jobHello.path)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("wrk: %w", err)
	}
	wrk := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return text + fmt.Sprintf(", wrk %v", (wrk/time.Duration(max(parseWrk(string(out)).Requests, 1))).Round(100*time.Nanosecond)), nil
}
