package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) dev() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev [PATH]",
		Short: "Build and serve a workload, and do so again whenever its files change",
		Long: `Builds a workload as vitrine build does, serves it as vitrine up does, and watches what it is made from: the manifest, the files
that watch of each build names, or all in its folder that no .gitignore names, and components that are not built.
After a change it is built again, and the new components take the place of the old ones without a gap: the address stays, no request fails,
requests under way end in the old ones. A build or a manifest that fails changes nothing: what runs goes on.

Only components are built whose own files or build have changed, and those that need them. What a build makes does not count as a change.
On a terminal r builds all again, o opens the viewer (--view) in the browser, and q ends; elsewhere SIGHUP builds all again.`,
		Example: "  vitrine dev shop/ --trace",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, []option{listenOption, tlsCertOption, tlsKeyOption, trustedProxiesOption, drainOption, adminOption, memoryBudgetOption}, workloadOptions, outputOptions, []option{accessOption("true")}, viewOptions, []option{stateOption, plainHTTPOption, cacheOption})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := append(args, ".")[0]
		w, err := p.loadUnbuilt(s, path)
		if err != nil {
			return err
		}
		return p.develop(cmd.Context(), s, path, w)
	}
	return cmd
}

// loadUnbuilt is loadSpec for a workload that is about to be built.
func (p *process) loadUnbuilt(s *settings, path string) (*workload.Spec, error) {
	w, err := p.ships.format().LoadUnbuilt(path)
	if err != nil {
		return nil, err
	}
	return w, s.apply(w)
}

// development is one run of vitrine dev.
type development struct {
	*serving
	*sources
	p       *process
	s       *settings
	id      workload.ID    // empty as long as nothing runs
	spec    *workload.Spec // what runs
	greeted bool           // the addresses were said
}

func (p *process) develop(ctx context.Context, s *settings, path string, w *workload.Spec) (err error) {
	drain, err := s.drain(w)
	if err != nil {
		return err
	}
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	session, err := p.openServing(ctx, s, w, p.everyKind(w), servingOptions{drain: drain})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	session.operators.serve(ctx, session.session, nil)
	session.stderr.release("")
	d := &development{serving: session, sources: newSources(path), p: p, s: s}
	if err := d.watch(w); err != nil {
		return &Problem{What: "the files cannot be watched", Where: path, Whys: lines(err), Code: ExitFailed}
	}
	defer d.sources.close()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- session.host.Run(running) }()
	keys, restore := p.keys()
	defer restore()
	err = d.loop(ctx, keys, failed)
	cancel()
	return errors.Join(err, <-failed)
}

// everyKind is w with triggers of all types, since a manifest may come to have them.
func (p *process) everyKind(w *workload.Spec) *workload.Spec {
	all := *w
	all.Triggers = nil
	for _, t := range p.ships.Triggers {
		all.Triggers = append(all.Triggers, workload.TriggerSpec{Type: t.Type.Name})
	}
	return &all
}

// loop brings the workload up to date after each change, until ctx ends, a trigger fails or a key ends it.
func (d *development) loop(ctx context.Context, keys <-chan byte, failed chan error) error {
	again := make(chan struct{}, 1)
	defer onHangup(func() {
		select {
		case again <- struct{}{}:
		default: // it is about to be built anyway
		}
	})()
	next := change{since: time.Now()}
	for idle := false; ; {
		if !idle {
			d.update(ctx, next)
		}
		idle = false
		waiting, stop := context.WithCancel(ctx)
		changed := make(chan change, 1)
		go func() {
			var c change
			c.files, c.since, c.err = d.watcher.Next(waiting)
			changed <- c
		}()
		var ended bool
		var err error
		select {
		case next = <-changed:
			err = next.err
			changed <- next
		case <-again:
			next = change{since: time.Now(), all: true}
		case k := <-keys:
			next, ended, idle = change{since: time.Now(), all: true}, k == 'q', k == 'o'
			if k == 'o' {
				d.open()
			}
		case err = <-failed:
			failed <- nil
			ended = true
		case <-ctx.Done():
			ended = true
		}
		stop()
		// The watcher may be another one after the next update, which builds what this one has seen.
		if seen := <-changed; idle && len(seen.files) > 0 {
			next, idle = seen, false
		}
		switch {
		case ended:
			return err
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return &Problem{What: "the files cannot be watched any more", Whys: lines(err), Code: ExitFailed}
		}
	}
}

// update builds the workload and has it take the place of the one that runs. What goes wrong is printed, and what runs goes on.
func (d *development) update(ctx context.Context, c change) {
	began := time.Now()
	op := &cm.Operation{Name: "workload update"}
	if len(c.files) > 0 {
		op.Set("changed", d.short(c.files[0]))
		op.Set("changes", len(c.files))
	}
	uctx, end := cm.Begin(ctx, d.interceptor(), op)
	d.note(c)
	built, err := d.rebuild(uctx)
	if err == nil {
		err = d.swap(uctx)
	}
	end(err)
	for _, file := range d.watcher.Built() {
		d.log.Info("a file changes with each build, so that it is not watched any more: name it in .gitignore, or the files that count in watch", "file", d.short(file))
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.tell(explain(err))
		if d.id != "" {
			d.session.say("what was built before goes on\n")
		}
	default:
		d.say(c, built, began)
	}
}

// say says that the workload is up to date, and how long that took.
func (d *development) say(c change, built time.Duration, began time.Time) {
	now := time.Now()
	how := "ready in " + shortTime(now.Sub(c.since))
	if len(c.files) > 0 {
		how = "ready " + shortTime(now.Sub(c.since)) + " after the change of " + d.short(c.files[0])
		if n := len(c.files) - 1; n > 0 {
			how += fmt.Sprintf(" and %d more", n)
		}
	}
	if !d.greeted {
		d.greeted = true
		d.session.say(d.greeting(d.spec))
	}
	d.session.say(text.Printable(fmt.Sprintf("%s (build %s, start %s)", how, shortTime(built), shortTime(now.Sub(began)-built))) + "\n")
}

// short is a file's name from the working folder, where it is below that.
func (d *development) short(file string) string {
	if here, err := filepath.Abs("."); err == nil {
		if rel, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return file
}

// rebuild builds the workload as its manifest is now.
func (d *development) rebuild(ctx context.Context) (took time.Duration, err error) {
	w, err := d.p.loadUnbuilt(d.s, d.path)
	if err != nil {
		return 0, err
	}
	if err := d.watch(w); err != nil {
		return 0, fmt.Errorf("the files cannot be watched: %w", err)
	}
	if !build.Has(w) {
		return 0, nil
	}
	stale := d.stale(w)
	if len(stale) == 0 {
		return 0, nil
	}
	began := time.Now()
	err = d.session.build(ctx, w, d.choose(w, stale))
	return time.Since(began), err
}

// open shows the viewer in the browser.
func (d *development) open() {
	if d.viewer == nil {
		d.session.say("there is no viewer: start vitrine dev with --view\n")
		return
	}
	if err := openBrowser(d.viewer.URL, d.p.getenv("BROWSER")); err != nil {
		d.session.say(text.Printable(fmt.Sprintf("no browser can be opened (%v): the viewer is on %s", err, d.viewer.URL)) + "\n")
	}
}

// swap starts the workload as it is built, in place of the one that runs if there is one.
func (d *development) swap(ctx context.Context) error {
	w, err := d.p.loadSpec(ctx, d.s, d.path)
	if err != nil {
		return err
	}
	if len(w.Triggers) == 0 && len(w.Services) == 0 {
		return nothingToServe(w)
	}
	start := d.host.Start
	if d.id != "" {
		if start = d.host.Replace; w.ID() != d.id {
			return &Problem{What: "the workload has another name now", Where: d.path, Why: fmt.Sprintf("%s runs, and the manifest has %s", d.id, w.ID()),
				Do: "end this vitrine dev, and start it again", Code: ExitUsage}
		}
	}
	id, err := start(ctx, w)
	if err != nil {
		return startProblem(w, d.p.placed(d.path, err))
	}
	d.id, d.spec = id, w
	return nil
}
