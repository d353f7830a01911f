package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// startup is how long one server takes from its start to its first answer, with a warm cache.
type startup struct {
	Guest, Server string
	Median        time.Duration
	Low, High     time.Duration
	CPU           time.Duration // median, of the whole process
	Times         []time.Duration
	cpus          []time.Duration
}

// isPrecompiled is wasmtime with a component that it compiled before; it cannot be faster than that.
const isPrecompiled = "wasmtime precompiled"

// startups starts each server again and again, in turns.
func (c *comparison) startups(guests []string, files map[string]string, vitrine, wasmtime, dir string, n int) error {
	type starter struct {
		contender
		file string
	}
	for _, g := range guests {
		list := []starter{{contender{name: isFresh, command: vitrineUp(vitrine, filepath.Join(dir, "cache"), nil)}, files[g]}}
		if wasmtime != "" {
			compiled := filepath.Join(dir, "compiled.cwasm")
			if out, err := exec.Command(wasmtime, "compile", "-o", compiled, files[g]).CombinedOutput(); err != nil {
				return fmt.Errorf("wasmtime compile: %w: %s", err, out)
			}
			list = append(list, starter{contender{name: isWasmtime, command: wasmtimeServe(wasmtime)}, files[g]},
				starter{contender{name: isPrecompiled, command: wasmtimeServe(wasmtime, "--allow-precompiled")}, compiled})
		}
		got := make([]startup, len(list))
		for i := -1; i < n; i++ { // the first fills the caches
			for k, s := range list {
				wall, cpu, err := startOnce(s.contender, s.file, jobsOf(g)[0])
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				if i >= 0 {
					got[k].Times, got[k].cpus = append(got[k].Times, wall), append(got[k].cpus, cpu)
				}
			}
		}
		for k, s := range list {
			x := &got[k]
			x.Guest, x.Server = g, s.name
			slices.Sort(x.Times)
			slices.Sort(x.cpus)
			x.Median, x.Low, x.High, x.CPU = x.Times[n/2], x.Times[0], x.Times[n-1], x.cpus[n/2]
			c.out.Startups = append(c.out.Startups, *x)
			progress("start-up: %s: %s: %v", g, s.name, x.Median.Round(100*time.Microsecond))
		}
	}
	return nil
}

// startOnce starts a server, asks until it answers with status 200, and ends it.
func startOnce(s contender, guest string, j job) (wall, cpu time.Duration, err error) {
	addr, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	cmd := s.command(guest, addr)
	u := &url.URL{Host: addr, Path: j.path}
	c := &client{addr: addr, text: requestText(u, j.body), buf: make([]byte, 64<<10)}
	defer c.close()
	begin := time.Now()
	if err := children.start(cmd); err != nil {
		return 0, 0, err
	}
	for time.Since(begin) < time.Minute {
		if err = c.once(); err == nil {
			break
		}
		c.close()
		time.Sleep(300 * time.Microsecond)
	}
	wall = time.Since(begin)
	_ = cmd.Process.Signal(os.Kill)
	_ = cmd.Wait()
	return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}
