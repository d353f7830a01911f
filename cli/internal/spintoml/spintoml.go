// Package spintoml makes a workload of the manifest of an application of Spin, spin.toml of version 2, and says what the workload does not have.
package spintoml

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Folder is where the files of stores and databases are, below the manifest's folder.
const Folder = app.StateFolder

// Result is what was made of a file.
type Result struct {
	Workload *v1alpha1.Workload
	Notes    []foreign.Note // by their places
	Stores   bool           // there are files in Folder
}

// Import makes a workload of a file's text. An error is a *foreign.SyntaxError, or says why the file is no manifest of Spin. Values of variables
// that are secrets are in neither the workload nor notes.
func Import(data []byte) (*Result, error) {
	d, err := parse(data)
	if err != nil {
		return nil, err
	}
	root, _ := d.Table("", d.Root)
	switch v := root.Take("spin_manifest_version").(type) {
	case int64:
		if v != 2 {
			return nil, fmt.Errorf("spin_manifest_version is %d; want 2", v)
		}
	case string:
		return nil, fmt.Errorf("the manifest is of version 1; `spin doctor` makes version 2 of it")
	default:
		return nil, fmt.Errorf("there is no spin_manifest_version; want a spin.toml of version 2")
	}
	i := &importer{Document: d, variables: map[string]variable{}, names: map[string]v1alpha1.Name{}, taken: map[v1alpha1.Name]bool{}, folders: map[string]string{}}
	i.workload = &v1alpha1.Workload{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.Kind}
	i.readVariables(root.Sub("variables"))
	i.application(root.Sub("application"))
	components := root.Sub("component")
	for _, id := range components.Keys() {
		i.names[id] = i.name(components.At(id), id)
	}
	i.fileServers(components)
	for _, id := range components.Keys() {
		if i.folders[id] == "" {
			i.component(id, components.Sub(id))
		}
	}
	i.triggers(root.Sub("trigger"))
	root.Rest(nil)
	if len(i.workload.Spec.Components) == 0 {
		return nil, fmt.Errorf("there is no component")
	}
	return &Result{i.workload, d.Sorted(), i.stores}, nil
}

// importer is one import.
type importer struct {
	*foreign.Document
	workload  *v1alpha1.Workload
	base      string // of all routes
	brokers   brokers
	variables map[string]variable
	names     map[string]v1alpha1.Name // of components, by Spin's
	taken     map[v1alpha1.Name]bool
	folders   map[string]string // that are served in place of a component, by Spin's name of that
	stores    bool
}

// variable is one of the application's.
type variable struct {
	value    string
	required bool
	secret   bool
}

func (i *importer) application(t foreign.Table) {
	i.workload.Metadata.Name = i.name(t.At("name"), cmp.Or(t.Text("name"), "app"))
	clear(i.taken) // a component may have the application's name
	i.workload.Metadata.Version = t.Text("version")
	triggers := t.Sub("trigger")
	http := triggers.Sub("http")
	i.base = strings.TrimSuffix(http.Text("base"), "/")
	http.Rest(nil)
	i.readBrokers(triggers)
	triggers.Rest(nil)
	t.Rest(nil)
}

// notName are the characters that names of workloads and components do not have.
var notName = regexp.MustCompile(`[^a-z0-9-]+`)

// name is the workload's name for something that Spin calls of, and says so where it is another one.
func (i *importer) name(at, of string) v1alpha1.Name {
	name := notName.ReplaceAllString(strings.ToLower(of), "-")
	name = strings.Trim(name[:min(len(name), 60)], "-")
	if name == "" {
		name = "app"
	}
	made := v1alpha1.Name(name)
	for n := 2; i.taken[made]; n++ {
		made = v1alpha1.Name(fmt.Sprintf("%s-%d", name, n))
	}
	i.taken[made] = true
	if string(made) != of {
		i.Note(at, "its name is %s here: names have lower-case letters, digits and hyphens", made)
	}
	return made
}

func (i *importer) readVariables(t foreign.Table) {
	for _, name := range t.Keys() {
		v := t.Sub(name)
		required, _ := v.Take("required").(bool)
		i.variables[name] = variable{value: v.Text("default"), required: required, secret: v.Truth("secret")}
		v.Rest(nil)
	}
}

