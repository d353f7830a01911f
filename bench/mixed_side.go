package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command is a component that is run beside the server, with the same compile cache: C has no 0.2 guest that serves HTTP, and
// the hostile guest is a command.
type command struct {
	name, guest string
	flags, args []string
	exit        int
	stdout      string // exactly, unless empty
}

var sideCommands = []command{
	{"run c", "c-cli-p2", nil, []string{"a.txt"}, 1, "hello from C, argc=2 [c-cli-p2.component.wasm] [a.txt] greeting=(none)\n"},
	{"run c greeting", "c-cli-p2", []string{"--env", "GREETING=hi"}, nil, 0, "hello from C, argc=1 [c-cli-p2.component.wasm] greeting=hi\n"},
	{"run hostile badcall", "rust-cli-hostile", nil, []string{"badcall"}, 134, ""},
	{"run hostile recurse", "rust-cli-hostile", nil, []string{"recurse"}, 134, ""},
	{"run hostile spin", "rust-cli-hostile", []string{"--deadline", "300ms"}, []string{"spin"}, 124, ""},
	{"run hostile oom", "rust-cli-hostile", []string{"--memory", "32Mi"}, []string{"oom"}, 134, ""},
	{"run hostile flood", "rust-cli-hostile", nil, []string{"flood", "2"}, 0, ""},
	{"run hostile exit", "rust-cli-hostile", nil, []string{"exit", "3"}, 1, ""},
}

// commands runs one command after another, one each 15 seconds or a hundredth of the duration.
func (m *mixedRun) commands(ctx context.Context) {
	for n := 0; sleep(ctx, min(15*time.Second, m.duration/20)); n++ {
		c := sideCommands[n%len(sideCommands)]
		err := m.command(c)
		m.mu.Lock()
		if m.out.Commands == nil {
			m.out.Commands = map[string]int64{}
		}
		m.out.Commands[c.name]++
		m.mu.Unlock()
		if err != nil {
			m.failed.add(c.name, time.Since(m.start), err)
		}
	}
}

