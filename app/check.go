package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// check finds mistakes that types alone do not show: unknown and duplicate names, missing files, values that this version does
// not support. It skips parts that did not decode.
func (d *decoder) check(m *v1alpha1.Workload, dir string) {
	if d.nodes["spec.components"] != nil && len(m.Spec.Components) == 0 {
		d.failAt("spec.components", "there is no component")
	}
	names := d.componentNames(m)
	for i := range m.Spec.Components {
		d.checkComponent(&m.Spec.Components[i], fmt.Sprintf("spec.components[%d]", i), names, dir)
	}
	d.checkCycles(m, "links", "links form", func(c *v1alpha1.Component) map[string]v1alpha1.Name { return c.Links })
	d.checkCycles(m, "build.needs", "needs form", buildNeeds)
	d.checkTriggers(m, names)
	d.checkServices(m, names)
}

// componentNames collects the components' names.
func (d *decoder) componentNames(m *v1alpha1.Workload) []string {
	var names []string
	d.hasComponent = make(map[string]bool, len(m.Spec.Components))
	for i, c := range m.Spec.Components {
		if c.Name == "" {
			continue
		}
		if d.hasComponent[string(c.Name)] {
			d.failAt(fmt.Sprintf("spec.components[%d].name", i), "a second component named %q; names are unique in a workload", c.Name)
		}
		names = append(names, string(c.Name))
		d.hasComponent[string(c.Name)] = true
	}
	return names
}

func (d *decoder) checkComponentName(name v1alpha1.Name, key string, names []string) {
	if name == "" || d.hasComponent[string(name)] {
		return
	}
	d.suggest(d.failAt(key, "there is no component named %q", name), string(name), names)
}

func (d *decoder) checkComponent(c *v1alpha1.Component, key string, names []string, dir string) {
	d.checkSource(c, key, dir)
	d.checkVerify(c, key, dir)
	d.checkBuild(c, key+".build", names, dir)
	for _, imp := range sortedKeys(c.Links) {
		at := fmt.Sprintf("%s.links.%q", key, imp)
		if _, err := wit.ParseID(imp); err != nil {
			d.failAt(at, "the import's name: %v", err)
		}
		d.checkComponentName(c.Links[imp], at, names)
		if c.Links[imp] == c.Name && c.Name != "" {
			d.failAt(at, "a component cannot be linked to itself")
		}
	}
	d.checkEnvironment(c.Environment, key+".environment")
	guests := map[string]bool{}
	for i, f := range c.Grants.Files {
		at := fmt.Sprintf("%s.grants.files[%d]", key, i)
		if f.Host != "" && !d.format.elsewhere {
			if info, err := os.Stat(resolvePath(dir, f.Host)); err != nil {
				d.failAt(at+".host", "%s: the folder does not exist", f.Host)
			} else if !info.IsDir() {
				d.failAt(at+".host", "%s is no folder", f.Host)
			}
		}
		if f.Guest != "" && guests[f.Guest] {
			d.failAt(at+".guest", "a second folder with the guest's name %q", f.Guest)
		}
		guests[f.Guest] = true
	}
	for i, g := range c.Grants.HTTP {
		for _, name := range (workload.Grants{HTTP: []string{string(g)}}).Internal() {
			d.checkComponentName(v1alpha1.Name(name), fmt.Sprintf("%s.grants.http[%d]", key, i), names)
		}
	}
	d.checkStores(c.Grants.Keyvalue, "keyvalue", "bucket", key+".grants.keyvalue")
	d.checkStores(c.Grants.Blobstore, "blobstore", "container", key+".grants.blobstore")
	d.checkStores(c.Grants.SQLite, "sqlite", "database", key+".grants.sqlite")
	d.checkStores(c.Grants.Postgres, "postgres", "database", key+".grants.postgres")
	d.checkNothingStored(c.Grants.Postgres, "here the server decides", key+".grants.postgres")
	d.checkStores(c.Grants.Messaging, "messaging", "subject", key+".grants.messaging")
	d.checkNothingStored(c.Grants.Messaging, "messages are not", key+".grants.messaging")
	d.checkStores(c.Grants.Redis, "redis", "server", key+".grants.redis")
	d.checkNothingStored(c.Grants.Redis, "here the server decides", key+".grants.redis")
	d.checkStores(c.Grants.MQTT, "mqtt", "broker", key+".grants.mqtt")
	d.checkNothingStored(c.Grants.MQTT, "messages are not", key+".grants.mqtt")
	d.checkSecrets(c.Grants.Secrets, key+".grants.secrets")
	if n := uint64(c.Limits.Stack); n != 0 && (n < workload.MinStack || n > workload.MaxStack) {
		d.failAt(key+".limits.stack", "%s: want at least %s and at most %s", workload.FormatSize(n), workload.FormatSize(workload.MinStack), workload.FormatSize(workload.MaxStack))
	}
	if c.Limits.Headers > workload.MaxHeaders {
		d.failAt(key+".limits.headers", "%s: want at most %s", workload.FormatSize(uint64(c.Limits.Headers)), workload.FormatSize(workload.MaxHeaders))
	}
	d.checkInstances(&c.Instances, key+".instances")
}

// checkNothingStored reports what is said of stored data where there is none.
func (d *decoder) checkNothingStored(grants map[string]v1alpha1.StoreGrant, why, key string) {
	for _, name := range sortedKeys(grants) {
		for what, v := range map[string]string{"data": grants[name].Data, "scope": grants[name].Scope} {
			if v != "" {
				d.failAt(fmt.Sprintf("%s.%q.%s", key, name, what), "the key is for what is stored; %s", why)
			}
		}
	}
}

