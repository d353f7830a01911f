package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/artifact"
)

// progress shows on a terminal, from the first second on, for how many seconds the step called what has been running, and what it has moved to or from a registry;
// done erases the line and waits until it is erased. If stderr is no terminal it shows nothing, so that the first line of a log is the one with the address.
func (p *process) progress(what string) (done func()) {
	p.moved.begin()
	if !takesEscapes(p.stderr, os.Getenv) {
		return func() {}
	}
	return showProgress(p.stderr, what, time.Second, &p.moved)
}

// showProgress writes the line, and again at each interval.
func showProgress(w io.Writer, what string, each time.Duration, moved *meter) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		start := time.Now()
		tick := time.NewTicker(each)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(w, "\r\x1b[K%s … %.0f s%s", what, time.Since(start).Seconds(), moved.text(time.Since(start)))
				shown = true
			case <-stop:
				if shown {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// meter adds up what is moved to and from registries in a step. Its zero value has moved nothing.
type meter struct {
	mu     sync.Mutex
	layers map[string]artifact.Progress
}

// begin forgets what was moved.
func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.layers = map[string]artifact.Progress{}
}

// add is artifact.Config.Progress.
func (m *meter) add(p artifact.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layers == nil {
		m.layers = map[string]artifact.Progress{}
	}
	m.layers[p.Digest] = p
}

// text is what was moved after some time, with its part of the whole and its rate; empty where nothing was.
func (m *meter) text(after time.Duration) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var done, total int64
	for _, l := range m.layers {
		done, total = done+l.Done, total+l.Total
	}
	if total <= 0 {
		return ""
	}
	rate := float64(done) / max(after.Seconds(), 1e-3)
	return fmt.Sprintf(" · %s of %s · %d %% · %s/s", bytesText(float64(done)), bytesText(float64(total)), min(100, done*100/total), bytesText(rate))
}

// bytesText is a count of bytes to a person: 812 B, 9.3 KB, 41 MB.
func bytesText(n float64) string {
	units := []string{"B", "KB", "MB", "GB"}
	unit := 0
	for n >= 1000 && unit < len(units)-1 {
		n, unit = n/1000, unit+1
	}
	if unit == 0 || n >= 10 {
		return fmt.Sprintf("%.0f %s", n, units[unit])
	}
	return fmt.Sprintf("%.1f %s", n, units[unit])
}
