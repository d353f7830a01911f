package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// reloader has what `up` serves take the place of itself, as its files are now, at each SIGHUP.
type reloader struct {
	*session
	p       *process
	s       *settings
	path    string
	served  *workload.Spec
	sums    [][sha256.Size]byte // of the components' files
	started atomic.Bool

	mu     sync.Mutex // held while one is under way
	ctx    context.Context
	cancel context.CancelFunc
}

// newReloader makes one, which ends with ctx or close.
func (p *process) newReloader(ctx context.Context, s *settings, path string, w *workload.Spec, session *session) *reloader {
	r := &reloader{session: session, p: p, s: s, path: path, served: w, sums: sums(w)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// close cancels what is under way, and waits for it.
func (r *reloader) close() {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
}

// sums are those of the components' files, in the workload's order; zero for a file that cannot be read.
func sums(w *workload.Spec) [][sha256.Size]byte {
	out := make([][sha256.Size]byte, len(w.Components))
	for i, c := range w.Components {
		f, err := os.Open(c.Source.File)
		if err != nil {
			continue
		}
		h := sha256.New()
		if _, err := io.Copy(h, f); err == nil {
			h.Sum(out[i][:0])
		}
		f.Close()
	}
	return out
}

// reload has the files as they are now take the place of what runs. What goes wrong is logged, and what runs goes on.
func (r *reloader) reload() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	if !r.started.Load() {
		r.log.Warn("SIGHUP changes nothing: the workload is not ready yet")
		return
	}
	began := time.Now()
	w, err := r.p.loadSpec(r.ctx, r.s, r.path)
	if err == nil {
		err = r.replace(r.ctx, w, began)
	}
	if err == nil || r.ctx.Err() != nil {
		return
	}
	var b strings.Builder
	explain(err).print(&b)
	r.log.Error("SIGHUP changes nothing: what runs goes on", "problem", strings.TrimSpace(b.String()))
}

// replace has w take the place of what is served.
func (r *reloader) replace(ctx context.Context, w *workload.Spec, began time.Time) error {
	now := sums(w)
	switch {
	case len(w.Triggers) == 0 && len(w.Services) == 0:
		return nothingToServe(w)
	case w.ID() != r.served.ID():
		return &Problem{What: "the workload has another name now", Where: r.path, Why: fmt.Sprintf("%s runs, and the manifest has %s", r.served.ID(), w.ID()),
			Do: "end this vitrine up, and start it again", Code: ExitUsage}
	case len(r.served.Triggers) == 0:
		return &Problem{What: "a workload of services alone is not replaced while it runs", Where: r.path, Do: "end this vitrine up, and start it again", Code: ExitUsage}
	case reflect.DeepEqual(w, r.served) && same(now, r.sums):
		r.log.Warn("SIGHUP changes nothing: the manifest and the components are what is served already")
		return nil
	}
	if _, err := r.host.Replace(ctx, w); err != nil {
		return startProblem(w, r.p.placed(r.path, err))
	}
	r.served, r.sums = w, now
	r.log.Info("reloaded: new requests go to the components as they are now", "workload", string(w.ID()), "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// same says that all sums are known, and equal.
func same(a, b [][sha256.Size]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] == ([sha256.Size]byte{}) || !bytes.Equal(a[i][:], b[i][:]) {
			return false
		}
	}
	return true
}
