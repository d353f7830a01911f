package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/attribution"
)

// soakResult is a server with one guest of WASI 0.3 under load for a while.
type soakResult struct {
	Load          *attribution.Result
	Before, After sample // at rest: after the first requests, and after the load
	Samples       []sample
	Retired       attribution.Retired // instances that ended other than by a trap, and what was left in them
	Races         []string            `json:",omitempty"`
	Ended         string
	Verdict       []string
	Holds         bool
}

func (r *soakResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", r.Load)
	row := func(name string, s sample) {
		fmt.Fprintf(&b, "  %-12s rss %4.0f MiB, heap %4.0f MiB, %4d goroutines, %3d threads, %3d files\n", name, s.RSS, s.Heap, s.Goroutines, s.Threads, s.FDs)
	}
	row("rest before", r.Before)
	for i := range 4 {
		q := quarter(r.Samples, i)
		row(fmt.Sprintf("quarter %d", i+1), sample{RSS: median(q, func(s sample) float64 { return s.RSS }), Heap: median(q, func(s sample) float64 { return s.Heap }),
			Goroutines: int(median(q, func(s sample) float64 { return float64(s.Goroutines) })), Threads: int(median(q, func(s sample) float64 { return float64(s.Threads) })),
			FDs: int(median(q, func(s sample) float64 { return float64(s.FDs) }))})
	}
	row("rest after", r.After)
	fmt.Fprintf(&b, "  after the drain: %d instances retired; left in them: %d tasks, %d streams, %d futures, %d subtasks and sets, %d resources; the server ended: %s\n",
		r.Retired.Instances, r.Retired.Calls, r.Retired.Streams, r.Retired.Futures, r.Retired.Waitables, r.Retired.Resources, r.Ended)
	for _, v := range r.Verdict {
		b.WriteString("  " + v + "\n")
	}
	for _, race := range r.Races {
		fmt.Fprintf(&b, "race:\n%s\n", race)
	}
	return b.String()
}

type soakResults []*soakResult

func (rs soakResults) String() string {
	var out []string
	for _, r := range rs {
		out = append(out, r.String())
	}
	return strings.Join(out, "\n")
}

