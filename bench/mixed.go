package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// mixedResult is the result of mixed load.
type mixedResult struct {
	Duration   time.Duration
	Collector  string
	Restarts   int // of the collector
	Requests   map[string]int64
	Late       int64 // requests that were not sent because every worker was busy
	Failures   map[string]int64
	First      map[string][]string
	Commands   map[string]int64 // vitrine run beside it: by command
	Wiped      string           // the result of wiping the compile cache
	Lost       map[string]int64 // telemetry: signal and reason → items
	Why        map[string]string
	Panics     []string
	Races      []string `json:",omitempty"` // reports of the race detector, of the server or of a command
	Samples    []sample
	ClientCPU  float64 // cores that the client used
	Before     sample  // at rest, after one visit of each kind
	After      sample  // at rest, after the load
	Ended      string  // how the server ended after the signal
	Verdict    []string
	Holds      bool
	Goroutines string `json:",omitempty"` // what the goroutines at rest do, if there are more than before
}

func (m *mixedResult) String() string {
	var b strings.Builder
	total, bad := int64(0), int64(0)
	for _, n := range m.Requests {
		total += n
	}
	for _, n := range m.Failures {
		bad += n
	}
	fmt.Fprintf(&b, "mixed load for %v: %d visits (%.0f/s), %d wrong, %d not sent because all workers were busy; collector: %s, killed and restarted %d times\n",
		m.Duration.Round(time.Second), total, float64(total)/m.Duration.Seconds(), bad, m.Late, m.Collector, m.Restarts)
	for _, name := range sortedKeys(m.Requests) {
		fmt.Fprintf(&b, "  %-46s %9d  wrong %d\n", name, m.Requests[name], m.Failures[name])
	}
	for _, name := range sortedKeys(m.Commands) {
		fmt.Fprintf(&b, "  %-46s %9d  wrong %d\n", name, m.Commands[name], m.Failures[name])
	}
	for _, name := range sortedKeys(m.First) {
		for _, text := range m.First[name] {
			fmt.Fprintf(&b, "wrong: %s: %s\n", name, text)
		}
	}
	fmt.Fprintf(&b, "%-14s %9s %9s %10s %8s %6s %12s\n", "", "rss MiB", "heap MiB", "goroutines", "threads", "fds", "cpu cores")
	row := func(name string, list []sample) {
		if len(list) == 0 {
			return
		}
		first, last := list[0], list[len(list)-1]
		fmt.Fprintf(&b, "%-14s %9.0f %9.0f %10.0f %8.0f %6.0f %12.2f\n", name,
			median(list, func(s sample) float64 { return s.RSS }), median(list, func(s sample) float64 { return s.Heap }),
			median(list, func(s sample) float64 { return float64(s.Goroutines) }), median(list, func(s sample) float64 { return float64(s.Threads) }),
			median(list, func(s sample) float64 { return float64(s.FDs) }), (last.CPU-first.CPU)/max(last.At-first.At, 1))
	}
	row("rest before", []sample{m.Before})
	for i := range 4 {
		row(fmt.Sprintf("quarter %d", i+1), quarter(m.Samples, i))
	}
	row("rest after", []sample{m.After})
	fmt.Fprintf(&b, "the load itself took %.2f cores\ncache: %s\n", m.ClientCPU, m.Wiped)
	if len(m.Lost) == 0 {
		b.WriteString("telemetry: the server says of no loss\n")
	}
	for _, what := range sortedKeys(m.Lost) {
		fmt.Fprintf(&b, "telemetry lost: %s: %d, the last because of %s\n", what, m.Lost[what], cmp.Or(m.Why[what], "nothing that it names"))
	}
	for _, r := range m.Races {
		fmt.Fprintf(&b, "race:\n%s\n", r)
	}
	for _, p := range m.Panics {
		fmt.Fprintf(&b, "server said: %s\n", p)
	}
	fmt.Fprintf(&b, "end: %s\n", m.Ended)
	for _, v := range m.Verdict {
		fmt.Fprintln(&b, v)
	}
	if m.Goroutines != "" {
		fmt.Fprintf(&b, "goroutines at rest:\n%s\n", m.Goroutines)
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// mixedRun is a mixed load under way.
type mixedRun struct {
	dir, cache string
	binary     string
	probed     bool
	race       bool
	rate       float64
	duration   time.Duration
	every      time.Duration // between samples
	restart    time.Duration // between kills of the collector
	down       time.Duration // how long it is down
	workers    int

	recv   *receiver
	server *process
	probe  *probe
	v      *visitor
	start  time.Time
	sent   [2][]atomic.Int64 // visits, hostile
	late   atomic.Int64
	failed failures
	errs   atomic.Int64
	drops  drops
	mu     sync.Mutex // of the fields of out that the goroutines write
	out    mixedResult
}

// mixed loads one server that has guests of every language, a hundredth of the requests hostile, restarts the collector
// repeatedly, wipes the compile cache once, and evaluates errors, memory, goroutines and files.
func mixed(r *run, args []string) (any, error) {
	m := &mixedRun{}
	r.flags.DurationVar(&m.duration, "duration", time.Hour, "how long the load lasts")
	r.flags.Float64Var(&m.rate, "rate", 200, "visits a second, at most")
	r.flags.DurationVar(&m.every, "sample", 10*time.Second, "between two samples; a twelfth of the duration if that is less")
	r.flags.DurationVar(&m.restart, "restart", 5*time.Minute, "between two kills of the collector; a quarter of the duration if that is less")
	r.flags.DurationVar(&m.down, "down", 10*time.Second, "how long the collector stays away")
	r.flags.IntVar(&m.workers, "c", 32, "visits at once, at most")
	r.flags.BoolVar(&m.race, "race", false, "build the server with the race detector, which needs a C compiler, and fail on what it reports; memory is not judged then")
	collector := r.flags.String("collector", "", "a Collector with an OTLP receiver and a file exporter, as tests/collector builds it; a process that discards if empty")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m.dir, m.cache = dir, filepath.Join(dir, "cache")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	m.every, m.restart = min(m.every, m.duration/12), min(m.restart, m.duration/4)
	m.down = min(m.down, m.restart/2)
	if m.binary = r.binary; m.binary == "" {
		m.probed, m.binary = true, filepath.Join(dir, "vitrine")
		if err := buildWith(m.race, m.binary, "./bench/probed"); err != nil {
			return nil, err
		}
	} else if m.race {
		return nil, errors.New("-race builds the binary itself: leave -vitrine out")
	}
	if m.race { // a file for each process
		if err := os.Setenv("GORACE", "log_path="+m.raceLog()+" exitcode=66"); err != nil {
			return nil, err
		}
	}
	if m.recv, err = newReceiver(dir, *collector); err != nil {
		return nil, err
	}
	if err := m.recv.start(); err != nil {
		return nil, err
	}
	defer m.recv.kill()
	if err := m.serve(); err != nil {
		return nil, err
	}
	m.out.Duration, m.out.Collector = m.duration, m.recv.what
	m.warmUp()
	if err := m.load(); err != nil {
		return nil, err
	}
	m.finish()
	return &m.out, m.out.err()
}

func (m *mixedRun) raceLog() string { return filepath.Join(m.dir, "race") }

// raceReports are those that the race detector has written to files of that beginning.
func raceReports(log string) (reports []string) {
	logs, _ := filepath.Glob(log + ".*") // the pattern is right
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			text = []byte(err.Error())
		}
		reports = append(reports, string(text))
	}
	return reports
}

