package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// bus is the config of a trigger that is connected to something outside.
type bus struct {
	Name    string          `yaml:"name"`
	Address string          `yaml:"address" reaches:"true"`
	Peers   []string        `yaml:"peers" reaches:"true"`
	Token   workload.Secret `yaml:"token"`
	TLS     struct {
		CA string `yaml:"ca" path:"true"`
	} `yaml:"tls"`
}

// db is the config of a backend, whose password has a place only.
type db struct {
	Address  string          `yaml:"address" short:"true"`
	Password workload.Secret `yaml:"password"`
}

// TestReaches: everything outside a workload that it may use is in the list, with its key, and nothing of the workload's own is.
func TestReaches(t *testing.T) {
	f := &Format{
		Triggers: []workload.TriggerType{{Name: "bus", Config: bus{}}},
		Stores:   map[string]Stores{"keyvalue": {Backends: []string{"memory"}, Types: []workload.BackendType{{Name: "db", Config: db{}}}}},
	}
	own := workload.Spec{Components: []workload.Component{{Name: "a", Grants: workload.Grants{
		HTTP: []string{"http://b.internal", "http://b.internal:80"},
		Keyvalue: map[string]workload.StoreGrant{
			"default": {Backend: "memory"}, "kept": {Type: "db", Config: db{Address: "state.db"}, State: ".vitrine"},
		},
	}}, {Name: "b", Environment: map[string]string{"A": "b"}}}, Triggers: []workload.TriggerSpec{{Type: "bus", Component: "a", Config: bus{Name: "x"}}, {Type: "none"}}}
	if had := f.Reaches(&own); len(had) != 0 {
		t.Errorf("of the workload's own: %v", had)
	}
	w := workload.Spec{Components: []workload.Component{{Name: "a"}, {Name: "b", Grants: workload.Grants{
		// a name of the network may be that of this machine; .internal is the workload's own with http's port and one name only
		HTTP:    []string{"https://api.example.com", "*", "http://*.internal", "http://b.internal:8080", "https://b.internal"},
		Files:   []workload.FileGrant{{Host: "/etc", Guest: "/data"}, {Host: "/usr", Guest: "/usr", ReadOnly: true}},
		Sockets: workload.SocketGrants{Connect: []string{"db.example.com:5432"}, Listen: []string{"*:80"}},
		Keyvalue: map[string]workload.StoreGrant{
			"long": {Type: "db", Config: db{Address: "db:1", Password: workload.Secret{Env: "DB"}}}, "short": {Type: "db", Config: db{Address: "db:2"}},
		},
		Secrets: map[string]workload.Secret{"env": {Env: "API_KEY"}, "file": {File: "/run/key"}},
	}}}, Triggers: []workload.TriggerSpec{{Type: "bus", Component: "b", Config: bus{
		Name: "x", Address: "bus:1", Peers: []string{"p:1", "p:2"}, Token: workload.Secret{File: "token"},
		TLS: struct {
			CA string `yaml:"ca" path:"true"`
		}{"ca.pem"},
	}}}}
	var had []string
	for _, r := range f.Reaches(&w) {
		had = append(had, r.String())
	}
	g := "spec.components[1].grants."
	want := []string{
		g + "http[0] (b): HTTP requests to https://api.example.com", g + "http[1] (b): HTTP requests to *", g + "http[2] (b): HTTP requests to http://*.internal",
		g + "http[3] (b): HTTP requests to http://b.internal:8080", g + "http[4] (b): HTTP requests to https://b.internal",
		g + "files[0] (b): the folder /etc, as /data, to read and write", g + "files[1] (b): the folder /usr, as /usr, to read",
		g + "sockets.connect[0] (b): connections to db.example.com:5432", g + "sockets.listen[0] (b): connections from others at *:80",
		g + `keyvalue."long" (b): db of {"address":"db:1","password":{"env":"DB"}}`, g + `keyvalue."short" (b): db of db:2`,
		g + `secrets."env" (b): the environment variable API_KEY`, g + `secrets."file" (b): the file /run/key`,
		"spec.triggers[0].bus.address (b): bus:1", "spec.triggers[0].bus.peers (b): [p:1 p:2]", "spec.triggers[0].bus.token (b): the file token", "spec.triggers[0].bus.tls.ca (b): ca.pem",
	}
	if !slices.Equal(had, want) {
		t.Errorf("had\n%s\nwant\n%s", strings.Join(had, "\n"), strings.Join(want, "\n"))
	}
}

// TestElsewhere: a document that is only looked at may name folders that are not on this machine.
func TestElsewhere(t *testing.T) {
	text := []byte("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n    - name: cart\n      source: {image: x}\n      verify: {key: none.pub}\n      grants: {files: [{host: none, guest: /data}]}\n")
	f := &Format{Image: func(string) error { return nil }}
	if _, err := f.Parse("vitrine.yaml", text); err == nil || strings.Count(err.Error(), "does not exist") != 2 {
		t.Errorf("here: %v", err)
	}
	if w, err := f.Elsewhere().Parse("vitrine.yaml", text); err != nil || len(f.Reaches(w)) != 1 {
		t.Errorf("elsewhere: %v", err)
	}
}
