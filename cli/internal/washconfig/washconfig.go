// Package washconfig makes workloads of what wasmCloud's wash reads: the configuration of a project, .wash/config.yaml, and manifests of the
// kinds Workload and WorkloadDeployment. It says what the workload does not have.
package washconfig

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"

	"github.com/vitrine-wasm/vitrine/artifact"
	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Result is what was made of a file.
type Result struct {
	Workload *v1alpha1.Workload
	Notes    []foreign.Note // by their places
}

// Import makes a workload of a file's text. project is the name of the project's folder. Paths of the result start from that folder. An error
// is a *foreign.SyntaxError, or says why the file is none of wasmCloud's. Values of secrets are in neither the workload nor notes.
func Import(data []byte, project string) (*Result, error) {
	docs, err := parse(data)
	if err != nil {
		return nil, err
	}
	var d *foreign.Document
	for _, doc := range docs {
		kind, _ := doc.Root["kind"].(string)
		if d == nil && (kind == "Workload" || kind == "WorkloadDeployment" || kind == "") {
			d = doc
		} else if d != nil {
			d.Note("", "the file has further documents, which are left out: import each from a file of its own")
			break
		}
	}
	if d == nil {
		return nil, errors.New("the file is neither a configuration of wash nor a Workload or WorkloadDeployment of wasmCloud")
	}
	i := &importer{Document: d, taken: map[v1alpha1.Name]bool{}, workload: &v1alpha1.Workload{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.Kind}}
	root, _ := d.Table("", d.Root)
	if _, manifest := d.Root["kind"]; manifest {
		err = i.manifest(root)
	} else {
		err = i.project(root, project)
	}
	if err != nil {
		return nil, err
	}
	return &Result{i.workload, d.Sorted()}, nil
}

// importer is one import.
type importer struct {
	*foreign.Document
	workload *v1alpha1.Workload
	taken    map[v1alpha1.Name]bool
	configs  foreign.Table // named sources of environments
	hosts    []string      // of HTTP triggers; none: every host
	handles  []string      // subjects of messages
	broker   string        // NATS' URL for messages; may have a password
	shared   []func(g *v1alpha1.Grants)
	tls      map[string]any // the files of a certificate; nil: none
}

// notName are the characters that names of workloads and components do not have.
var notName = regexp.MustCompile(`[^a-z0-9-]+`)

// name is a name that is not taken, like that of something at a key.
func (i *importer) name(at, of string) v1alpha1.Name {
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(of), "-"), "-")
	name = strings.Trim(name[:min(len(name), 60)], "-")
	made := v1alpha1.Name(cmp.Or(name, "app"))
	for n := 2; i.taken[made]; n++ {
		made = v1alpha1.Name(fmt.Sprintf("%s-%d", cmp.Or(name, "app"), n))
	}
	i.taken[made] = true
	if at != "" && string(made) != of {
		i.Note(at, "its name is %s here: names have lower-case letters, digits and hyphens", made)
	}
	return made
}

// project is the configuration of a project.
func (i *importer) project(t foreign.Table, folder string) error {
	build, dev := t.Sub("build"), t.Sub("dev")
	if t.Map["build"] == nil && t.Map["dev"] == nil && t.Map["workload"] == nil {
		return errors.New("the file has no build, dev or workload: there is nothing to import")
	}
	i.workload.Metadata.Name = i.name("", cmp.Or(folder, "app"))
	clear(i.taken)
	i.configs = t.Sub("configs")
	work := t.Sub("workload")
	main := v1alpha1.Component{}
	main.Source.File = cmp.Or(build.Text("component_path"), cmp.Or(folder, "app")+".wasm")
	main.Name = i.name("", strings.TrimSuffix(strings.TrimSuffix(path.Base(main.Source.File), ".wasm"), ".component"))
	i.build(build, &main)
	if work.Map == nil {
		i.Note("", "no host is granted: the file has no workload.allowedHosts, without which wash lets components reach every host; write grants.http")
	}
	i.resources(work, &main, true)
	i.dev(dev, main, work)
	for _, key := range []string{"version", "wit", "new", "host"} { // of wash itself
		t.Take(key)
	}
	if t.Map["secrets"] != nil {
		t.Take("secrets") // what refers to it is noted
	}
	t.Rest(nil)
	i.finish(len(i.workload.Spec.Services) == 0 || i.workload.Spec.Services[0].Component != main.Name, main.Name)
	return nil
}

// shell are the characters that a shell gives a meaning.
const shell = "\"'\\$`&|;<>()*?[]{}~#!\n"

func (i *importer) build(t foreign.Table, c *v1alpha1.Component) {
	switch command := t.Text("command"); {
	case command == "":
	case strings.ContainsAny(command, shell):
		c.Build.Command = []string{"sh", "-c", command}
	default:
		c.Build.Command = strings.Fields(command)
	}
	env := t.Sub("env")
	for _, k := range env.Keys() {
		put(&c.Build.Environment, k, env.Text(k))
	}
	t.Rest(nil)
}

func put(to *map[string]string, key, value string) {
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[key] = value
}