func (m *mixedResult) err() error {
	if !m.Holds {
		return errors.New("the load did not leave the server as it should")
	}
	return nil
}

func (m *mixedRun) serve() error {
	file, err := writeMixed(m.dir)
	if err != nil {
		return err
	}
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + m.recv.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
	if m.probed {
		m.probe = newProbe(filepath.Join(m.dir, "probe"))
		env = append(env, "VITRINE_BENCH_PROBE="+m.probe.path)
	}
	m.server, err = serveWithLines(m.drops.parse, m.binary, env, "--log-level", "warn", "--cache-dir", m.cache, file)
	if err != nil {
		return err
	}
	m.v = &visitor{base: m.server.base, host: strings.TrimPrefix(m.server.base, "http://"), seen: map[string]bool{}}
	m.v.client = &http.Client{Timeout: 25 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: m.workers, DisableCompression: true, IdleConnTimeout: 5 * time.Second,
	}}
	m.sent = [2][]atomic.Int64{make([]atomic.Int64, len(visits)), make([]atomic.Int64, len(hostile))}
	return nil
}

// warmUp makes each visit once, and samples the idle server.
func (m *mixedRun) warmUp() {
	progress("warming up with %d kinds of visits on %s", len(visits)+len(hostile), m.v.base)
	m.start = time.Now()
	for i := range visits {
		m.visit(0, i)
	}
	for i := range hostile {
		m.visit(1, i)
	}
	m.settle()
	m.out.Before = m.server.sample(m.probe)
}

