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

// sample is the server at one moment.
type sample struct {
	At         float64 // seconds since the load began
	RSS        float64 // MiB
	Heap       float64 // MiB that Go's heap holds; 0 without a probe
	Goroutines int     // 0 without a probe
	Threads    int
	FDs        int
	CPU        float64 // seconds of processor time so far
	Requests   int64
	Errors     int64
}

// probe asks a probed server about its Go runtime.
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

// probeOwn are the goroutines that a probe itself needs: the listener's and those of the question's connection.
const probeOwn = 2

// runtime gives goroutines, without the probe's own, and the heap in MiB.
func (p *probe) runtime() (goroutines int, heap float64) {
	text, err := p.get("/runtime")
	var m map[string]uint64
	if err != nil || json.Unmarshal([]byte(text), &m) != nil {
		return 0, 0
	}
	return int(m["goroutines"]) - probeOwn, float64(m["heap"]) / (1 << 20)
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

// look samples a process; pr is nil if it has no probe.
func (p *process) look(pr *probe) sample {
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

// failures collects what was wrong, by the name of the visit.
type failures struct {
	mu    sync.Mutex
	count map[string]int64
	first map[string][]string
}

// maxSaid bounds how many failures of a kind are kept in full.
const maxSaid = 5

func (f *failures) add(name string, at time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil {
		f.count, f.first = map[string]int64{}, map[string][]string{}
	}
	f.count[name]++
	if len(f.first[name]) < maxSaid {
		f.first[name] = append(f.first[name], fmt.Sprintf("at %v: %v", at.Round(time.Second), err))
		progress("%v: %s: %v", at.Round(time.Second), name, err)
	}
}

// drops adds up what the server says that its telemetry lost.
type drops struct {
	mu    sync.Mutex
	Lost  map[string]int64  // signal and reason → items
	Why   map[string]string // the same → the error that was said last
	Other []string          // lines of the server's own at warn or error that are neither this nor a guest's failure
}

var droppedLine = regexp.MustCompile(`telemetry is being dropped.* signal=(\S+) reason=(\S+) dropped=(\d+)(?: error=(.*))?`)

func (d *drops) hear(line string) {
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

// median of one figure of some samples; 0 of none.
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

// quarter is the samples of one quarter of the load, 0 to 3.
func quarter(list []sample, i int) []sample { return list[len(list)*i/4 : len(list)*(i+1)/4] }