func (d *decoder) checkSource(c *v1alpha1.Component, key, dir string) {
	at := key + ".source"
	if d.nodes[at] == nil {
		return
	}
	switch s := c.Source; {
	case s.File != "" && s.Image != "":
		d.failAt(at, "want file or image, had both")
	case s.Image != "" && d.format.Image == nil:
		d.failAt(at+".image", "this program takes no components from registries; use file")
	case s.Image != "":
		if err := d.format.Image(s.Image); err != nil {
			d.failAt(at+".image", "%v", err)
		}
	case s.File == "":
		if d.nodes[at+".file"] == nil && d.nodes[at+".image"] == nil && !d.failedIn(at) {
			d.failAt(at, "want file or image, had neither")
		} else if d.nodes[at+".file"] == nil && !d.failedIn(at) {
			d.failAt(at+".image", "the reference is empty")
		} else if !d.failedIn(at) {
			d.failAt(at+".file", "the name is empty")
		}
	default:
		info, err := os.Stat(resolvePath(dir, s.File))
		switch {
		case err != nil && len(c.Build.Command) > 0 && d.format.unbuilt:
		case err != nil && len(c.Build.Command) > 0:
			d.failAt(at+".file", "%s: the file does not exist; build it first: vitrine build", s.File)
		case err != nil:
			if e := d.failAt(at+".file", "%s: the file does not exist", s.File); len(d.errs) <= maxErrors {
				e.Nearest = nearestFile(dir, s.File)
			}
		case !info.Mode().IsRegular():
			d.failAt(at+".file", "%s is no file", s.File)
		}
	}
}

// checkVerify checks the key of an image's signature.
func (d *decoder) checkVerify(c *v1alpha1.Component, key, dir string) {
	switch at := key + ".verify"; {
	case d.nodes[at] == nil || d.failedIn(at) || d.format.elsewhere:
	case c.Verify.Key == "":
		d.failAt(at, "there is no key; want key: cosign.pub")
	case c.Source.Image == "":
		d.failAt(at, "the key is for an image; a file has no signature")
	default:
		if info, err := os.Stat(resolvePath(dir, c.Verify.Key)); err != nil {
			d.failAt(at+".key", "%s: the file does not exist", c.Verify.Key)
		} else if !info.Mode().IsRegular() {
			d.failAt(at+".key", "%s is no file", c.Verify.Key)
		}
	}
}

func (d *decoder) checkInstances(i *v1alpha1.Instances, key string) {
	if i.Ready != nil && i.Max > 0 && *i.Ready > i.Max {
		d.failAt(key+".ready", "%d: want at most max, which is %d", *i.Ready, i.Max)
	}
	for _, only := range []struct {
		key string
		set bool
	}{{"concurrency", i.Concurrency != 0}, {"uses", i.Uses != 0}} {
		if only.set && i.Isolation != "" && i.Isolation != "reuse" {
			d.failAt(key+"."+only.key, "the key is for isolation: reuse only")
		}
	}
}

// checkCycles reports references between components that form a cycle, each cycle once, at its last reference. to are a component's
// references, by what follows the key that they are at.
func (d *decoder) checkCycles(m *v1alpha1.Workload, key, form string, to func(*v1alpha1.Component) map[string]v1alpha1.Name) {
	index := map[v1alpha1.Name]int{}
	for i, c := range m.Spec.Components {
		if _, twice := index[c.Name]; !twice {
			index[c.Name] = i
		}
	}
	const walking, done = 1, 2
	state := make([]int, len(m.Spec.Components))
	var trail []string
	var walk func(i int)
	walk = func(i int) {
		c := &m.Spec.Components[i]
		state[i] = walking
		trail = append(trail, string(c.Name))
		all := to(c)
		for _, at := range sortedKeys(all) {
			to, ok := index[all[at]]
			switch {
			case !ok || to == i:
			case state[to] == walking:
				start := slices.Index(trail, string(all[at]))
				if key == "links" {
					at = "." + strconv.Quote(at)
				}
				d.failAt(fmt.Sprintf("spec.components[%d].%s%s", i, key, at), "the %s a cycle: %s", form,
					strings.Join(append(slices.Clone(trail[start:]), string(m.Spec.Components[to].Name)), " → "))
			case state[to] != done:
				walk(to)
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = done
	}
	for i := range m.Spec.Components {
		if state[i] != done {
			walk(i)
		}
	}
}

// failedIn says whether a mistake at or below key was reported already, so that mistakes that follow from it are not.
func (d *decoder) failedIn(key string) bool {
	return slices.ContainsFunc(d.errs, func(e *Error) bool {
		rest, ok := strings.CutPrefix(e.Key, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// nearestFile looks in the folder of a missing file for a component with nearly its name.
func nearestFile(dir, file string) string {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(resolvePath(dir, file)), "*.wasm"))
	for i := range found {
		found[i] = strings.TrimSuffix(filepath.Base(found[i]), ".wasm") // the common suffix would count as similarity
	}
	if near := text.Nearest(strings.TrimSuffix(filepath.Base(file), ".wasm"), found); near != "" {
		return filepath.Join(filepath.Dir(file), near+".wasm")
	}
	return ""
}

func resolvePath(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}