// restTime is longer than idle instances are kept, longRest longer than idle connections.
const restTime, longRest = 12 * time.Second, 3 * time.Minute

func (m *mixedRun) settle() {
	m.v.client.CloseIdleConnections()
	time.Sleep(restTime)
}

func (m *mixedRun) visit(kind, i int) {
	x := []([]visit){visits, hostile}[kind][i]
	m.sent[kind][i].Add(1)
	if err := x.do(m.v); err != nil {
		m.errs.Add(1)
		m.failed.add(x.name, time.Since(m.start), err)
	}
}

// load runs until the duration is over or the server has ended.
func (m *mixedRun) load() error {
	ctx, cancel := context.WithTimeout(context.Background(), m.duration)
	defer cancel()
	m.start = time.Now()
	before := cpuOf(os.Getpid())
	defer func() { m.out.ClientCPU = (cpuOf(os.Getpid()) - before).Seconds() / time.Since(m.start).Seconds() }()
	go func() {
		select {
		case <-m.server.done:
			m.failed.add("server", time.Since(m.start), errors.New("it ended"))
			cancel()
		case <-ctx.Done():
		}
	}()
	var wg sync.WaitGroup
	tickets := make(chan [2]int)
	for range m.workers {
		wg.Go(func() {
			for t := range tickets {
				m.visit(t[0], t[1])
			}
		})
	}
	wg.Go(func() { m.restartCollector(ctx) })
	wg.Go(func() { m.commands(ctx) })
	wg.Go(func() { m.wipe(ctx) })
	wg.Go(func() { m.watch(ctx) })
	m.dispatch(ctx, tickets)
	close(tickets)
	wg.Wait()
	return nil
}

// dispatch hands out visits at the rate: 99 of a hundred honest ones by their weights, the hundredth hostile, in turn.
func (m *mixedRun) dispatch(ctx context.Context, tickets chan<- [2]int) {
	var lots []int
	for i, x := range visits {
		for range x.weight {
			lots = append(lots, i)
		}
	}
	const beat = 10 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	due, n := 0.0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due += m.rate * beat.Seconds(); due >= 1; due-- {
			n++
			t := [2]int{0, lots[rand.IntN(len(lots))]}
			if n%100 == 0 {
				t = [2]int{1, n / 100 % len(hostile)}
			}
			select {
			case tickets <- t:
			default:
				m.late.Add(1)
			}
		}
	}
}

func (m *mixedRun) watch(ctx context.Context) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := m.server.sample(m.probe)
		s.At, s.Errors = time.Since(m.start).Seconds(), m.errs.Load()
		for _, kind := range m.sent {
			for i := range kind {
				s.Requests += kind[i].Load()
			}
		}
		m.mu.Lock()
		m.out.Samples = append(m.out.Samples, s)
		m.mu.Unlock()
		if n := len(m.out.Samples); n%6 == 0 || n < 6 {
			progress("%5.0fs %8d visits %d wrong, rss %.0f MiB, heap %.0f MiB, %d goroutines, %d threads, %d fds, %.1f cpu s", s.At, s.Requests, s.Errors, s.RSS, s.Heap, s.Goroutines, s.Threads, s.FDs, s.CPU)
		}
	}
}

// restartCollector kills and restarts the collector at its interval.
func (m *mixedRun) restartCollector(ctx context.Context) {
	for sleep(ctx, m.restart-m.down) {
		m.recv.kill()
		sleep(ctx, m.down)
		if err := m.recv.start(); err != nil {
			m.failed.add("collector", time.Since(m.start), err)
			return
		}
		m.mu.Lock()
		m.out.Restarts++
		m.mu.Unlock()
	}
}

// sleep waits, and says whether ctx still lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