// expression finds the variables in a text: {{ name }}.
var expression = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// expand puts defaults in the place of variables. Where one has no default, or is a secret, the text is not written: why says so.
func (i *importer) expand(text string) (expanded, why string) {
	expanded = expression.ReplaceAllStringFunc(text, func(found string) string {
		name := expression.FindStringSubmatch(found)[1]
		v, known := i.variables[name]
		switch {
		case !known:
			why = fmt.Sprintf("there is no variable %s", name)
		case v.secret:
			why = fmt.Sprintf("the variable %s is a secret, which is not written", name)
		case v.required:
			why = fmt.Sprintf("the variable %s has no default", name)
		}
		return v.value
	})
	if why != "" {
		return "", why
	}
	return expanded, ""
}

const noTrigger = "triggers of this type are not carried over"

func (i *importer) triggers(t foreign.Table) {
	for n, v := range t.List("http") {
		at := fmt.Sprintf("%s[%d]", t.At("http"), n)
		if http, ok := i.Table(at, v); ok {
			i.http(http)
		} else {
			i.Note(at, "left out: want a table")
		}
	}
	i.eventTriggers(t, "redis", i.redisTrigger)
	i.eventTriggers(t, "mqtt", i.mqttTrigger)
	t.Rest(map[string]string{"cron": noTrigger, "command": noTrigger, "sqs": noTrigger})
}

func (i *importer) http(t foreign.Table) {
	t.Take("id") // a name for messages
	if executor := t.Sub("executor"); executor.Map != nil && executor.Map["type"] != "spin" {
		i.Note(t.At("executor"), "left out: a component is called by wasi:http only")
	}
	component, ok := t.Take("component").(string)
	name, known := i.names[component]
	if !ok || !known {
		i.Note(cmp.Or(t.At("component"), t.Path), "the trigger is left out: want the name of a component of the file")
		return
	}
	route, ok := t.Take("route").(string)
	if !ok {
		if private, _ := t.Take("route").(map[string]any); private["private"] == true {
			i.Note(t.At("route"), "a component without a trigger: others reach it at http://%s.internal, where they are granted that", name)
			t.Rest(nil)
		} else {
			i.Note(t.At("route"), "the trigger is left out: want a path")
		}
		return
	}
	made := v1alpha1.Trigger{Type: "http", Component: name, Config: map[string]any{"path": i.route(t.At("route"), route), "spinHeaders": true}}
	if folder := i.folders[component]; folder != "" {
		made.Component, made.Config = "", map[string]any{"path": made.Config["path"], "static": folder}
	}
	i.workload.Spec.Triggers = append(i.workload.Spec.Triggers, made)
	t.Rest(nil)
}

// route is the path of a route of Spin, where /... at the end stands for all that follows.
func (i *importer) route(at, route string) string {
	whole := i.base + "/" + strings.TrimPrefix(route, "/")
	below, rest := strings.CutSuffix(whole, "/...")
	parameters := strings.Contains(below, "/:")
	switch {
	case rest && parameters:
		return below + "/*"
	case rest:
		return cmp.Or(below, "/")
	case !parameters:
		i.Note(at, "the path is for what is below it, too: Spin's is not")
	}
	return whole
}

func (i *importer) component(id string, t foreign.Table) {
	c := v1alpha1.Component{Name: i.names[id]}
	i.source(t, &c)
	environment := t.Sub("environment")
	for _, k := range environment.Keys() {
		i.put(environment, k, &c.Environment, "--env "+k+"=…")
	}
	variables := t.Sub("variables")
	for _, k := range variables.Keys() {
		if !i.byReference(variables, k, &c) {
			i.put(variables, k, &c.Config, "--config "+k+"=…")
		}
	}
	i.files(t, &c)
	i.hosts(t, &c)
	i.storesOf(t, &c)
	i.build(t.Sub("build"), &c)
	t.Rest(map[string]string{
		"dependencies": "compose the component with them", "ai_models": "there are no models", "tool": "nothing here reads it", "profile": "profiles are not carried over",
		"allowed_http_hosts": "write allowed_outbound_hosts",
	})
	i.workload.Spec.Components = append(i.workload.Spec.Components, c)
}

