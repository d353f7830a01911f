// Package build makes the files of a workload's components: it runs the commands that its manifest has for them.
//
// Components are built at the same time, each after those that it needs; components with the same build share one run. Each command is a
// lifecycle operation, and ends with all the processes that it has started when its context ends.
package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config configures a run.
type Config struct {
	// Line gets each line that a command prints, with the name of what is built. Calls do not overlap.
	Line func(name, line string)
	// Interceptor gets the operations; nil: nobody does.
	Interceptor cm.Interceptor
	// Environ is the environment of the commands, below that of the builds; nil: the process's.
	Environ []string
	// Choose says which components are built, with those that need them; nil: all.
	Choose func(*workload.Component) bool
	// Built is called with each component that was built. Calls do not overlap.
	Built func(name string)
	// Parallel bounds how many components are built at once; 0: as many as there are processors.
	Parallel int
}

// Has says whether any component of the workload is built.
func Has(w *workload.Spec) bool {
	return slices.ContainsFunc(w.Components, func(c workload.Component) bool { return len(c.Build.Command) > 0 })
}

// Run builds all components of w that have a command, but those that need one whose build has failed. The error joins an [*Error] for
// each build that failed; it is the cause of ctx if that has ended.
func Run(ctx context.Context, w *workload.Spec, c Config) error {
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.Parallel <= 0 {
		c.Parallel = runtime.GOMAXPROCS(0)
	}
	op := &cm.Operation{Name: "workload build"}
	op.Set("workload", string(w.ID()))
	ctx, end := cm.Begin(ctx, c.Interceptor, op)
	var lock sync.Mutex
	line := c.Line
	c.Line = func(name, text string) {
		lock.Lock()
		defer lock.Unlock()
		if line != nil {
			line(name, text)
		}
	}
	built := c.Built
	c.Built = func(name string) {
		lock.Lock()
		defer lock.Unlock()
		if built != nil {
			built(name)
		}
	}
	err := runAll(ctx, chosen(jobsOf(w), w, c.Choose), &c)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	end(err)
	return err
}

// job is one build, of the components that share it.
type job struct {
	name  string // theirs, with + between them
	of    []string
	build workload.Build
	files []string
	needs []*job

	done chan struct{} // closed: the build has ended
	ok   bool          // it has succeeded; read after done
}

// jobsOf are the builds of a workload, in its order.
func jobsOf(w *workload.Spec) []*job {
	var jobs []*job
	byComponent := map[string]*job{}
	for _, c := range w.Components {
		if len(c.Build.Command) == 0 {
			continue
		}
		i := slices.IndexFunc(jobs, func(j *job) bool { return same(&j.build, &c.Build) })
		if i < 0 {
			jobs = append(jobs, &job{name: c.Name, build: c.Build, done: make(chan struct{})})
			i = len(jobs) - 1
		} else {
			jobs[i].name += "+" + c.Name
			jobs[i].build.Needs = append(slices.Clone(jobs[i].build.Needs), c.Build.Needs...)
		}
		jobs[i].of = append(jobs[i].of, c.Name)
		jobs[i].files = append(jobs[i].files, c.Source.File)
		byComponent[c.Name] = jobs[i]
	}
	for _, j := range jobs {
		for _, name := range j.build.Needs {
			if other := byComponent[name]; other != nil && other != j && !other.leadsTo(j) {
				j.needs = append(j.needs, other)
			}
		}
	}
	return jobs
}

// chosen are the jobs of components that choose accepts, and those that need one of them.
func chosen(jobs []*job, w *workload.Spec, choose func(*workload.Component) bool) []*job {
	if choose == nil {
		return jobs
	}
	var wanted []*job
	for _, j := range jobs {
		if slices.ContainsFunc(j.of, func(name string) bool { return choose(w.Component(name)) }) {
			wanted = append(wanted, j)
		}
	}
	isWanted := func(j *job) bool { return slices.ContainsFunc(wanted, j.leadsTo) }
	out := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return !isWanted(j) })
	for _, j := range out {
		j.needs = slices.DeleteFunc(j.needs, func(n *job) bool { return !isWanted(n) }) // they are as they were
	}
	return out
}

