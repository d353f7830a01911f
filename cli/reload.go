package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

// reloader has what `up` serves take the place of itself, as its files are now, at each SIGHUP and when an operator asks for it.
type reloader struct {
	*session
	p       *process
	s       *settings
	paths   []string
	served  []*served // those that run
	failed  []*served // those that could not be started, and are tried again
	started atomic.Bool

	mu     sync.Mutex // held while one is under way
	ctx    context.Context
	cancel context.CancelFunc
}

// newReloader makes one, which ends with ctx or close.
func (p *process) newReloader(ctx context.Context, s *settings, paths []string, all []*served, session *session) *reloader {
	r := &reloader{session: session, p: p, s: s, paths: paths, served: all}
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

// errNotStarted and errUnchanged are why a reload changes nothing where there is no mistake.
var (
	errNotStarted = errors.New("the workload is not ready yet")
	errUnchanged  = errors.New("the manifest and the components are what is served already")
)

// hangup reloads at a SIGHUP. What goes wrong is logged, and what runs goes on.
func (r *reloader) hangup() {
	err := r.reload()
	switch {
	case err == nil || r.ctx.Err() != nil:
	case errors.Is(err, errNotStarted), errors.Is(err, errUnchanged):
		r.log.Warn("SIGHUP changes nothing: " + err.Error())
	default:
		var b strings.Builder
		explain(err).print(&b)
		r.log.Error("SIGHUP changes nothing: what runs goes on", "problem", strings.TrimSpace(b.String()))
	}
}

// ask reloads for an operator, who gets what goes wrong as text.
func (r *reloader) ask() (changed bool, err error) {
	err = r.reload()
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errUnchanged):
		return false, nil
	}
	var b strings.Builder
	explain(err).print(&b)
	r.log.Error("a reload has failed: what runs goes on", "problem", strings.TrimSpace(b.String()))
	return false, errors.New(strings.TrimSpace(b.String()))
}

// reload has the files as they are now take the place of what runs: workloads whose files have gone are stopped, new ones started, others
// replaced. One that cannot be is left as it runs, and the others are not; the error says what is wrong with each.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if !r.started.Load() {
		return errNotStarted
	}
	notifyReloading(r.log)
	defer func() {
		if r.ctx.Err() == nil { // after STOPPING the manager waits for no READY
			notifyReloaded(r.log)
		}
	}()
	began := time.Now()
	now, stay, wrong := r.read()
	changed := false
	for _, old := range slices.Clone(r.served) {
		if slices.ContainsFunc(now, func(n *served) bool { return n.spec.ID() == old.spec.ID() }) || stay[old.path] {
			continue
		}
		if err := r.host.Stop(r.ctx, old.spec.ID()); err != nil {
			r.log.Warn("not everything of a workload that was removed has ended as it should", "workload", string(old.spec.ID()), "error", err)
		}
		r.served = slices.DeleteFunc(r.served, func(s *served) bool { return s == old })
		r.log.Info("removed: its manifest is not there any more", "workload", string(old.spec.ID()))
		changed = true
	}
	for _, old := range slices.Clone(r.failed) {
		if slices.ContainsFunc(now, func(n *served) bool { return n.spec.ID() == old.spec.ID() }) || stay[old.path] {
			continue
		}
		_ = r.host.Stop(r.ctx, old.spec.ID()) // nothing of it runs
		r.failed = slices.DeleteFunc(r.failed, func(s *served) bool { return s == old })
		changed = true
	}
	for _, n := range now {
		switch did, err := r.bring(n, began); {
		case err != nil:
			wrong = append(wrong, err)
		case did:
			changed = true
		}
	}
	switch {
	case len(wrong) > 0:
		return problems(fmt.Sprintf("%d workloads are not as their files are now", len(wrong)), wrong)
	case !changed:
		return errUnchanged
	}
	return nil
}

// read reads the workloads as their files are now. stay has the paths of those that go on as they are, since something is wrong with their
// files.
func (r *reloader) read() (now []*served, stay map[string]bool, wrong []error) {
	stay = map[string]bool{}
	for _, path := range manifests(r.paths) {
		n, err := r.p.loadServed(r.ctx, r.s, path)
		if err == nil {
			err = sameName(now, n)
		}
		if err == nil {
			err = r.renamed(n)
		}
		if err != nil {
			stay[path] = true
			wrong = append(wrong, err)
			continue
		}
		now = append(now, n)
	}
	return now, stay, wrong
}

// renamed says that the manifest at a path has another name than the workload that runs from it.
func (r *reloader) renamed(n *served) error {
	for _, old := range r.served {
		if old.path == n.path && old.spec.ID() != n.spec.ID() {
			return &Problem{What: "the workload has another name now", Where: n.path, Why: fmt.Sprintf("%s runs, and the manifest has %s", old.spec.ID(), n.spec.ID()),
				Do: "end this vitrine up, and start it again", Code: ExitUsage}
		}
	}
	return nil
}

// bring starts a workload, or has it take the place of the one that runs; changed is false where there was nothing to do.
func (r *reloader) bring(n *served, began time.Time) (changed bool, err error) {
	took := func() string { return time.Since(began).Round(time.Millisecond).String() }
	id := string(n.spec.ID())
	i := slices.IndexFunc(r.served, func(old *served) bool { return old.spec.ID() == n.spec.ID() })
	if i < 0 {
		r.failed = slices.DeleteFunc(r.failed, func(old *served) bool { return old.spec.ID() == n.spec.ID() })
		if _, err := r.host.Start(r.ctx, n.spec); err != nil {
			r.failed = append(r.failed, n)
			return false, startProblem(n.spec, r.p.placed(n.path, err))
		}
		r.served = append(r.served, n)
		r.log.Info("added: requests go to its components now", "workload", id, "took", took())
		return true, nil
	}
	old := r.served[i]
	switch {
	case len(old.spec.Triggers) == 0:
		return false, &Problem{What: "a workload of services alone is not replaced while it runs", Where: n.path, Do: "end this vitrine up, and start it again", Code: ExitUsage}
	case reflect.DeepEqual(n.spec, old.spec) && same(n.sums, old.sums):
		return false, nil
	}
	if _, err := r.host.Replace(r.ctx, n.spec); err != nil {
		return false, startProblem(n.spec, r.p.placed(n.path, err))
	}
	r.served[i] = n
	r.log.Info("reloaded: new requests go to the components as they are now", "workload", id, "took", took())
	return true, nil
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
