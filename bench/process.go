package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxText bounds what is kept of a process's stderr.
const maxText = 16 << 20

// process is a server under measurement.
type process struct {
	cmd  *exec.Cmd
	base string // URL without a slash at its end

	mu   sync.Mutex
	text []byte // its stderr, the latest of it
	done chan struct{}
	line func(string) // called with each line, if not nil
}

// serve starts vitrine up and waits until it serves.
func serve(binary string, env []string, args ...string) (*process, error) {
	return serveWithLines(nil, binary, env, args...)
}

// serveWithLines is serve with a function that is called with each line of stderr.
func serveWithLines(line func(string), binary string, env []string, args ...string) (*process, error) {
	p := &process{line: line, cmd: exec.Command(binary, append([]string{"up", "--listen", "127.0.0.1:0"}, args...)...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := children.start(p.cmd); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go p.read(stderr, ready)
	select {
	case p.base = <-ready:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("the server ended: %s", p.output())
	case <-time.After(2 * time.Minute):
		_ = p.stop()
		return nil, fmt.Errorf("the server is not ready after two minutes")
	}
}

func (p *process) read(r io.Reader, ready chan<- string) {
	defer close(p.done)
	lines := bufio.NewReader(r)
	told := false
	for {
		line, err := lines.ReadString('\n')
		if _, at, ok := strings.Cut(strings.TrimSpace(line), " on http://"); ok && !told {
			told = true
			ready <- "http://" + at
		}
		p.mu.Lock()
		if len(p.text) > maxText {
			p.text = append(p.text[:0], p.text[maxText/2:]...)
		}
		p.text = append(p.text, line...)
		p.mu.Unlock()
		if p.line != nil {
			p.line(line)
		}
		if err != nil {
			return
		}
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.text)
}

// processes are the running processes, to be killed when a measurement is interrupted.
type processes struct {
	mu   sync.Mutex
	list []*os.Process
}

var children processes

func (c *processes) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.list = append(c.list, cmd.Process)
	return nil
}

// kill kills those that have not been waited for.
func (c *processes) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.list {
		_ = p.Kill()
	}
}

// stop ends the process with SIGTERM, and returns an error for an exit status other than 0.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	return p.cmd.Wait()
}

// rss is the resident memory in MiB.
func (p *process) rss() float64 {
	kb, _ := strconv.ParseFloat(p.status("VmRSS:"), 64)
	return kb / 1024
}

// cpu is the processor time of the process.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

// status is a field of /proc/PID/status; empty if there is none.
func (p *process) status(field string) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field {
			return f[1]
		}
	}
	return ""
}

// goroutines has the Go runtime dump its goroutines, which ends the process, and counts them.
func (p *process) goroutines() int {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.done
	_ = p.cmd.Wait()
	return strings.Count(p.output(), "\ngoroutine ")
}
