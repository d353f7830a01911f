package washconfig

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// resources carries over what a component is given and may reach: the keys of localResources, and of workload in a project. What is there
// already is replaced. note says whether mistakes are to be noted, which they are once.
func (i *importer) resources(t foreign.Table, c *v1alpha1.Component, note bool) {
	if t.Map == nil {
		return
	}
	if !note {
		notes := i.Mark()
		if t.Path == "workload" {
			defer i.Reset(notes)
		}
	}
	env := t.Sub("environment")
	inline := env.Sub("config")
	for _, k := range inline.Keys() {
		put(&c.Environment, k, plain(inline.Take(k)))
	}
	for _, name := range env.Texts("configFrom") {
		i.configFrom(env.At("configFrom"), name, c)
	}
	for _, name := range env.Texts("secretFrom") {
		i.Note(env.At("secretFrom"), "left out: the values of %s are secrets, which are not written; give each with --env NAME=…, or as grants.secrets to a component that asks for it", name)
	}
	env.Rest(nil)
	config := t.Sub("config")
	for _, k := range config.Keys() {
		put(&c.Config, k, plain(config.Take(k)))
	}
	switch hosts, given := t.Map["allowedHosts"]; {
	case given && hosts != nil:
		c.Grants.HTTP = nil
		for n, text := range t.Texts("allowedHosts") {
			i.host(fmt.Sprintf("%s[%d]", t.At("allowedHosts"), n), text, &c.Grants)
		}
	case t.Path == "workload":
		c.Grants.HTTP = []v1alpha1.HTTPGrant{"*"}
		i.Note(t.Path, "every host is granted, as wash does where allowedHosts is missing; write grants.http: those that it needs")
	}
	for n, v := range t.List("allowedHostLoopbackPorts") {
		i.port(fmt.Sprintf("%s[%d]", t.At("allowedHostLoopbackPorts"), n), fmt.Sprint(v), &c.Grants)
	}
	if t.Take("allowedIpNameLookups") != nil {
		i.Note(t.At("allowedIpNameLookups"), "left out: names are looked up where grants.sockets.connect has an address")
	}
	if t.Path == "workload" || strings.HasSuffix(t.Path, "localResources") {
		t.Rest(nil)
	}
}

// plain is a value as the text that a component is given.
func plain(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// configFrom carries over what is written in the file of a named source.
func (i *importer) configFrom(at, name string, c *v1alpha1.Component) {
	source, ok := i.Table(i.configs.At(name), i.configs.Map[name])
	if !ok {
		i.Note(at, "left out: %s is not written in this file; give its values with --env NAME=…", name)
		return
	}
	inline := source.Sub("inline")
	for _, k := range inline.Keys() {
		put(&c.Environment, k, plain(inline.Take(k)))
	}
	source.Rest(map[string]string{
		"file": "values of another file are not read; give them with --env NAME=…", "dir": "values of other files are not read; give them with --env NAME=…",
		"fromEnv": "values of the environment are not read; give them with --env NAME=…",
	})
}

// host grants one host. wash's names no port for every port, and no scheme for both.
func (i *importer) host(at, text string, g *v1alpha1.Grants) {
	if text == "*" {
		g.HTTP = append(g.HTTP, "*")
		return
	}
	scheme, host, has := strings.Cut(strings.TrimSuffix(text, "/"), "://")
	schemes := []string{scheme}
	if !has {
		schemes, host = []string{"http", "https"}, text
	}
	if end := host[strings.LastIndex(host, "]")+1:]; !strings.Contains(end, ":") {
		host += ":*"
	}
	for _, s := range schemes {
		grant := s + "://" + host
		if _, err := workload.ParseHTTP(grant); err != nil {
			i.Note(at, "left out: want a host such as example.com, *.example.com or https://example.com")
			return
		}
		if !slices.Contains(g.HTTP, v1alpha1.HTTPGrant(grant)) {
			g.HTTP = append(g.HTTP, v1alpha1.HTTPGrant(grant))
		}
	}
}

// port grants a port of the machine's loopback.
func (i *importer) port(at, text string, g *v1alpha1.Grants) {
	number, _, _ := strings.Cut(text, "/")
	if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 {
		i.Note(at, "left out: want a port")
		return
	}
	g.Sockets.Connect = append(g.Sockets.Connect, v1alpha1.SocketGrant("127.0.0.1:"+number))
	i.Note(at, "the component connects to 127.0.0.1:%s here, in place of host.wasmcloud.internal", number)
}

// stores carries over the backends of a project, which are for all components.
func (i *importer) stores(t foreign.Table) {
	shared := t.Text("data_nats_url")
	redis, nats, folder := t.Text("wasi_keyvalue_redis_url"), t.Text("wasi_keyvalue_nats_url"), t.Text("wasi_keyvalue_path")
	switch {
	case redis != "":
		i.keyvalue(t.At("wasi_keyvalue_redis_url"), "redis", redis)
	case nats != "":
		i.keyvalue(t.At("wasi_keyvalue_nats_url"), "nats", nats)
	case folder != "":
		i.grantKeyvalue(v1alpha1.StoreGrant{})
		i.Note(t.At("wasi_keyvalue_path"), "the store is an SQLite file here, in the folder .vitrine; what wash has stored is not carried over")
	case shared != "":
		i.keyvalue(t.At("data_nats_url"), "nats", shared)
	}
	switch folder := t.Text("wasi_blobstore_path"); {
	case folder != "":
		i.Note(t.At("wasi_blobstore_path"), "containers are below this folder here, which must be there; what wash has stored is not carried over")
		i.shared = append(i.shared, func(g *v1alpha1.Grants) {
			g.Blobstore = map[string]v1alpha1.StoreGrant{"default": {Type: "folder", Config: path.Clean(folder), Scope: "workload"}}
		})
	case shared != "" && plainURL(shared):
		i.shared = append(i.shared, func(g *v1alpha1.Grants) {
			g.Blobstore = map[string]v1alpha1.StoreGrant{"default": {Type: "nats", Config: shared, Scope: "workload"}}
		})
	}
	i.broker = shared
}

// plainURL says whether a URL has no user, and so no password.
func plainURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.User == nil && u.Host != ""
}