// dev is the section of `wash dev`.
func (i *importer) dev(t foreign.Table, main v1alpha1.Component, work foreign.Table) {
	for _, key := range []string{"command", "component_path"} {
		if t.Take(key) != nil {
			i.Note(t.At(key), "left out: that of build is used")
		}
	}
	if address := t.Text("address"); address != "" {
		i.Note(t.At("address"), "left out: give it with --listen %s", address)
	}
	i.stores(t)
	i.hostInterfaces(t.List("host_interfaces"), t.At("host_interfaces"), main.Name)
	components := []v1alpha1.Component{main}
	for n, v := range t.List("components") {
		if c, ok := i.Table(fmt.Sprintf("%s[%d]", t.At("components"), n), v); ok {
			components = append(components, i.further(c, work))
		}
	}
	if file := t.Text("service_file"); file != "" {
		s := v1alpha1.Component{Name: i.name("", strings.TrimSuffix(path.Base(file), ".wasm")), Source: v1alpha1.Source{File: file}}
		i.resources(work, &s, false)
		components = append(components, s)
		i.workload.Spec.Services = append(i.workload.Spec.Services, v1alpha1.Service{Component: s.Name})
	} else if t.Truth("service") {
		i.workload.Spec.Services = append(i.workload.Spec.Services, v1alpha1.Service{Component: main.Name})
	}
	for n, v := range t.List("volumes") {
		at := fmt.Sprintf("%s[%d]", t.At("volumes"), n)
		volume, _ := i.Table(at, v)
		grant := v1alpha1.FileGrant{Host: volume.Text("host_path"), Guest: volume.Text("guest_path"), Access: "write"}
		if grant.Host == "" || grant.Guest == "" {
			i.Note(at, "left out: want host_path and guest_path")
			continue
		}
		i.shared = append(i.shared, func(g *v1alpha1.Grants) { g.Files = append(g.Files, grant) })
	}
	i.workload.Spec.Components = components
	if cert, key := t.Text("tls_cert_path"), t.Text("tls_key_path"); cert != "" && key != "" {
		i.tls = map[string]any{"cert": cert, "key": key}
	}
	t.Truth("wasi_otel")
	t.Truth("wasip3")
	const telemetry = "where telemetry goes, OpenTelemetry's own variables say: OTEL_EXPORTER_OTLP_ENDPOINT"
	t.Rest(map[string]string{
		"environment": "set these variables for vitrine itself", "otel_host_endpoint": telemetry, "otel_workload_endpoint": telemetry,
		"service_image": notFetched, "service_ports": "a service publishes a port by grants.sockets.listen", "host_plugins": "there are no plugins of others",
		"socket_tunnels": "a component connects to an address that grants.sockets.connect names", "wasi_webgpu": "there is no wasi:webgpu",
		"postgres_url": "a URL of a database may hold a password; write the grant by hand, with the password's place",
	})
}

const notFetched = "nothing is fetched: put the component into a file"

// further is one of the components beside the main one.
func (i *importer) further(t foreign.Table, work foreign.Table) v1alpha1.Component {
	c := v1alpha1.Component{Name: i.name(t.At("name"), t.Text("name"))}
	i.source(t, &c)
	i.resources(work, &c, false)
	i.resources(t, &c, false)
	i.pool(t, &c)
	t.Take("pullPolicy")
	t.Rest(nil)
	i.Note(t.Path, "wash links it by what it exports; say which import of which component it serves: links: {\"some:interface/name\": %s}", c.Name)
	return c
}

func (i *importer) source(t foreign.Table, c *v1alpha1.Component) {
	c.Source.File = t.Text("file")
	image := t.Text("image")
	if c.Source.File != "" {
		return
	}
	if _, err := artifact.ParseReference(image); err == nil {
		c.Source.Image = image
	} else {
		c.Source.File = string(c.Name) + ".wasm"
		i.Note(cmp.Or(t.At("image"), t.Path), "nothing is fetched: put the component of %s into the file %s", cmp.Or(image, "it"), c.Source.File)
	}
}

// pool carries over how instances are used again.
func (i *importer) pool(t foreign.Table, c *v1alpha1.Component) {
	size, _ := t.Take("poolSize").(int64)
	uses, _ := t.Take("maxInvocations").(int64)
	at, _ := t.Take("maxConcurrency").(int64)
	if size <= 0 {
		return
	}
	c.Instances.Isolation = "reuse"
	if uses > 0 && uses < 1<<31 {
		c.Instances.Uses = int(uses)
	}
	if at > 0 && at < 1<<31 {
		c.Instances.Concurrency = int(at)
	}
}

// finish gives every component what all of them are granted, and adds the triggers of the main one.
func (i *importer) finish(serves bool, main v1alpha1.Name) {
	for n := range i.workload.Spec.Components {
		for _, f := range i.shared {
			f(&i.workload.Spec.Components[n].Grants)
		}
	}
	if serves {
		hosts := i.hosts
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		for _, host := range hosts {
			config := map[string]any{"path": "/"}
			if host != "" {
				config["host"] = host
			}
			if i.tls != nil {
				config["tls"] = maps.Clone(i.tls)
			}
			i.workload.Spec.Triggers = append(i.workload.Spec.Triggers, v1alpha1.Trigger{Type: "http", Component: main, Config: config})
		}
	}
	for _, subject := range i.handles {
		i.workload.Spec.Triggers = append(i.workload.Spec.Triggers, v1alpha1.Trigger{Type: "messaging", Component: main, Config: map[string]any{"subject": subject}})
	}
}
