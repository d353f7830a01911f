package spintoml

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

const head = "spin_manifest_version = 2\n[application]\nname = \"a\"\n"

// TestHosts: what hosts of Spin are as grants.
func TestHosts(t *testing.T) {
	for host, want := range map[string]struct {
		http     []v1alpha1.HTTPGrant
		connect  []v1alpha1.SocketGrant
		redis    []string
		mqtt     []string
		postgres string
		note     string
	}{
		"https://a.example.com":            {http: []v1alpha1.HTTPGrant{"https://a.example.com"}},
		"https://a.example.com/":           {http: []v1alpha1.HTTPGrant{"https://a.example.com"}},
		"https://*.example.com:8443":       {http: []v1alpha1.HTTPGrant{"https://*.example.com:8443"}},
		"http://*:*":                       {http: []v1alpha1.HTTPGrant{"http://*:*"}},
		"*://*:*":                          {http: []v1alpha1.HTTPGrant{"*"}, connect: []v1alpha1.SocketGrant{"*:*"}},
		"insecure:allow-all":               {http: []v1alpha1.HTTPGrant{"*"}, connect: []v1alpha1.SocketGrant{"*:*"}},
		"*://a.example.com":                {http: []v1alpha1.HTTPGrant{"http://a.example.com", "https://a.example.com"}},
		"*://a:1":                          {http: []v1alpha1.HTTPGrant{"http://a:1", "https://a:1"}, connect: []v1alpha1.SocketGrant{"a:1"}},
		"http://127.0.0.1:3000":            {http: []v1alpha1.HTTPGrant{"http://127.0.0.1:3000"}},
		"http://c.spin.internal":           {http: []v1alpha1.HTTPGrant{"http://c.internal"}, note: "the component is at http://c.internal here"},
		"http://none.spin.internal":        {note: "left out: there is no component of that name"},
		"http://*.spin.internal":           {note: "left out: name the components"},
		"http://self":                      {note: "left out: name the components"},
		"http://self:3000":                 {note: "left out: name the components"},
		"http://a:1..2":                    {note: "left out: a grant has one port"},
		"redis://a":                        {redis: []string{"redis://a:6379"}},
		"rediss://a:1/":                    {redis: []string{"rediss://a:1"}},
		"mqtt://a":                         {mqtt: []string{"mqtt://a:1883"}},
		"mqtts://{{ host }}":               {mqtt: []string{"mqtts://h.example.com:8883"}},
		"redis://*:6379":                   {note: "left out: a grant names one server"},
		"mqtt://a:*":                       {note: "left out: a grant names one server"},
		"redis://*.example.com":            {note: "left out: a grant names one server"},
		"redis://user:planted@a:6379":      {note: "left out: want a host and a port"},
		"redis://a:x":                      {note: "left out: want a host and a port"},
		"mysql://a:*":                      {connect: []v1alpha1.SocketGrant{"a:*"}, note: "granted to wasi:sockets"},
		"postgres://*.example.com:5432":    {note: "left out: a grant of sockets has a host and a port"},
		"postgres://user:planted@a:5432":   {note: "left out: "},
		"postgres://a":                     {postgres: "postgres://a:5432"},
		"postgresql://db.example.com:6000": {postgres: "postgres://db.example.com:6000"},
		"postgres://a:*":                   {note: "left out: a grant of databases has the host and the port"},
		"https://user:planted@a.example":   {note: "left out: want a host"},
		"ftp://a":                          {note: "left out: want a port"},
		"a.example.com":                    {note: "left out: want a scheme and a host"},
		"":                                 {note: "left out: want a scheme and a host"},
		"https://":                         {note: "left out: want a host"},
		"https://{{ host }}":               {http: []v1alpha1.HTTPGrant{"https://h.example.com"}},
		"https://{{none}}":                 {note: "left out: there is no variable none"},
		"https://{{ secret }}":             {note: "left out: the variable secret is a secret, which is not written"},
		"https://{{ wanted }}.example.com": {note: "left out: the variable wanted has no default"},
	} {
		t.Run(host, func(t *testing.T) {
			r, err := Import([]byte(head + "[variables]\nhost = { default = 'h.example.com' }\nsecret = { default = 'planted', secret = true }\nwanted = { required = true }\n" +
				fmt.Sprintf("[component.c]\nsource = 'c.wasm'\nallowed_outbound_hosts = ['%s']\n", host)))
			if err != nil {
				t.Fatal(err)
			}
			g := r.Workload.Spec.Components[0].Grants
			if !slices.Equal(g.HTTP, want.http) || !slices.Equal(g.Sockets.Connect, want.connect) {
				t.Errorf("%v, %v; wanted %v, %v", g.HTTP, g.Sockets.Connect, want.http, want.connect)
			}
			if had := slices.Sorted(maps.Keys(g.Redis)); !slices.Equal(had, want.redis) {
				t.Errorf("redis %v; wanted %v", had, want.redis)
			}
			if had := slices.Sorted(maps.Keys(g.MQTT)); !slices.Equal(had, want.mqtt) {
				t.Errorf("mqtt %v; wanted %v", had, want.mqtt)
			}
			if got := g.Postgres[want.postgres]; len(g.Postgres) > 1 || want.postgres != "" && (got.Type != "postgres" || got.Config != want.postgres) {
				t.Errorf("%v; wanted %s", g.Postgres, want.postgres)
			}
			if len(r.Notes) > 1 || (want.note == "") != (len(r.Notes) == 0) || want.note != "" && !strings.HasPrefix(r.Notes[0].Text, want.note) {
				t.Errorf("%v; wanted %q", r.Notes, want.note)
			}
			checkText(t, r)
		})
	}
}

