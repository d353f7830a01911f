package app

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Reach is something outside a workload that its document lets it use: a folder or a secret of the host, an address, a backend that a grant
// configures.
type Reach struct {
	Key       string `json:"key"`                 // in the document: spec.components[0].grants.files[0]
	Component string `json:"component,omitempty"` // that has it; empty for a trigger without one
	What      string `json:"what"`                // for people, without a secret: "the folder /etc, as /data, to read"

	// Grant is the key of the component that it is below, "grants.files" or "grants.sockets.connect"; empty for what a trigger uses.
	Grant string `json:"-"`
}

// String is all of it but the grant. It is one line, of which the document chooses a part.
func (r Reach) String() string {
	if r.Component == "" {
		return r.Key + ": " + r.What
	}
	return r.Key + " (" + r.Component + "): " + r.What
}

// Reaches lists what a workload may use that is outside it, in the document's order. All that is there is in the list: also a destination by a public name, since whoever
// has written the document may choose what the name resolves to. Not in it are the workload's own components (http://NAME.internal), backends of
// the program that a grant names, and data in the folder for grants that name none.
func (f *Format) Reaches(w *workload.Spec) (all []Reach) {
	for i := range w.Components {
		c := &w.Components[i]
		tell := func(grant, at, what string, args ...any) {
			all = append(all, Reach{fmt.Sprintf("spec.components[%d].%s%s", i, grant, at), c.Name, fmt.Sprintf(what, args...), grant})
		}
		reachesOf(&c.Grants, tell)
	}
	for i := range w.Triggers {
		t := &w.Triggers[i]
		if t.Config == nil {
			continue
		}
		key := fmt.Sprintf("spec.triggers[%d].%s", i, t.Type)
		reachesIn(reflect.ValueOf(t.Config), key, func(key, what string) {
			all = append(all, Reach{Key: key, Component: t.Component, What: what})
		})
	}
	return all
}

// reachesOf tells of the grants of a component: by the key in grants, and what stands behind it.
func reachesOf(g *workload.Grants, tell func(grant, at, what string, args ...any)) {
	for i, to := range g.HTTP {
		if len((workload.Grants{HTTP: []string{to}}).Internal()) == 0 {
			tell("grants.http", index(i), "HTTP requests to %s", to)
		}
	}
	for i, f := range g.Files {
		may := "to read and write"
		if f.ReadOnly {
			may = "to read"
		}
		tell("grants.files", index(i), "the folder %s, as %s, %s", f.Host, f.Guest, may)
	}
	for i, to := range g.Sockets.Connect {
		tell("grants.sockets.connect", index(i), "connections to %s", to)
	}
	for i, at := range g.Sockets.Listen {
		tell("grants.sockets.listen", index(i), "connections from others at %s", at)
	}
	for _, stores := range []struct {
		key    string
		grants map[string]workload.StoreGrant
	}{
		{"keyvalue", g.Keyvalue}, {"blobstore", g.Blobstore}, {"sqlite", g.SQLite}, {"postgres", g.Postgres}, {"messaging", g.Messaging}, {"redis", g.Redis}, {"mqtt", g.MQTT},
	} {
		for _, name := range sortedKeys(stores.grants) {
			if s := stores.grants[name]; s.Type != "" && s.State == "" {
				tell("grants."+stores.key, fmt.Sprintf(".%q", name), "%s of %s", s.Type, settings(s.Config))
			}
		}
	}
	for _, name := range sortedKeys(g.Secrets) {
		tell("grants.secrets", fmt.Sprintf(".%q", name), "%s", secretText(g.Secrets[name]))
	}
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }

// settings are those of a backend, in which credentials are places.
func settings(config any) string {
	plain := shortConfig(config)
	if text, ok := plain.(string); ok {
		return text
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return "settings that cannot be shown"
	}
	return string(b)
}

func secretText(s workload.Secret) string {
	if s.Env != "" {
		return "the environment variable " + s.Env
	}
	return "the file " + s.File
}

// reachesIn tells of what the config of a trigger has in fields with the tags path and reaches, and of type Secret.
func reachesIn(v reflect.Value, key string, tell func(key, what string)) {
	for _, field := range fieldsOf(v.Type()) {
		at, e := join(key, field.key), v.Field(field.index)
		switch secret, ok := e.Interface().(workload.Secret); {
		case ok:
			if secret != (workload.Secret{}) {
				tell(at, secretText(secret))
			}
		case e.Kind() == reflect.Struct:
			reachesIn(e, at, tell)
		case field.tag.Get("path") == "" && field.tag.Get("reaches") == "" || e.IsZero():
		case e.Kind() == reflect.String:
			tell(at, e.String())
		default:
			tell(at, fmt.Sprint(e.Interface()))
		}
	}
}