func (m *mixedRun) command(c command) error {
	guest, err := guestFile(c.guest)
	if err != nil {
		return err
	}
	cmd := exec.Command(m.binary, append(append(append([]string{"run", "--cache-dir", m.cache}, c.flags...), guest), c.args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := children.start(cmd); err != nil {
		return err
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	late.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != c.exit {
		return fmt.Errorf("exit status %d, want %d; stderr %.300q", code, c.exit, stderr.String())
	}
	if c.stdout != "" && stdout.String() != c.stdout {
		return fmt.Errorf("stdout %.80q, want %.80q", stdout.String(), c.stdout)
	}
	return nil
}

// wipe empties the compile cache after half the duration. Then another server with the same workload starts, fills it again,
// and serves each visit, while the first goes on.
func (m *mixedRun) wipe(ctx context.Context) {
	if !sleep(ctx, m.duration/2) {
		return
	}
	text, err := m.checkWiped()
	if err != nil {
		m.failed.add("cache wiped", time.Since(m.start), err)
		text = err.Error()
	}
	progress("%v: %s", time.Since(m.start).Round(time.Second), text)
	m.mu.Lock()
	m.out.Wiped = text
	m.mu.Unlock()
}

func (m *mixedRun) checkWiped() (string, error) {
	before := files(m.cache)
	var err error
	for range 10 { // a command may be writing there
		if err = os.RemoveAll(m.cache); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return "", err
	}
	start := time.Now()
	p, err := serve(m.binary, []string{"OTEL_SDK_DISABLED=true"}, "--log-level", "error", "--cache-dir", m.cache, filepath.Join(m.dir, "vitrine.yaml"))
	if err != nil {
		return "", fmt.Errorf("the workload does not start: %w", err)
	}
	took := time.Since(start)
	v := &visitor{base: p.base, host: strings.TrimPrefix(p.base, "http://"), client: &http.Client{Timeout: 25 * time.Second}, seen: map[string]bool{}}
	for _, x := range visits {
		if err := x.do(v); err != nil {
			_ = p.stop()
			return "", fmt.Errorf("the workload started again: %s: %w", x.name, err)
		}
	}
	if err := p.stop(); err != nil {
		return "", fmt.Errorf("the workload started again, and ended with %w", err)
	}
	return fmt.Sprintf("%d files wiped; another server with the workload started in %v, answered each visit and ended with status 0; %d files then", before, took.Round(time.Millisecond), files(m.cache)), nil
}

// files is the number of files below a folder.
func files(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// finish samples the idle server, ends it, and evaluates the run.
func (m *mixedRun) finish() {
	out := &m.out
	progress("resting")
	m.settle()
	select {
	case <-m.server.done:
		out.Ended = "it ended by itself: " + tail(m.server.output(), 4000)
	default:
		out.After = m.server.sample(m.probe)
		for wait := restTime; !out.atRest() && wait < longRest; wait += restTime {
			m.settle()
			out.After = m.server.sample(m.probe)
		}
		if m.probe != nil && !out.atRest() {
			text, _ := m.probe.get("/debug/pprof/goroutine?debug=1")
			out.Goroutines = text[:min(len(text), 6000)]
		}
		m.end()
	}
	out.Requests, out.Late = map[string]int64{}, m.late.Load()
	for kind, list := range [][]visit{visits, hostile} {
		for i, x := range list {
			name := x.name
			if kind == 1 {
				name = "hostile: " + name
			}
			out.Requests[name] = m.sent[kind][i].Load()
		}
	}
	m.failed.mu.Lock()
	defer m.failed.mu.Unlock()
	out.Failures, out.First = map[string]int64{}, map[string][]string{}
	for name, n := range m.failed.count {
		at := name
		if _, ok := out.Requests["hostile: "+name]; ok {
			at = "hostile: " + name
		}
		out.Failures[at], out.First[at] = n, m.failed.first[name]
	}
	m.drops.mu.Lock()
	defer m.drops.mu.Unlock()
	out.Lost, out.Why, out.Panics = m.drops.Lost, m.drops.Why, m.drops.Other
	out.Races = raceReports(m.raceLog())
	out.evaluate(m.race, m.probe != nil)
}

// end ends the server: by SIGTERM, or without a probe by a dump of its goroutines.
func (m *mixedRun) end() {
	if m.probe == nil {
		m.out.After.Goroutines = m.server.goroutines()
		m.out.Ended = "by a dump of its goroutines"
		return
	}
	start := time.Now()
	hung := time.AfterFunc(time.Minute, func() { _ = m.server.cmd.Process.Signal(syscall.SIGKILL) })
	defer hung.Stop()
	if err := m.server.stop(); err != nil {
		m.out.Ended = fmt.Sprintf("SIGTERM: %v after %v", err, time.Since(start).Round(time.Millisecond))
		return
	}
	m.out.Ended = fmt.Sprintf("SIGTERM: %s %v", endedWell, time.Since(start).Round(time.Millisecond))
}

const endedWell = "exit status 0 after"

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// Tolerances of the verdict for figures that must not grow.
const (
	slackRSS        = 1.10 // of the second quarter's median
	slackRSSMiB     = 16
	slackGoroutines = 1.25
	slackRest       = 5 // goroutines
)

// atRest says whether goroutines and files are back at their level before the load.
func (m *mixedResult) atRest() bool {
	return m.After.Goroutines <= m.Before.Goroutines+slackRest && m.After.FDs <= m.Before.FDs+slackRest
}

// evaluate fills the verdict. Without a probe the goroutines before the load are unknown, and a dump has ended the server.
// Memory is not evaluated with the race detector, which has memory of its own.
func (m *mixedResult) evaluate(race, probed bool) {
	m.Holds = true
	note := func(ok bool, format string, args ...any) {
		mark := "holds: "
		if !ok {
			mark, m.Holds = "FAILS: ", false
		}
		m.Verdict = append(m.Verdict, mark+fmt.Sprintf(format, args...))
	}
	bad := int64(0)
	for _, n := range m.Failures {
		bad += n
	}
	note(bad == 0, "errors only where asked for: %d visits and commands went wrong", bad)
	note(len(m.Panics) == 0, "the server said of %d panics", len(m.Panics))
	if race {
		note(len(m.Races) == 0, "%d processes had reports of the race detector", len(m.Races))
	}
	q2, q4 := quarter(m.Samples, 1), quarter(m.Samples, 3)
	rss := func(s sample) float64 { return s.RSS }
	had, has := median(q2, rss), median(q4, rss)
	note(has > 0 && (race || has <= had*slackRSS+slackRSSMiB), "RSS level: %.0f MiB in the second quarter, %.0f in the last (× %.2f); at rest %.0f before, %.0f after", had, has, has/max(had, 1), m.Before.RSS, m.After.RSS)
	goroutines := func(s sample) float64 { return float64(s.Goroutines) }
	if had, has = median(q2, goroutines), median(q4, goroutines); probed {
		note(had > 0 && m.Before.Goroutines > 0, "the probe has told of goroutines: %.0f", had)
		note(has <= had*slackGoroutines+slackRest, "goroutines level: %.0f in the second quarter, %.0f in the last", had, has)
		note(m.After.Goroutines <= m.Before.Goroutines+slackRest, "goroutines at rest: %d before, %d after", m.Before.Goroutines, m.After.Goroutines)
	}
	fds := func(s sample) float64 { return float64(s.FDs) }
	note(m.After.FDs <= m.Before.FDs+slackRest && m.Before.FDs > 0, "files at rest: %d before, %d after; %.0f in the second quarter, %.0f in the last", m.Before.FDs, m.After.FDs, median(q2, fds), median(q4, fds))
	note(!strings.Contains(m.Ended, "it ended by itself") && (!probed || strings.Contains(m.Ended, endedWell)), "the server lived to the end: %s", m.Ended)
}