// checkText: neither the manifest nor a note has a planted value, and the manifest's grants are grants.
func checkText(t testing.TB, r *Result) {
	t.Helper()
	text, err := app.Write(r.Workload)
	if err != nil {
		t.Fatal(err)
	}
	if all := string(text) + fmt.Sprint(r.Notes); strings.Contains(all, "planted") {
		t.Error(all)
	}
	for _, c := range r.Workload.Spec.Components {
		for _, g := range c.Grants.HTTP {
			if _, err := workload.ParseHTTP(string(g)); err != nil {
				t.Error(err)
			}
		}
		for _, g := range c.Grants.Sockets.Connect {
			if _, err := workload.ParseAddress(string(g)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRoutes: what routes of Spin are as paths.
func TestRoutes(t *testing.T) {
	for _, c := range []struct{ base, route, want, note string }{
		{"", "/...", "/", ""},
		{"/", "/...", "/", ""},
		{"/shop", "/...", "/shop", ""},
		{"/shop/", "/cart/...", "/shop/cart", ""},
		{"", "/:user", "/:user", ""},
		{"", "/:user/...", "/:user/*", ""},
		{"", "/exact", "/exact", "the path is for what is below it, too"},
		{"", "cart/...", "/cart", ""},
	} {
		t.Run(c.base+" "+c.route, func(t *testing.T) {
			r, err := Import([]byte(head + fmt.Sprintf("[application.trigger.http]\nbase = '%s'\n[[trigger.http]]\nroute = '%s'\ncomponent = 'c'\n[component.c]\nsource = 'c.wasm'\n", c.base, c.route)))
			if err != nil {
				t.Fatal(err)
			}
			config := r.Workload.Spec.Triggers[0].Config
			if config["path"] != c.want || config["spinHeaders"] != true {
				t.Errorf("%v, wanted %s", config, c.want)
			}
			if got := fmt.Sprint(r.Notes); (c.note == "") != (len(r.Notes) == 0) || !strings.Contains(got, c.note) {
				t.Errorf("%v, wanted %q", got, c.note)
			}
		})
	}
}

// TestEventTriggers: what triggers of Redis and MQTT are here.
func TestEventTriggers(t *testing.T) {
	for _, c := range []struct{ application, trigger, want, note string }{
		{"redis]\naddress = 'redis://a:6379'", "redis]]\ncomponent = 'c'\nchannel = 'jobs'", "redis map[address:redis://a:6379 channel:jobs]", ""},
		{"redis]\naddress = 'redis://me:planted@a:6379/1'", "redis]]\ncomponent = 'c'\nchannel = '{{ host }}'", "redis map[address:redis://a:6379/1 channel:h]", "its user and password are left out"},
		{"redis]\naddress = 'redis://a'", "redis]]\nid = 'x'\ncomponent = 'c'\nchannel = 'jobs'\naddress = 'rediss://b'", "redis map[address:rediss://b channel:jobs]", ""},
		{"redis]", "redis]]\ncomponent = 'c'\nchannel = 'jobs'", "", "the trigger is left out: there is no address"},
		{"redis]\naddress = 'http://planted'", "redis]]\ncomponent = 'c'\nchannel = 'jobs'", "", "left out: want redis://HOST:PORT"},
		{"redis]\naddress = 'redis://a'", "redis]]\ncomponent = 'c'", "", "the trigger is left out: there is no channel"},
		{"redis]\naddress = 'redis://a'", "redis]]\ncomponent = 'd'\nchannel = 'jobs'", "", "the trigger is left out: want the name of a component"},
		{"redis]\naddress = 'redis://{{ secret }}'", "redis]]\ncomponent = 'c'\nchannel = 'jobs'", "", "left out: the variable secret is a secret"},
		{"mqtt]\naddress = 'mqtt://a:1883'\nusername = 'me'\npassword = 'planted'\nkeep_alive_interval = '30'", "mqtt]]\ncomponent = 'c'\ntopic = 'jobs/+'\nqos = '1'", "mqtt map[address:mqtt://a:1883 qos:1 topic:jobs/+ username:me]", "left out: a manifest has no passwords"},
		{"mqtt]\naddress = 'mqtt://a:1883'", "mqtt]]\ncomponent = 'c'\ntopic = 'jobs'\nqos = 2", "mqtt map[address:mqtt://a:1883 qos:2 topic:jobs]", ""},
		{"mqtt]\naddress = 'mqtt://a:1883'", "mqtt]]\ncomponent = 'c'\ntopic = 'jobs'\nqos = 'x'", "", "the trigger is left out: want a qos"},
		{"mqtt]\naddress = 'mqtt://a:1883'", "mqtt]]\ncomponent = 'c'", "", "the trigger is left out: there is no topic"},
	} {
		t.Run(c.application+" "+c.trigger, func(t *testing.T) {
			r, err := Import([]byte(head + "[variables]\nhost = { default = 'h' }\nsecret = { default = 'planted', secret = true }\n[application.trigger." + c.application +
				"\n[[trigger." + c.trigger + "\n[component.c]\nsource = 'c.wasm'\n"))
			if err != nil {
				t.Fatal(err)
			}
			had := ""
			for _, trigger := range r.Workload.Spec.Triggers {
				had += fmt.Sprint(trigger.Type, " ", trigger.Config)
			}
			if had != c.want {
				t.Errorf("%s; wanted %s", had, c.want)
			}
			if notes := fmt.Sprint(r.Notes); (c.note == "") != (len(r.Notes) == 0) || !strings.Contains(notes, c.note) {
				t.Errorf("%v; wanted %q", notes, c.note)
			}
			checkText(t, r)
		})
	}
}

// TestPlaces: notes have the places of keys, however a key is written.
func TestPlaces(t *testing.T) {
	r, err := Import([]byte(head + "extra.a = 1\n\"b.c\" = 2\n[component]\nC_1 = { source = 'c.wasm', x = 1 }\n[component.d]\nsource='d.wasm'\nfiles = [\n  'a/**/*', # all\n  1,\n]\n" +
		"[[trigger.http]]\nroute='/...'\ncomponent='d'\n[[trigger.http]]\nroute='/y/...'\ncomponent='d'\n  z = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range r.Notes {
		got = append(got, fmt.Sprintf("%d:%d %s", n.Line, n.Column, n.Key))
	}
	want := []string{"4:1 application.extra", "5:1 application.\"b.c\"", "7:1 component.C_1", "7:28 component.C_1.x", "12:3 component.d.files[1]", "20:3 trigger.http[1].z"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwanted %q", got, want)
	}
}

// TestNotSpin: what is no manifest of Spin is an error that says so.
func TestNotSpin(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "there is no spin_manifest_version",
		"spin_manifest_version = 3":           "spin_manifest_version is 3",
		"spin_manifest_version = '1'":         "spin doctor",
		"spin_manifest_version = true":        "there is no spin_manifest_version",
		head:                                  "there is no component",
		head + "[component]\n":                "there is no component",
		"x = planted":                         "1:5: this is no TOML",
		"x = 'planted'\nx = 'planted'":        "2:1: this is no TOML",
		"[x]\n[x]":                            "this is no TOML",
		strings.Repeat("[", 10_000):           "this is no TOML",
		"x = " + strings.Repeat("[", 100_000): "this is no TOML",
		"x = \"\xff planted\"":                "this is no TOML",
	} {
		_, err := Import([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%.40q: %v, wanted %s", text, err, want)
		}
	}
}

// TestWrongTypes: values of types that a manifest does not have are left out with a note, and nothing panics.
func TestWrongTypes(t *testing.T) {
	for _, value := range []string{"1", "'text'", "true", "[]", "{}", "[1]", "['text']", "[{}]", "{ a = 1 }", "1.5", "1979-05-27", "[[1]]"} {
		for _, key := range []string{
			"application", "application.name", "application.version", "application.trigger", "application.trigger.http", "application.trigger.http.base", "application.trigger.redis", "application.trigger.redis.address", "application.trigger.mqtt", "application.trigger.mqtt.address", "trigger.redis", "trigger.mqtt", "variables", "variables.v", "variables.v.default",
			"variables.v.secret", "trigger", "trigger.http", "component.c.source", "component.c.files", "component.c.environment", "component.c.environment.E", "component.c.variables",
			"component.c.variables.v", "component.c.build", "component.c.build.command", "component.c.build.workdir", "component.c.build.watch", "component.c.key_value_stores",
			"component.c.sqlite_databases", "component.c.allowed_outbound_hosts", "component.c.exclude_files", "component.d", "component",
		} {
			text := "spin_manifest_version = 2\n" + key + " = " + value + "\n"
			if !strings.HasPrefix(key, "component.c") && key != "component" {
				text += "component.c.x = 1\n"
			}
			if r, err := Import([]byte(text)); err == nil {
				checkText(t, r)
			} else if key != "component" && !errors.As(err, new(*foreign.SyntaxError)) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

// FuzzImport: no text panics, and what is made of one can be written.
func FuzzImport(f *testing.F) {
	f.Add([]byte(head + "[variables]\nv = { default = 'x' }\n[[trigger.http]]\nroute = '/...'\ncomponent = 'c'\n[component.c]\nsource = 'c.wasm'\nfiles = ['a/**/*']\n" +
		"allowed_outbound_hosts = ['*://{{ v }}:1']\nkey_value_stores = ['default']\nvariables = { a = '{{ v }}' }\nbuild = { command = 'make', workdir = 'x' }\n"))
	f.Add([]byte("spin_manifest_version = 2\n[component]\n\"a\\u0000.[\" = { source = { url = 'x' } }\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Import(data)
		if err != nil {
			return
		}
		if _, err := app.Write(r.Workload); err != nil {
			t.Error(err)
		}
		for _, n := range r.Notes {
			if n.Line < 1 || n.Column < 1 || n.Text == "" {
				t.Errorf("%+v", n)
			}
		}
	})
}

// TestFileServer: Spin's static file server becomes a trigger with its folder, where the workload can do without it.
func TestFileServer(t *testing.T) {
	const (
		trigger = "[[trigger.http]]\nroute = '/static/...'\ncomponent = 'files'\n"
		source  = "[component.files]\nsource = { url = 'https://example.com/v0.4/spin_static_fs.wasm', digest = 'sha256:0' }\n"
		other   = "[component.c]\nsource = 'c.wasm'\n"
	)
	for name, c := range map[string]struct {
		text, static, note string
	}{
		"folder":         {trigger + source + "files = [{ source = 'assets', destination = '/' }]\n" + other, "assets", "the file server is left out: http triggers with static: assets serve its files"},
		"with a setting": {trigger + source + "files = [{ source = 'assets', destination = '/' }]\nenvironment = { FALLBACK_PATH = 'x' }\n" + other, "assets", "left out"},
		"local":          {trigger + "[component.files]\nsource = 'lib/spin-fileserver.wasm'\nfiles = [{ source = 'a', destination = '/' }]\n" + other, "a", "the file server is left out"},
		"alone":          {trigger + source + "files = [{ source = 'assets', destination = '/' }]\n", "", "because a workload has one"},
		"elsewhere":      {trigger + source + "files = [{ source = 'assets', destination = '/x' }]\n" + other, "", "the file server stays a component"},
		"patterns":       {trigger + source + "files = ['assets/**/*']\n" + other, "", "the file server stays a component"},
		"no files":       {trigger + source + other, "", "the file server stays a component"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Import([]byte(head + c.text))
			if err != nil {
				t.Fatal(err)
			}
			got := r.Workload.Spec.Triggers[0]
			if static, _ := got.Config["static"].(string); static != c.static || got.Config["path"] != "/static" || (got.Component == "") != (c.static != "") {
				t.Errorf("%+v", got)
			}
			if text := fmt.Sprint(r.Notes); !strings.Contains(text, c.note) {
				t.Errorf("no %q in %s", c.note, text)
			}
		})
	}
}

// TestSecretVariables: a component's variable that is a secret of the application, or has no default, is a secret of the workload in the
// variable of the environment that Spin reads; texts around one are not written.
func TestSecretVariables(t *testing.T) {
	r, err := Import([]byte(head + "[variables]\nhost = { default = 'h' }\ntoken = { default = 'planted', secret = true }\nwanted = { required = true }\n" +
		"[component.c]\nsource = 'c.wasm'\nvariables = { a = '{{ token }}', b = '{{wanted}}', c = '{{ host }}', d = 'x{{ token }}', e = '{{ none }}' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Workload.Spec.Components[0]
	if len(c.Grants.Secrets) != 2 || c.Grants.Secrets["a"].Env != "SPIN_VARIABLE_TOKEN" || c.Grants.Secrets["b"].Env != "SPIN_VARIABLE_WANTED" {
		t.Errorf("secrets %v", c.Grants.Secrets)
	}
	if len(c.Config) != 1 || c.Config["c"] != "h" || len(r.Notes) != 4 {
		t.Errorf("config %v, notes %v", c.Config, r.Notes)
	}
	checkText(t, r)
}
