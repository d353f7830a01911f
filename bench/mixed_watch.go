package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sample has figures of the server at one moment.
type sample struct {
	At         float64 // seconds since the load began
	RSS        float64 // MiB
	Heap       float64 // MiB of Go's heap; 0 without a probe
	Goroutines int     // 0 without a probe
	Threads    int
	FDs        int
	CPU        float64 // seconds of processor time so far
	Requests   int64
	Errors     int64
}

// probe reads figures of the Go runtime from a probed server.
type probe struct {
	path   string
	client *http.Client
}

func newProbe(path string) *probe {
	return &probe{path, &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}}
}

// probeGoroutines is the number of goroutines of the probe itself: the listener's and those of the connection.
const probeGoroutines = 2

// runtime returns the number of goroutines, without the probe's, and the heap in MiB.
func (p *probe) runtime() (goroutines int, heap float64) {
	text, err := p.get("/runtime")
	var m map[string]uint64
	if err != nil || json.Unmarshal([]byte(text), &m) != nil {
		return 0, 0
	}
	return int(m["goroutines"]) - probeGoroutines, float64(m["heap"]) / (1 << 20)
}

func (p *probe) get(path string) (string, error) {
	resp, err := p.client.Get("http://probe" + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// sample samples the process; pr is nil if it has no probe.
func (p *process) sample(pr *probe) sample {
	s := sample{RSS: p.rss(), CPU: p.cpu().Seconds()}
	if pr != nil {
		s.Goroutines, s.Heap = pr.runtime()
	}
	s.Threads, _ = strconv.Atoi(p.status("Threads:"))
	if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)); err == nil {
		s.FDs = len(fds)
	}
	return s
}

// failures collects errors by the name of the visit.
type failures struct {
	mu    sync.Mutex
	count map[string]int64
	first map[string][]string
}

// maxKept bounds how many failures of a kind are kept in full.
const maxKept = 5

func (f *failures) add(name string, at time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil {
		f.count, f.first = map[string]int64{}, map[string][]string{}
	}
	f.count[name]++
	if len(f.first[name]) < maxKept {
		f.first[name] = append(f.first[name], fmt.Sprintf("at %v: %v", at.Round(time.Second), err))
		progress("%v: %s: %v", at.Round(time.Second), name, err)
	}
}

// drops sums up the telemetry that the server reports as lost.
type drops struct {
	mu    sync.Mutex
	Lost  map[string]int64  // signal and reason → items
	Why   map[string]string // the same → the last error
	Other []string          // other lines of the server that report a panic or a fatal error
}

var droppedLine = regexp.MustCompile(`telemetry is being dropped.* signal=(\S+) reason=(\S+) dropped=(\d+)(?: error=(.*))?`)

func (d *drops) parse(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := droppedLine.FindStringSubmatch(line); m != nil {
		if d.Lost == nil {
			d.Lost, d.Why = map[string]int64{}, map[string]string{}
		}
		n, _ := strconv.ParseInt(m[3], 10, 64)
		d.Lost[m[1]+" "+m[2]] += n
		d.Why[m[1]+" "+m[2]] = strings.TrimSpace(m[4])
		return
	}
	if strings.Contains(line, "panic") && !strings.Contains(line, "] ::") || strings.Contains(line, "fatal error") {
		if len(d.Other) < 50 {
			d.Other = append(d.Other, strings.TrimSpace(line))
		}
	}
}

// median is the median of one figure of some samples; 0 without samples.
func median(list []sample, of func(sample) float64) float64 {
	if len(list) == 0 {
		return 0
	}
	var v []float64
	for _, s := range list {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// quarter returns the samples of one quarter of the load, 0 to 3.
func quarter(list []sample, i int) []sample { return list[len(list)*i/4 : len(list)*(i+1)/4] }
