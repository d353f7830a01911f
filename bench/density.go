package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// footprint is the memory, mappings and files of a process at one moment.
type footprint struct {
	What       string
	Instances  int
	RSS, PSS   float64 // MiB
	Heap       float64 // MiB, Go's, after a collection
	Mappings   int
	FDs        int
	Goroutines int
}

// densityResult is of one process with idle instances of one guest.
type densityResult struct {
	Guest     string
	Isolation string
	Wanted    int
	Steps     []footprint
	Make      time.Duration // to make, use, reset and release all of them
	Use       time.Duration // to use each of them once more
	Wrong     int           // instances whose second use failed
	Failed    string        `json:",omitempty"` // why there are fewer than requested, or the error of the first second use that failed
	Limit     int           // mappings that the system allows a process
}

func (d densityResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, isolation %s: %d wanted, made in %v, each used once more in %v, %d of them wrong; at most %d mappings\n", d.Guest, d.Isolation, d.Wanted,
		d.Make.Round(time.Millisecond), d.Use.Round(time.Millisecond), d.Wrong, d.Limit)
	if d.Failed != "" {
		fmt.Fprintf(&b, "FAILED: %s\n", d.Failed)
	}
	fmt.Fprintf(&b, "  %-26s %9s %9s %9s %9s %9s %6s %10s   %s\n", "", "instances", "rss MiB", "pss MiB", "heap MiB", "mappings", "fds", "goroutines", "KiB of pss, mappings, fds an instance")
	for _, s := range d.Steps {
		fmt.Fprintf(&b, "  %-26s %9d %9.1f %9.1f %9.1f %9d %6d %10d", s.What, s.Instances, s.RSS, s.PSS, s.Heap, s.Mappings, s.FDs, s.Goroutines)
		if n := float64(s.Instances); n > 1 {
			base := d.Steps[0]
			fmt.Fprintf(&b, "   %.1f, %.2f, %.2f", (s.PSS-base.PSS)*1024/n, float64(s.Mappings-base.Mappings)/n, float64(s.FDs-base.FDs)/n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

type densityResults []densityResult

func (rs densityResults) String() string {
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// density measures the cost of idle instances, with a process for each guest.
func density(r *run, args []string) (any, error) {
	guest := r.flags.String("guest", "", "one component; 10000 of the C guest and 1000 of the Go guest if empty")
	n := r.flags.Int("n", 1000, "how many instances of -guest")
	isolation := r.flags.String("isolation", "fresh", "fresh or snapshot")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	type pile struct {
		guest string
		n     int
	}
	piles := []pile{{"c", 10_000}, {"go", 1000}}
	if *guest != "" {
		piles = []pile{{*guest, *n}}
	}
	var out densityResults
	for _, p := range piles {
		progress("%d of %s", p.n, p.guest)
		one, err := densityOf(p.guest, p.n, *isolation)
		if err != nil {
			return out, err
		}
		out = append(out, *one)
	}
	for _, one := range out {
		if one.Failed != "" {
			return out, fmt.Errorf("%s: %s", one.Guest, one.Failed)
		}
	}
	return out, nil
}

func densityOf(guest string, n int, isolation string) (*densityResult, error) {
	file, err := guestFile(guest)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "density-worker", "-json", "-n", fmt.Sprint(n), "-isolation", isolation, "-guest", file)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := children.start(cmd); err != nil {
		return nil, err
	}
	var out densityResult
	bad := json.NewDecoder(pipe).Decode(&out)
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("the process that holds the instances: %w", err)
	}
	return &out, bad
}