// soak loads each guest of WASI 0.3, all at the same time, in servers of their own: 16 requests at once in one instance, of which one in
// 100 traps, one in 20 loses its client, one in 500 reaches its deadline. Every span, line and outgoing request has to be in the trace of its own request.
func soak(r *run, args []string) (any, error) {
	duration := r.flags.Duration("for", 30*time.Minute, "how long the load lasts")
	conns := r.flags.Int("c", 16, "requests at once, of each guest")
	guests := r.flags.String("guests", strings.Join(attribution.Guests, ","), "which guests, with a comma between them")
	race := r.flags.Bool("race", false, "build the server with the race detector, which needs a C compiler, and fail on what it reports; memory is not judged then")
	dir, err := os.MkdirTemp("", "vitrine-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	s := &soaking{dir: dir, binary: filepath.Join(dir, "vitrine"), race: *race, duration: *duration, conns: *conns}
	if r.binary != "" {
		return nil, errors.New("soak builds the server itself, with a probe: leave -vitrine out")
	}
	if err := buildWith(s.race, s.binary, "./bench/probed"); err != nil {
		return nil, err
	}
	names := strings.Split(*guests, ",")
	out, errs := make(soakResults, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, guest := range names {
		all.Go(func() { out[i], errs[i] = s.one(guest) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, one := range out {
		if !one.Holds {
			return out, fmt.Errorf("the load did not leave the server of %s as it should", one.Load.Guest)
		}
	}
	return out, nil
}

// soaking is what the servers of a soak have in common.
type soaking struct {
	dir, binary string
	race        bool
	duration    time.Duration
	conns       int
	starting    sync.Mutex
}

func (s *soaking) raceLog(guest string) string { return filepath.Join(s.dir, "race-"+guest) }

func (s *soaking) one(guest string) (*soakResult, error) {
	file, err := guestFile(guest)
	if err != nil {
		return nil, err
	}
	b, err := attribution.NewBench()
	if err != nil {
		return nil, err
	}
	defer b.Close()
	pr := newProbe(filepath.Join(s.dir, guest+".probe"))
	s.starting.Lock() // one compiles at a time
	p, err := serve(s.binary, []string{"VITRINE_BENCH_PROBE=" + pr.path, "GORACE=log_path=" + s.raceLog(guest) + " exitcode=66",
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + b.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_MAX_QUEUE_SIZE=262144", "OTEL_BLRP_MAX_QUEUE_SIZE=262144"},
		"--log-level", "error", "--cache-dir", filepath.Join(s.dir, "cache"), "--detail", "all", "--allow-http", "*", "--isolation", "reuse", "--max-instances", "1",
		"--max-uses", "20000", "--deadline", "10s", "--output-lines-per-second", "1000000", "--output-bytes-per-second", "1Gi", file)
	s.starting.Unlock()
	if err != nil {
		return nil, err
	}
	out := &soakResult{}
	b.NewLoad(attribution.Config{Guest: guest, Total: 500, Concurrency: s.conns}).Run(context.Background(), p.base)
	time.Sleep(restTime)
	out.Before = p.sample(pr)
	load := s.load(guest, b, p, pr, out)
	for range int(longRest / restTime) {
		time.Sleep(restTime)
		if out.After = p.sample(pr); out.After.Goroutines <= out.Before.Goroutines+slackRest && out.After.FDs <= out.Before.FDs+slackRest {
			break
		}
	}
	out.Ended = endedWell
	if err := p.stop(); err != nil {
		out.Ended = err.Error() + ": " + tail(p.output(), 4000)
	}
	out.Load, out.Retired = load.Result(), b.Retired()
	out.Races = raceReports(s.raceLog(guest))
	out.evaluate(s.race)
	return out, nil
}

// maxKeptResources is how many resources a guest may keep for the life of an instance: its standard streams, and what its language's
// library opens once.
const maxKeptResources = 8

// keptBy is how many ends of streams and futures the guest may have kept: the one in JavaScript drops nothing when it is cancelled, which
// TestWhatGuestsKeep of component shows.
func keptBy(load *attribution.Result) (streams, futures int64) {
	if load.Guest != "js-qjs-hello-http-p3" {
		return 0, 0
	}
	cancelled := int64(load.Ended + load.Late)
	return cancelled, 2 * cancelled
}

// evaluate fills the verdict.
func (r *soakResult) evaluate(race bool) {
	r.Holds = true
	note := func(ok bool, format string, args ...any) {
		mark := "holds: "
		if !ok {
			mark, r.Holds = "FAILS: ", false
		}
		r.Verdict = append(r.Verdict, mark+fmt.Sprintf(format, args...))
	}
	note(r.Load.Holds(), "everything is in its own request's trace: %d faults", len(r.Load.Wrong))
	q2, q4 := quarter(r.Samples, 1), quarter(r.Samples, 3)
	rss := func(s sample) float64 { return s.RSS }
	had, has := median(q2, rss), median(q4, rss)
	note(race || has <= had*slackRSS+slackRSSMiB, "RSS level: %.0f MiB in the second quarter, %.0f in the last; at rest %.0f before, %.0f after", had, has, r.Before.RSS, r.After.RSS)
	note(r.After.Goroutines <= r.Before.Goroutines+slackRest && r.Before.Goroutines > 0, "goroutines at rest: %d before, %d after", r.Before.Goroutines, r.After.Goroutines)
	note(r.After.FDs <= r.Before.FDs+slackRest && r.Before.FDs > 0, "files at rest: %d before, %d after", r.Before.FDs, r.After.FDs)
	left := r.Retired
	streams, futures := keptBy(r.Load)
	note(left.Instances > 0 && left.Calls+left.Waitables == 0 && left.Streams <= streams && left.Futures <= futures && left.Resources <= int64(left.Instances*maxKeptResources),
		"nothing is left in %d instances but what the guest keeps: at most %d streams, %d futures", left.Instances, streams, futures)
	note(len(r.Races) == 0 && r.Ended == endedWell, "the server lived to the end, with %d reports of races", len(r.Races))
}

// load sends the requests, and samples the server. Its result is whole when the server has ended.
func (s *soaking) load(guest string, b *attribution.Bench, p *process, pr *probe, out *soakResult) *attribution.Load {
	ctx, cancel := context.WithTimeout(context.Background(), s.duration)
	defer cancel()
	load := b.NewLoad(attribution.Config{Guest: guest, First: 1000, Concurrency: s.conns, Traps: 100, Leaves: 20, Lates: 500})
	var watch sync.WaitGroup
	watch.Go(func() {
		for n, start := 0, time.Now(); sleep(ctx, s.duration/40); n++ {
			one := p.sample(pr)
			one.At, one.Requests = time.Since(start).Seconds(), load.Sent()
			out.Samples = append(out.Samples, one)
			if n%10 == 9 {
				progress("%5.0fs %s: %d requests, rss %.0f MiB, %d goroutines", one.At, guest, one.Requests, one.RSS, one.Goroutines)
			}
		}
	})
	load.Run(ctx, p.base)
	cancel()
	watch.Wait()
	return load
}
