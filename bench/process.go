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

// process is a server under measurement.
type process struct {
	cmd  *exec.Cmd
	base string // URL without a slash at its end

	mu   sync.Mutex
	text strings.Builder // its stderr, bounded
	done chan struct{}
}

// serve starts vitrine up and waits until it serves.
func serve(binary string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(binary, append([]string{"up", "--listen", "127.0.0.1:0"}, args...)...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
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
	for {
		line, err := lines.ReadString('\n')
		if _, at, ok := strings.Cut(strings.TrimSpace(line), " on http://"); ok && p.base == "" {
			select {
			case ready <- "http://" + at:
			default:
			}
		}
		p.mu.Lock()
		if p.text.Len() < 16<<20 {
			p.text.WriteString(line)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// stop ends the process as an operator would, and reports an exit status other than 0.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	return p.cmd.Wait()
}

// rss is the resident memory in MiB.
func (p *process) rss() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}

// goroutines asks the Go runtime for a dump, which ends the process, and counts what is in it.
func (p *process) goroutines() int {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.done
	_ = p.cmd.Wait()
	return strings.Count(p.output(), "\ngoroutine ")
}