// source is where the component is: a file, or a package of a registry. One at an address is the file that it has to be put into.
func (i *importer) source(t foreign.Table, c *v1alpha1.Component) {
	at := t.At("source")
	switch source := t.Take("source").(type) {
	case string:
		c.Source.File = source
		return
	case map[string]any:
		registry, _ := source["registry"].(string)
		name, _ := source["package"].(string)
		version, _ := source["version"].(string)
		if c.Source.Image = imageOf(registry, name, version); c.Source.Image != "" {
			i.Note(at, "the package is the image %s, if the registry does not have its packages below a prefix", c.Source.Image)
			return
		}
	}
	c.Source.File = string(c.Name) + ".wasm"
	i.Note(at, "nothing is fetched: put the component into the file %s", c.Source.File)
}

// packageName and tag are what the names of packages and the versions in registries look like.
var (
	packageName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*):([a-z0-9][a-z0-9-]*)$`)
	tag         = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
	hostAndPath = regexp.MustCompile(`^[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$`)
)

// imageOf is the image that a package of a registry is: namespace and name are its repository, the version is its tag, in which _ stands for +. Empty: it is none.
func imageOf(registry, name, version string) string {
	version = strings.ReplaceAll(version, "+", "_")
	found := packageName.FindStringSubmatch(name)
	if found == nil || !hostAndPath.MatchString(registry) || !tag.MatchString(version) {
		return ""
	}
	return registry + "/" + found[1] + "/" + found[2] + ":" + version
}

// byReference carries a component's variable over that is a secret, or has no default: it is a secret in the environment variable that Spin
// reads, too. It says whether the variable is such a one.
func (i *importer) byReference(t foreign.Table, key string, c *v1alpha1.Component) bool {
	text, _ := t.Map[key].(string)
	m := expression.FindStringSubmatch(text)
	if m == nil || m[0] != strings.TrimSpace(text) {
		return false
	}
	v, known := i.variables[m[1]]
	if !known || !v.secret && !v.required {
		return false
	}
	t.Take(key)
	if c.Grants.Secrets == nil {
		c.Grants.Secrets = map[string]v1alpha1.Secret{}
	}
	env := "SPIN_VARIABLE_" + strings.ToUpper(m[1])
	c.Grants.Secrets[key] = v1alpha1.Secret{Env: v1alpha1.EnvName(env)}
	i.Note(t.At(key), "is read from the environment variable %s when the workload starts, and has to be set there", env)
	return true
}

// put carries a text over to a mapping.
func (i *importer) put(t foreign.Table, key string, to *map[string]string, flag string) {
	text, ok := t.Take(key).(string)
	if !ok {
		t.Wrong(key, "a text")
		return
	}
	value, why := i.expand(text)
	if why != "" {
		i.Note(t.At(key), "left out: %s; give it with %s", why, flag)
		return
	}
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[key] = value
}

func (i *importer) storesOf(t foreign.Table, c *v1alpha1.Component) {
	for _, name := range t.Texts("key_value_stores") {
		if c.Grants.Keyvalue == nil {
			c.Grants.Keyvalue = map[string]v1alpha1.StoreGrant{}
		}
		c.Grants.Keyvalue[name] = v1alpha1.StoreGrant{Scope: "workload"}
	}
	for _, name := range t.Texts("sqlite_databases") {
		if c.Grants.SQLite == nil {
			c.Grants.SQLite = map[string]v1alpha1.StoreGrant{}
		}
		file := "sqlite-" + notName.ReplaceAllStringFunc(name, func(s string) string { return fmt.Sprintf("_%x", s) }) + ".db"
		c.Grants.SQLite[name] = v1alpha1.StoreGrant{Type: "file", Config: path.Join(Folder, file), Scope: "workload"}
		i.stores = true
	}
}

// shell are the characters that a shell gives a meaning.
const shell = "\"'\\$`&|;<>()*?[]{}~#!\n"

func (i *importer) build(t foreign.Table, c *v1alpha1.Component) {
	var commands []string
	switch v := t.Take("command").(type) {
	case nil:
	case string:
		commands = []string{v}
	default:
		commands = t.Texts("command")
	}
	command := strings.Join(commands, " && ")
	if c.Build.Watch = t.Texts("watch"); command != "" {
		c.Build.Folder = t.Text("workdir")
	}
	switch {
	case command == "":
	case strings.ContainsAny(command, shell):
		c.Build.Command = []string{"sh", "-c", command}
	default:
		c.Build.Command = strings.Fields(command)
	}
	t.Rest(nil)
}