func (i *importer) keyvalue(at, kind, text string) {
	if !plainURL(text) {
		i.Note(at, "left out: a URL may hold a password; write the grant by hand: keyvalue: {default: {%s: {url: …, password: {env: NAME}}}}", kind)
		return
	}
	i.grantKeyvalue(v1alpha1.StoreGrant{Type: kind, Config: text})
}

// grantKeyvalue grants the store default: wash's opens any name.
func (i *importer) grantKeyvalue(grant v1alpha1.StoreGrant) {
	grant.Scope = "workload"
	i.shared = append(i.shared, func(g *v1alpha1.Grants) {
		if g.Keyvalue == nil {
			g.Keyvalue = map[string]v1alpha1.StoreGrant{}
		}
		if _, has := g.Keyvalue["default"]; !has {
			g.Keyvalue["default"] = grant
		}
	})
	i.Note("", "the store that components open as default is granted; write further ones beside it in grants.keyvalue")
}

// hostInterfaces carries over the entries that say what serves an interface.
func (i *importer) hostInterfaces(list []any, at string, main v1alpha1.Name) {
	for n, v := range list {
		where := fmt.Sprintf("%s[%d]", at, n)
		t, ok := i.Table(where, v)
		if !ok {
			i.Note(where, "left out: want a mapping")
			continue
		}
		config := t.Sub("config")
		name := t.Text("name")
		switch id := t.Text("namespace") + ":" + t.Text("package"); id {
		case "wasi:http":
			for _, key := range []string{"host", "host-aliases"} {
				for host := range strings.SplitSeq(config.Text(key), ",") {
					if host, _, _ = strings.Cut(strings.TrimSpace(host), ":"); host != "" && host != "*" {
						i.hosts = append(i.hosts, host)
					}
				}
			}
		case "wasi:keyvalue", "wasmcloud:keyvalue":
			i.named(name, func(g *v1alpha1.Grants, name string) { put2(&g.Keyvalue, name, v1alpha1.StoreGrant{Scope: "workload"}) })
		case "wasi:blobstore", "wasmcloud:blobstore":
			i.named(name, func(g *v1alpha1.Grants, name string) {
				put2(&g.Blobstore, name, v1alpha1.StoreGrant{Scope: "workload"})
			})
		case "wasmcloud:messaging":
			i.messaging(where, t, config)
		case "wasi:config":
			for _, k := range config.Keys() {
				i.Note(config.At(k), "left out: write it below config of the component")
			}
		case "wasi:logging", "wasi:otel": // served without a grant
		case "wasmcloud:postgres", "wasmcloud:secrets":
			i.Note(where, "left out: write the grant by hand, with the place of what is secret")
			continue
		default:
			i.Note(where, "left out: %s is not known here; `vitrine check` says whether it is served", id)
			continue
		}
		for _, key := range []string{"interfaces", "version", "secretFrom", "configFrom"} {
			if t.Take(key) != nil && strings.HasSuffix(key, "From") {
				i.Note(t.At(key), "left out: values from elsewhere are not read")
			}
		}
		config.Rest(nil)
		t.Rest(nil)
	}
}

// named grants the store of an entry with a name.
func (i *importer) named(name string, grant func(*v1alpha1.Grants, string)) {
	if name != "" {
		i.shared = append(i.shared, func(g *v1alpha1.Grants) { grant(g, name) })
	}
}

func put2(to *map[string]v1alpha1.StoreGrant, name string, grant v1alpha1.StoreGrant) {
	if *to == nil {
		*to = map[string]v1alpha1.StoreGrant{}
	}
	if _, has := (*to)[name]; !has {
		(*to)[name] = grant
	}
}

// messaging grants the subjects that are subscribed to, and has them handled.
func (i *importer) messaging(at string, t, config foreign.Table) {
	grant := v1alpha1.StoreGrant{}
	if i.broker != "" && plainURL(i.broker) {
		grant = v1alpha1.StoreGrant{Type: "nats", Config: i.broker}
	}
	for subject := range strings.SplitSeq(config.Text("subscriptions"), ",") {
		if subject = strings.TrimSpace(subject); subject == "" {
			continue
		}
		i.handles = append(i.handles, subject)
		i.shared = append(i.shared, func(g *v1alpha1.Grants) { put2(&g.Messaging, subject, grant) })
	}
	if grant.Type == "" {
		i.Note(at, "the broker is in the process here; write {nats: \"nats://HOST:PORT\"} in grants.messaging for a server")
	}
	if list, _ := t.Map["interfaces"].([]any); slices.Contains(list, any("consumer")) {
		i.Note(at, "a component sends to the subjects that grants.messaging names; write those that it sends to")
	}
}
