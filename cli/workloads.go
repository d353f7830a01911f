package cli

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/workload"
)

// served is one of the workloads that `up` serves.
type served struct {
	path string
	spec *workload.Spec
	sums [][sha256.Size]byte // of the components' files
}

// manifests are the paths that `up` was given, with the manifests in it in the place of a folder that is none of a workload.
func manifests(paths []string) (out []string) {
	for _, path := range paths {
		all := manifestsIn(path)
		if len(all) == 0 {
			all = []string{path}
		}
		out = append(out, all...)
	}
	return out
}

// manifestsIn are the manifests in a folder that has no vitrine.yaml, by name; none for anything else. Beside a lone component, which is a workload by itself,
// other files in YAML may lie; they are manifests if they say so. The current folder is that of a workload, so that nobody who only is in the wrong place starts all that lies there.
func manifestsIn(path string) (out []string) {
	if path == "." {
		return nil
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil
	}
	_, lone, err := app.Resolve(path)
	if err == nil && !lone {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml", ".yml":
			file := filepath.Join(path, e.Name())
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (!lone || isManifest(file)) {
				out = append(out, file)
			}
		}
	}
	return out
}

var vitrineVersion = regexp.MustCompile(`(?m)^apiVersion:\s*["']?vitrine\.dev/`)

// isManifest says whether a file is a manifest by the version that it names in its first 4 KiB.
func isManifest(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	return vitrineVersion.Match(head[:n])
}

// loadServed reads one of the workloads.
func (p *process) loadServed(ctx context.Context, s *settings, path string) (*served, error) {
	w, err := p.loadSpec(ctx, s, path)
	if err != nil {
		return nil, err
	}
	if len(w.Triggers) == 0 && len(w.Services) == 0 {
		return nil, nothingToServe(w)
	}
	return &served{path, w, sums(w)}, nil
}

// loadAll reads all workloads, which must have different names.
func (p *process) loadAll(ctx context.Context, s *settings, paths []string) (all []*served, err error) {
	for _, path := range manifests(paths) {
		one, err := p.loadServed(ctx, s, path)
		if err != nil {
			return nil, err
		}
		if err := sameName(all, one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// sameName says which of all has the name of another one.
func sameName(all []*served, one *served) error {
	i := slices.IndexFunc(all, func(other *served) bool { return other.spec.ID() == one.spec.ID() })
	if i < 0 {
		return nil
	}
	return &Problem{What: "two workloads have the name " + string(one.spec.ID()), Where: one.path, Why: "it is that of " + all[i].path, Do: "give one of them another metadata.name", Code: ExitUsage}
}

// together is a workload with the parts of all, for what the process opens for all of them.
func together(all []*served) *workload.Spec {
	if len(all) == 1 {
		return all[0].spec
	}
	one := workload.Spec{Namespace: all[0].spec.Namespace, Name: all[0].spec.Name}
	for _, a := range all {
		one.Components = append(one.Components, a.spec.Components...)
		one.Triggers = append(one.Triggers, a.spec.Triggers...)
		one.Services = append(one.Services, a.spec.Services...)
	}
	return &one
}

// startAll starts the workloads, and returns those that have not started with the error of each. Where there are several, each of these is told, and the
// others serve; the error is that of all if none does. Their starts are a part of the trace that the process was started in, if the environment names one.
func (v *serving) startAll(ctx context.Context, p *process, all []*served) (up, failed []*served, err error) {
	ctx = v.tel.Joined(ctx)
	var wrong []error
	for _, a := range all {
		done := p.progress("starting " + string(a.spec.ID()))
		_, err := v.host.Start(ctx, a.spec)
		done()
		if err == nil {
			up = append(up, a)
			continue
		}
		wrong = append(wrong, startProblem(a.spec, p.placed(a.path, err)))
		if failed = append(failed, a); ctx.Err() != nil {
			break
		}
	}
	if len(wrong) > 0 && (len(up) == 0 || ctx.Err() != nil) {
		return up, failed, problems("none of the workloads starts", wrong)
	}
	for i, err := range wrong {
		problem := *explain(err)
		problem.What = "workload " + string(failed[i].spec.ID()) + " has failed, and the others serve: " + problem.What
		problem.Whys = append(slices.Clone(problem.Whys), "SIGHUP, or POST /reload to the address of --admin, tries it again")
		v.tell(&problem)
	}
	return up, failed, nil
}

// problems joins what is wrong with several workloads to one error; nil: nothing is.
func problems(what string, all []error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	p := &Problem{What: what, Code: ExitUsage}
	for _, err := range all {
		var b strings.Builder
		explain(err).print(&b)
		p.Whys = append(p.Whys, strings.TrimSpace(b.String()))
	}
	return p
}

func specs(all []*served) (out []*workload.Spec) {
	for _, a := range all {
		out = append(out, a.spec)
	}
	return out
}