// leadsTo says whether j needs another: shared builds may need each other though their components do not.
func (j *job) leadsTo(other *job) bool {
	return j == other || slices.ContainsFunc(j.needs, func(n *job) bool { return n.leadsTo(other) })
}

// same says whether two builds do the same.
func same(a, b *workload.Build) bool {
	key := func(b *workload.Build) string {
		return fmt.Sprintf("%q %q %q %q %q", b.Folder, b.Before, b.Command, b.After, b.Environment)
	}
	return key(a) == key(b)
}

func runAll(ctx context.Context, jobs []*job, c *Config) error {
	errs := make([]error, len(jobs))
	room := make(chan struct{}, c.Parallel)
	var all sync.WaitGroup
	for i, j := range jobs {
		all.Go(func() {
			defer close(j.done)
			for _, n := range j.needs {
				if <-n.done; !n.ok {
					return // its own error says why
				}
			}
			room <- struct{}{}
			defer func() { <-room }()
			if ctx.Err() != nil {
				return
			}
			errs[i] = j.run(ctx, c)
			if j.ok = errs[i] == nil; j.ok {
				for _, name := range j.of {
					c.Built(name)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// run runs the build's commands, one after the other, and looks for the files that they are to make.
func (j *job) run(ctx context.Context, c *Config) error {
	type step struct {
		operation string
		command   []string
	}
	var steps []step
	for _, command := range j.build.Before {
		steps = append(steps, step{"build before", command})
	}
	steps = append(steps, step{"build", j.build.Command})
	for _, command := range j.build.After {
		steps = append(steps, step{"build after", command})
	}
	for _, s := range steps {
		op := &cm.Operation{Name: s.operation, Component: cm.Path(j.name)}
		sctx, end := cm.Begin(ctx, c.Interceptor, op)
		op.Set("process.executable.name", filepath.Base(s.command[0]))
		status, err := j.execute(sctx, s.command, c)
		if status >= 0 {
			op.Set("process.exit.code", status)
		}
		end(err)
		if err != nil {
			return err
		}
	}
	for _, file := range j.files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return &Error{Name: j.name, Command: j.build.Command, Folder: j.build.Folder, File: file}
		}
	}
	return nil
}

// Error says that a build has failed: its program is missing, could not be started, has ended with a status, or has not made its file.
type Error struct {
	Name    string   // of the component, or of those that share the build with + between them
	Command []string // that failed
	Folder  string   // in which it ran
	Missing *Missing // what is not there, the program or, with a Status, what that needs; nil: nothing is known
	Status  int      // the exit status; 0: it had none, -1: a signal has ended it
	File    string   // that the build was to make; empty: it failed before
	Err     error    // why it could not be started; nil otherwise
}

// Error says which build failed, and how.
func (e *Error) Error() string {
	switch {
	case e.Missing != nil && e.Status == 0:
		return fmt.Sprintf("%s: %v", e.Name, e.Missing)
	case e.File != "":
		return fmt.Sprintf("%s: the build ended well, but has not made %s", e.Name, e.File)
	case e.Err != nil:
		why := e.Err
		var path *fs.PathError
		if errors.As(why, &path) {
			why = path.Err
		}
		return fmt.Sprintf("%s: %s cannot be started: %v", e.Name, e.Command[0], why)
	case e.Status < 0:
		return fmt.Sprintf("%s: %s was ended by a signal", e.Name, e.Command[0])
	}
	why := ""
	if e.Missing != nil {
		why = ": " + e.Missing.Error()
	}
	return fmt.Sprintf("%s: %s failed with status %d%s", e.Name, strings.Join(e.Command[:min(len(e.Command), 2)], " "), e.Status, why)
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }
