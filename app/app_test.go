package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	blobfolder "github.com/vitrine-wasm/vitrine/plugin/blobstore/folder"
	blobnats "github.com/vitrine-wasm/vitrine/plugin/blobstore/nats"
	blobs3 "github.com/vitrine-wasm/vitrine/plugin/blobstore/s3"
	kvnats "github.com/vitrine-wasm/vitrine/plugin/keyvalue/nats"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/redis"
	"github.com/vitrine-wasm/vitrine/plugin/keyvalue/sqlite"
	msgmqtt "github.com/vitrine-wasm/vitrine/plugin/messaging/mqtt"
	"github.com/vitrine-wasm/vitrine/plugin/messaging/nats"
	msgredis "github.com/vitrine-wasm/vitrine/plugin/messaging/redis"
	mqttserver "github.com/vitrine-wasm/vitrine/plugin/mqtt/server"
	"github.com/vitrine-wasm/vitrine/plugin/postgres/pgx"
	redisserver "github.com/vitrine-wasm/vitrine/plugin/redis/server"
	sqlitelocal "github.com/vitrine-wasm/vitrine/plugin/sqlite/local"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	messages "github.com/vitrine-wasm/vitrine/trigger/messaging"
	topics "github.com/vitrine-wasm/vitrine/trigger/mqtt"
	channels "github.com/vitrine-wasm/vitrine/trigger/redis"
	"github.com/vitrine-wasm/vitrine/trigger/timer"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// testFormat is the format of a program with these triggers and backends.
var testFormat = &Format{
	Image: func(ref string) error {
		if !strings.Contains(ref, "/") {
			return fmt.Errorf("%s is no reference", ref)
		}
		return nil
	},
	Triggers: []workload.TriggerType{http.Type(), timer.Type(), messages.Type(), channels.Type(), topics.Type(), {Name: "bell", Reserved: true, Config: struct{}{}}},
	Stores: map[string]Stores{"keyvalue": {Backends: []string{"disk", "memory"}, Types: []workload.BackendType{sqlite.Type(), redis.Type(), kvnats.Type()}}, "blobstore": {Backends: []string{"memory"}, Types: []workload.BackendType{blobfolder.Type(), blobs3.Type(), blobnats.Type()}},
		"sqlite":    {Backends: []string{"memory"}, Types: []workload.BackendType{sqlitelocal.Type()}},
		"postgres":  {Types: []workload.BackendType{pgx.Type()}},
		"messaging": {Backends: []string{"memory"}, Types: []workload.BackendType{nats.Type(), msgredis.Type(), msgmqtt.Type()}},
		"redis":     {Types: []workload.BackendType{redisserver.Type()}},
		"mqtt":      {Types: []workload.BackendType{mqttserver.Type()}}},
}

// folder makes a folder with two component files and a data folder.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"cart.wasm", "price.wasm"} {
		if err := os.WriteFile(filepath.Join(dir, f), wasmMagic, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

const fullManifest = `# a comment
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, namespace: demo, version: 1.2.0}
spec:
  components:
    - name: cart
      source: {file: cart.wasm}
      build: {command: [make, cart.wasm], watch: ["src/**"]}
      links: {"shop:price/price": price}
      environment: {LOG: debug}
      args: [one, "2"]
      config: {greeting: hello}
      grants:
        http: ["https://api.example.com", "http://127.0.0.1:9000"]
        files: [{host: ./data, guest: /data, access: read}, {host: data, guest: /w, access: write}]
        sockets: {connect: ["127.0.0.1:5432"], listen: []}
        keyvalue: {default: {backend: memory}, sessions: {backend: disk, data: keep}}
        blobstore: {default: {}}
      limits: {memory: 64Mi, deadline: 30s, tables: 100000, fuel: 2G, callDepth: 9, handles: 10, hostMemory: 48Mi, files: 11, sockets: 12,
        requests: 13, headers: 16Ki, body: 1M, outputLines: 14, outputBytes: 15, outputLinesPerSecond: 16k, outputBytesPerSecond: 17Ki}
      instances: {isolation: fresh, max: 200, queue: 1000, ready: 0}
      telemetry: {detail: boundary, guest: off, lines: text}
    - {name: price, source: {file: price.wasm}, limits: {memory: 1000000}}
  triggers:
    - http: {path: /, component: cart}
  services: []
`

func TestParse(t *testing.T) {
	dir := folder(t)
	got, err := testFormat.Parse(filepath.Join(dir, "vitrine.yaml"), []byte(fullManifest))
	if err != nil {
		t.Fatal(err)
	}
	want := &workload.Spec{
		Name: "shop", Namespace: "demo", Version: "1.2.0",
		Components: []workload.Component{{
			Name: "cart", Source: workload.Source{File: filepath.Join(dir, "cart.wasm")},
			Links:       map[string]string{"shop:price/price": "price"},
			Environment: map[string]string{"LOG": "debug"},
			Args:        []string{"one", "2"},
			Config:      map[string]string{"greeting": "hello"},
			Grants: workload.Grants{
				HTTP: []string{"https://api.example.com", "http://127.0.0.1:9000"},
				Files: []workload.FileGrant{
					{Host: filepath.Join(dir, "data"), Guest: "/data", ReadOnly: true},
					{Host: filepath.Join(dir, "data"), Guest: "/w"},
				},
				Sockets: workload.SocketGrants{Connect: []string{"127.0.0.1:5432"}},
				Keyvalue: map[string]workload.StoreGrant{
					"default": {Backend: "memory"}, "sessions": {Backend: "disk", Data: "keep"},
				},
				Blobstore: map[string]workload.StoreGrant{"default": {}},
			},
			Limits: workload.Limits{
				Memory: 64 << 20, Tables: 100000, Deadline: 30 * time.Second, Fuel: 2e9, CallDepth: 9, Handles: 10, HostMemory: 48 << 20, Files: 11, Sockets: 12,
				Requests: 13, Headers: 16 << 10, Body: 1e6, OutputLines: 14, OutputBytes: 15, OutputLinesPerSecond: 16000, OutputBytesPerSecond: 17 << 10,
			},
			Instances: workload.Instances{Isolation: "fresh", Max: 200, Queue: 1000, Ready: new(int)},
			Build:     workload.Build{Command: []string{"make", "cart.wasm"}, Folder: dir, Watch: []string{"src/**"}}, Detail: "boundary", GuestTelemetry: "off", Lines: "text",
		}, {
			Name: "price", Source: workload.Source{File: filepath.Join(dir, "price.wasm")}, Limits: workload.Limits{Memory: 1000000},
		}},
		Triggers: []workload.TriggerSpec{{Type: "http", Component: "cart", Config: http.Route{Path: "/"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.ID() != "demo/shop" || got.Component("price") == nil || got.Component("pear") != nil {
		t.Errorf("id %s", got.ID())
	}
}

// TestMistakes: each manifest's mistakes are all reported, in the order of the file, and nothing else is.
func TestMistakes(t *testing.T) {
	dir := folder(t)
	head := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n"
	one := head + "  components:\n  - {name: a, source: {file: cart.wasm}}\n"
	component := func(keys string) string {
		return head + "  components:\n  - name: cart\n    source: {file: cart.wasm}\n    " + keys + "\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", `1:1: the file is empty; want a Workload`},
		{"only a comment", "# nothing\n", `1:1: the file is empty; want a Workload`},
		{"no mapping", "hello\n", `1:1: want a mapping, had "hello"`},
		{"no YAML", "a: b\n  c: : d\n", `2:3: this is no YAML: mapping values are not allowed in this context`},
		{"two documents", one + "---\nkind: Workload\n", `7:1: a second document; a file holds one Workload`},
		{"nothing in it", "kind: Workload\n", "1:1: apiVersion: the key is missing\n1:1: metadata: the key is missing\n1:1: spec: the key is missing"},
		{"another format", strings.Replace(one, "v1alpha1", "v1alpha2", 1), `1:13: apiVersion: "vitrine.dev/v1alpha2": want vitrine.dev/v1alpha1; did you mean "vitrine.dev/v1alpha1"?`},
		{"no component", head + "  components: []\n", `5:15: spec.components: there is no component`},
		{"unknown key", component("linkz: {}"), `8:5: spec.components[0].linkz: unknown key; want name, source, verify, build, links, environment, args, config, grants, limits, instances, features or telemetry; did you mean "links"?`},
		{"no likely key", head + "  components: [{name: a, source: {file: cart.wasm}}]\n  zebra: 1\n", `6:3: spec.zebra: unknown key; want components, triggers, services, replicas, placement or rollout`},
		{"key of control characters", component("\"\\x1b[2J\\n\": {}"), `8:5: spec.components[0].\x1b[2J\n: unknown key; want name, source, verify, build, links, environment, args, config, grants, limits, instances, features or telemetry`},
		{"key twice", component("args: []\n    args: []"), `9:5: spec.components[0].args: a duplicate key, first in line 8`},
		{"key is a number", component("environment: {1: a}"), `8:19: spec.components[0].environment: a key must be a text; put it in quotes`},
		{"number for text", component("environment: {A: 1}"), `8:22: spec.components[0].environment."A": want a text, had a number; put it in quotes`},
		{"boolean for text", component("args: [yes, true]"), `8:17: spec.components[0].args[1]: want a text, had the boolean true; put it in quotes`},
		{"text for list", component("args: one"), `8:11: spec.components[0].args: want a list, had a text`},
		{"list for mapping", component("grants: []"), `8:13: spec.components[0].grants: want a mapping, had a list`},
		{"text for number", component("instances: {max: many}"), `8:22: spec.components[0].instances.max: want a whole number, had "many"`},
		{"number too small", component("instances: {max: 0}"), `8:22: spec.components[0].instances.max: 0: want at least 1`},
		{"ready too small", component("instances: {ready: -1}"), `8:24: spec.components[0].instances.ready: -1: want at least 0`},
		{"more ready than may run", component("instances: {ready: 9, max: 8}"), `8:24: spec.components[0].instances.ready: 9: want at most max, which is 8`},
		{"number too large", component("limits: {tables: 5000000000}"), `8:22: spec.components[0].limits.tables: 5000000000: want at most 4294967295`},
		{"duration", component("limits: {deadline: 30}"), `8:24: spec.components[0].limits.deadline: want a duration such as 30s, 250ms or 1m30s, had the number 30`},
		{"duration text", component("limits: {deadline: soon}"), `8:24: spec.components[0].limits.deadline: "soon": want a duration such as 30s, 250ms or 1m30s`},
		{"size", component("limits: {memory: 64 MiB}"), `8:22: spec.components[0].limits.memory: "64 MiB": want a size such as 64Mi, 64MiB, 500k or 67108864`},
		{"size type", component("limits: {memory: [1]}"), `8:22: spec.components[0].limits.memory: want a size such as 64Mi, 64MiB, 500k or 67108864, had a list`},
		{"count", component("limits: {fuel: lots}"), `8:20: spec.components[0].limits.fuel: "lots": want a whole number such as 20000, 500k, 2M or 100G`},
		{"count of nothing", component("limits: {outputLines: 0}"), `8:27: spec.components[0].limits.outputLines: "0": the number must be larger than 0`},
		{"headers too large", component("limits: {headers: 2Mi}"), `8:23: spec.components[0].limits.headers: 2Mi: want at most 1Mi`},
		{"http grant", component("grants: {http: [api.example.com]}"), `8:21: spec.components[0].grants.http[0]: "api.example.com": there is no scheme; want a destination such as https://api.example.com, http://127.0.0.1:9000 or *`},
		{"socket grant", component(`grants: {sockets: {connect: ["localhost"]}}`), `8:34: spec.components[0].grants.sockets.connect[0]: "localhost": there is no port; want host:port such as 127.0.0.1:5432, [::1]:80, *:53 or *`},
		{"folder", component("grants: {files: [{host: dada, guest: /d}, {host: cart.wasm, guest: /d, access: rite}]}"), `8:29: spec.components[0].grants.files[0].host: dada: the folder does not exist
8:54: spec.components[0].grants.files[1].host: cart.wasm is no folder
8:72: spec.components[0].grants.files[1].guest: a second folder with the guest's name "/d"
8:84: spec.components[0].grants.files[1].access: "rite": want read or write; did you mean "write"?`},
		{"missing file", head + "  components:\n  - {name: a, source: {file: carts.wasm}}\n", `6:30: spec.components[0].source.file: carts.wasm: the file does not exist; did you mean "cart.wasm"?`},
		{"unbuilt file", head + "  components:\n  - {name: a, source: {file: x.wasm}, build: {command: [make, x]}}\n", `6:30: spec.components[0].source.file: x.wasm: the file does not exist; build it first: vitrine build`},
		{"build", component(`build: {before: [[], [""]], folder: dada, environment: {"A=B": c}, needs: [b, a], watch: ["", "src/[", "ok/**"]}`), `8:12: spec.components[0].build: there is no command; want one, such as command: [make, cart.wasm]
8:22: spec.components[0].build.before[0]: the command is empty; want a list such as [npm, ci]
8:27: spec.components[0].build.before[1][0]: the name of the program is empty
8:41: spec.components[0].build.folder: dada: the folder does not exist
8:68: spec.components[0].build.environment."A=…": this is no name of an environment variable
8:80: spec.components[0].build.needs[0]: there is no component named "b"
8:83: spec.components[0].build.needs[1]: there is no component named "a"
8:95: spec.components[0].build.watch[0]: "": the pattern is empty
8:99: spec.components[0].build.watch[1]: "src/[": want a pattern such as src/**, *.go or lib/[a-z]*.rs`},
		{"builds that wait for each other", head + "  components:\n  - {name: a, source: {file: cart.wasm}, build: {command: [x], needs: [b]}}\n  - {name: b, source: {file: cart.wasm}, build: {command: [x], needs: [a]}}\n",
			`7:72: spec.components[1].build.needs[0]: the needs form a cycle: a → b → a`},
		{"a build that waits for itself", head + "  components:\n  - {name: a, source: {file: cart.wasm}, build: {command: [x], needs: [a]}}\n",
			`6:72: spec.components[0].build.needs[0]: a component cannot need itself`},
		{"file is a folder", head + "  components:\n  - {name: a, source: {file: data}}\n", `6:30: spec.components[0].source.file: data is no file`},
		{"source empty", head + "  components:\n  - {name: a, source: {}}\n", `6:23: spec.components[0].source: want file or image, had neither`},
		{"source both", head + "  components:\n  - {name: a, source: {file: cart.wasm, image: b}}\n", `6:23: spec.components[0].source: want file or image, had both`},
		{"image", head + "  components:\n  - {name: a, source: {image: b}}\n", `6:31: spec.components[0].source.image: b is no reference`},
		{"image empty", head + "  components:\n  - {name: a, source: {image: ''}}\n", `6:31: spec.components[0].source.image: the reference is empty`},
		{"key of a file", head + "  components:\n  - {name: a, source: {file: cart.wasm}, verify: {key: cart.wasm}}\n", `6:50: spec.components[0].verify: the key is for an image; a file has no signature`},
		{"no key", head + "  components:\n  - {name: a, source: {image: r.example.com/b}, verify: {}}\n", `6:57: spec.components[0].verify: there is no key; want key: cosign.pub`},
		{"key is missing", head + "  components:\n  - {name: a, source: {image: r.example.com/b}, verify: {key: nope.pub}}\n", `6:63: spec.components[0].verify.key: nope.pub: the file does not exist`},
		{"key is a folder", head + "  components:\n  - {name: a, source: {image: r.example.com/b}, verify: {key: data}}\n", `6:63: spec.components[0].verify.key: data is no file`},
		{"name", head + "  components:\n  - {name: A b, source: {file: cart.wasm}}\n", `6:12: spec.components[0].name: "A b": want a name of at most 63 lower-case letters, digits and inner hyphens`},
		{"name twice", one + "  - {name: a, source: {file: price.wasm}}\n", `7:12: spec.components[1].name: a second component named "a"; names are unique in a workload`},
		{"link to nobody", component("links: {\"shop:price/price\": prise}") + "  - {name: price, source: {file: price.wasm}}\n", `8:33: spec.components[0].links."shop:price/price": there is no component named "prise"; did you mean "price"?`},
		{"link to itself", component("links: {\"shop:price/price\": cart}"), `8:33: spec.components[0].links."shop:price/price": a component cannot be linked to itself`},
		{"link of no import", component("links: {\"shop:price\": price}") + "  - {name: price, source: {file: price.wasm}}\n", `8:27: spec.components[0].links."shop:price": the import's name: "shop:price": want namespace:package/interface[@version]`},
		{"cycle", component("links: {\"a:b/c\": price}") + "  - {name: price, source: {file: price.wasm}, links: {\"d:e/f\": cart}}\n", `9:64: spec.components[1].links."d:e/f": the links form a cycle: cart → price → cart`},
		{"variable", component("environment: {\"A=B\": c}"), `8:26: spec.components[0].environment."A=…": this is no name of an environment variable`},
		{"isolation typo", component("instances: {isolation: frech}"), `8:28: spec.components[0].instances.isolation: "frech": want fresh, snapshot or reuse; did you mean "fresh"?`},
		{"reuse only", component("instances: {uses: 3, isolation: fresh, concurrency: 5}"), "8:23: spec.components[0].instances.uses: the key is for isolation: reuse only\n8:57: spec.components[0].instances.concurrency: the key is for isolation: reuse only"},
		{"trigger of nobody", one + "  triggers: [{http: {path: /, component: b1}}]\n", `7:42: spec.triggers[0].http.component: there is no component named "b1"`},
		{"trigger path", one + "  triggers: [{http: {path: x, component: a}}]\n", `7:28: spec.triggers[0].http.path: "x": want a path that begins with /`},
		{"trigger twice", one + "  triggers: [{http: {path: /, component: a}}, {http: {path: /, component: a}}]\n", `7:61: spec.triggers[1].http.path: a second trigger for "/"`},
		{"trigger of nothing", one + "  triggers: [{}]\n", `7:14: spec.triggers[0]: want http, timer, messaging, redis, mqtt or bell, had none`},
		{"grant of nobody", component("grants: {http: [\"http://prise.internal\", \"http://a.b.internal\", \"https://x.internal\", \"http://x.internal:81\", \"http://*.internal\"]}") + "  - {name: price, source: {file: price.wasm}}\n",
			`8:21: spec.components[0].grants.http[0]: there is no component named "prise"; did you mean "price"?`},
		{"triggers in conflict", one + "  triggers: [{http: {path: \"/u/:id\", component: a}}, {http: {path: \"/u/:name\", component: a}}]\n", `7:68: spec.triggers[1].http.path: path "/u/:name" conflicts with another trigger, path "/u/:id": no request could tell which of them it is for`},
		{"trigger's method", one + "  triggers: [{http: {path: /, methods: [GET, get], component: a}}]\n", `7:46: spec.triggers[0].http.methods[1]: "get": methods are in capitals; want GET`},
		{"trigger's host", one + "  triggers: [{http: {path: /, host: \"a:80\", component: a}}]\n", `7:37: spec.triggers[0].http.host: "a:80": want a host without scheme and port; a route is for every port that is listened on`},
		{"chain of nobody", one + "  triggers: [{http: {path: /, component: a, chain: [a, auht]}}]\n", `7:56: spec.triggers[0].http.chain[1]: there is no component named "auht"`},
		{"chain of a near name", one + "  - {name: cache, source: {file: price.wasm}}\n  triggers: [{http: {path: /, component: a, chain: [cach]}}]\n", `8:53: spec.triggers[0].http.chain[0]: there is no component named "cach"; did you mean "cache"?`},
		{"chain of no list", one + "  triggers: [{http: {path: /, component: a, chain: a}}]\n", `7:52: spec.triggers[0].http.chain: want a list, had "a"`},
		{"chain of a number", one + "  triggers: [{http: {path: /, component: a, chain: [1]}}]\n", `7:53: spec.triggers[0].http.chain[0]: want a name of at most 63 lower-case letters, digits and inner hyphens, had the number 1`},
		{"chain too long", one + "  triggers: [{http: {path: /, component: a, chain: [" + strings.Repeat("a, ", 33) + "]}}]\n", `7:52: spec.triggers[0].http.chain: 33 components: want at most 32`},
		{"chain in a cycle", component("links: {\"a:b/c\": auth}") + "  - {name: auth, source: {file: price.wasm}}\n  triggers: [{http: {path: /, component: cart, chain: [auth]}}]\n", `10:55: spec.triggers[0].http.chain: the chain and the links form a cycle: auth → cart → auth`},
		{"cycle through another one", component("links: {\"a:b/c\": price}") + "  - {name: price, source: {file: price.wasm}, links: {\"a:b/d\": log}}\n  - {name: log, source: {file: price.wasm}}\n  triggers: [{http: {path: /, component: cart, chain: [log, log]}}]\n", `11:55: spec.triggers[0].http.chain: the chain and the links form a cycle: log → log → cart → price → log`},
		{"service of nobody", one + "  services: [{component: aa}]\n", `7:26: spec.services[0].component: there is no component named "aa"; did you mean "a"?`},
		{"service twice", one + "  services: [{component: a}, {component: a}]\n", `7:42: spec.services[1].component: a second service of component a; a component is one service at most`},
		{"service with another word", one + "  services: [{component: a, restart: allways}]\n", `7:38: spec.services[0].restart: "allways": want on-failure, always or never; did you mean "always"?`},
		{"service with too few restarts", one + "  services: [{component: a, maxRestarts: -1}]\n", `7:42: spec.services[0].maxRestarts: -1: want at least 0`},
		{"service with restarts that it has not", one + "  services: [{component: a, restart: never, maxRestarts: 1}]\n", `7:58: spec.services[0].maxRestarts: there are no restarts with restart: never; take one of the two away`},
		{"service with a bad backoff", one + "  services: [{component: a, backoff: 2s, maxBackoff: 1s}]\n", `7:54: spec.services[0].maxBackoff: it is shorter than backoff; want at least as long`},
		{"service with instances", component("instances: {isolation: fresh, max: 2}") + "  services: [{component: cart}]\n",
			`8:28: spec.components[0].instances.isolation: cart is a service, which has one instance as long as it runs; take the key away
8:40: spec.components[0].instances.max: cart is a service, which has one instance as long as it runs; take the key away`},
		{"service with a link to it", component("links: {\"a:b/c\": price}") + "  - {name: price, source: {file: price.wasm}}\n  services: [{component: price}]\n",
			`8:22: spec.components[0].links."a:b/c": price is a service, and who is linked to it would have an instance of its own; reach it at 127.0.0.1 or by http://price.internal, or take it out of the services`},
		{"service in a chain", one + "  - {name: auth, source: {file: price.wasm}}\n  triggers: [{http: {path: /, component: a, chain: [auth]}}]\n  services: [{component: auth}]\n",
			`8:53: spec.triggers[0].http.chain[0]: auth is a service, and a chain would have an instance of it of its own; take it out of the chain, or out of the services`},
		{"service behind a chain", one + "  - {name: auth, source: {file: price.wasm}}\n  triggers: [{http: {path: /, component: a, chain: [auth]}}]\n  services: [{component: a}]\n",
			`8:52: spec.triggers[0].http.chain: a is a service, and a chain would have an instance of it of its own; take the chain away, or the service`},
		{"trigger of a later version", one + "  triggers: [{bell: {component: a}}]\n", `7:21: spec.triggers[0].bell: bells are not supported by this version yet; want http, timer, messaging, redis or mqtt`},
		{"timer of nobody", one + "  triggers: [{timer: {every: 30s, component: b1}}]\n", `7:46: spec.triggers[0].timer.component: there is no component named "b1"`},
		{"timer without times", one + "  triggers: [{timer: {component: a}}]\n", `7:22: spec.triggers[0].timer: want every or cron, had neither`},
		{"timer with a wrong cron", one + "  triggers: [{timer: {component: a, cron: \"0 25 * * *\"}}]\n", `7:43: spec.triggers[0].timer.cron: field 2 of "0 25 * * *", the hour: end of range (25) above maximum (23): "25"`},
		{"timer with a wrong zone", one + "  triggers: [{timer: {component: a, cron: \"0 2 * * *\", zone: Europe/Berlim}}]\n", `7:62: spec.triggers[0].timer.zone: "Europe/Berlim": want the name of a time zone, such as Europe/Berlin or UTC`},
		{"timer with a long queue", one + "  triggers: [{timer: {component: a, every: 1s, queue: 1001}}]\n", `7:55: spec.triggers[0].timer.queue: 1001: want at most 1000`},
		{"five at once", `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
  components:
    - name: cart
      source: {file: carts.wasm}
      links: {"shop:price/price": pricing}
      grants: {http: ["ftp://x"]}
      limits: {memory: lots}
      enviroment: {A: b}
`, `7:22: spec.components[0].source.file: carts.wasm: the file does not exist; did you mean "cart.wasm"?
8:35: spec.components[0].links."shop:price/price": there is no component named "pricing"
9:23: spec.components[0].grants.http[0]: "ftp://x": the scheme is none of http, https and h2c; want a destination such as https://api.example.com, http://127.0.0.1:9000 or *
10:24: spec.components[0].limits.memory: "lots": want a size such as 64Mi, 64MiB, 500k or 67108864
11:7: spec.components[0].enviroment: unknown key; want name, source, verify, build, links, environment, args, config, grants, limits, instances, features or telemetry; did you mean "environment"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, "vitrine.yaml")
			_, err := testFormat.Parse(file, []byte(c.text))
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("got %v, want Errors", err)
			}
			if got := strings.ReplaceAll(es.Error(), file+":", ""); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestErrorsHoldNoSecrets: no error about a manifest quotes a value that may be a secret, or control characters.
func TestErrorsHoldNoSecrets(t *testing.T) {
	dir := folder(t)
	head := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop%s}\nspec:\n  components:\n  - name: cart\n    source: {file: cart.wasm}\n    %s\n"
	for name, c := range map[string]struct{ meta, keys string }{
		"a number":               {keys: "environment: {PIN: 83461297}"},
		"a fraction":             {keys: "environment: {PIN: 83461297.5}"},
		"a text for the mapping": {keys: "environment: PASSWORD=83461297"},
		"a number for it":        {keys: "config: 83461297"},
		"a block for it":         {keys: "environment: |\n      PASSWORD=83461297"},
		"a list for it":          {keys: "environment: [PASSWORD=83461297]"},
		"no space behind":        {keys: "environment: {PASSWORD=83461297}"},
		"a name with a value":    {keys: `environment: {"PASSWORD=83461297": x}`},
		"a list in it":           {keys: "environment: {PASSWORD: [83461297]}"},
		"a mapping in it":        {keys: "config: {db: {password: 83461297}}"},
		"an alias":               {keys: "environment: {PASSWORD: *83461297}"},
		"an argument":            {keys: "args: [--pin, 83461297]"},
		"arguments":              {keys: "args: --pin=83461297"},
		"an annotation":          {meta: ", annotations: {pin: 83461297}"},
		"a label":                {meta: ", labels: 83461297"},
		"a login in a grant":     {keys: `grants: {http: ["https://bob:83461297@h/x"]}`},
		"a query in a grant":     {keys: `grants: {http: ["https://h/?key=83461297"]}`},
		"a login in an address":  {keys: `grants: {sockets: {connect: ["bob:83461297@h:1"]}}`},
		"in the wrong place":     {keys: `instances: "PIN=83461297"`},
		"deep in it":             {keys: "environment: {A: !!int 83461297}"},
		"twice":                  {keys: `environment: {"A=83461297": a, "A=83461297": a}`},
		"binary":                 {keys: "environment: {A: !!binary 83461297}"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "vitrine.yaml")
			_, err := testFormat.Parse(file, []byte(fmt.Sprintf(head, c.meta, c.keys)))
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("got %v, want Errors", err)
			}
			if strings.Contains(err.Error(), "83461297") {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
	for _, hostile := range []string{"\u009b2J", "\u202e", "\u2028", "\x1b[2J"} {
		text := strings.Replace(fmt.Sprintf(head, "", "links: {"+strconv.Quote(hostile)+": "+strconv.Quote(hostile)+"}"), "name: shop", "name: "+strconv.Quote(hostile), 1)
		_, err := testFormat.Parse(filepath.Join(dir, hostile+".yaml"), []byte(text))
		if err == nil || strings.Contains(err.Error(), hostile) {
			t.Errorf("%q: %v", hostile, err)
		}
	}
}

// TestBoundedErrors: a small file that expands to a large one, and a file full of mistakes, are refused with a short error.
func TestBoundedErrors(t *testing.T) {
	dir := folder(t)
	var bomb, junk strings.Builder
	bomb.WriteString("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: x}\nspec:\n  components:\n")
	bomb.WriteString("  - {name: c, source: {file: cart.wasm}, args: &many [" + strings.Repeat("x,", 1000) + "]}\n")
	for i := range 200 {
		fmt.Fprintf(&bomb, "  - {name: c%d, source: {file: cart.wasm}, args: *many}\n", i)
	}
	for i := range 5000 {
		fmt.Fprintf(&junk, "key%d: 1\n", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"bomb": {bomb.String(), "the manifest is too large"},
		"junk": {junk.String(), "too many mistakes"},
	} {
		_, err := testFormat.Parse(filepath.Join(dir, "vitrine.yaml"), []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 50_000 {
			t.Errorf("%s: got %.300v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(fullManifest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "price.wasm"), filepath.Join(dir, "Price_1")); err != nil {
		t.Fatal(err)
	}
	if _, err := testFormat.Load(dir); err == nil || !strings.Contains(err.Error(), "price.wasm: the file does not exist") {
		t.Errorf("folder: %v", err)
	}
	for _, name := range []string{"cart.wasm", "Price_1"} {
		w, err := testFormat.Load(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := w.Name, string(bareName(name)); got != want || len(w.Components) != 1 || w.Components[0].Source.File != filepath.Join(dir, name) || !reflect.DeepEqual(w.Triggers, []workload.TriggerSpec{{Type: "http", Component: w.Name, Config: http.Route{Path: "/"}}}) {
			t.Errorf("%s: got %+v", name, w)
		}
	}
	if _, err := testFormat.Load(filepath.Join(dir, "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder without manifest: %v", err)
	}
	if _, err := testFormat.Load(filepath.Join(dir, "nope.wasm")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestBareName(t *testing.T) {
	for in, want := range map[string]v1alpha1.Name{
		"x/Rust_Price.component.wasm": "rust-price", "a.wasm": "a", "...": "component", strings.Repeat("ä", 80): "component", strings.Repeat("x", 80): v1alpha1.Name(strings.Repeat("x", 63)),
	} {
		if got := bareName(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestWrite: a written document reads back as the same, and begins with the schema's address.
func TestWrite(t *testing.T) {
	dir := folder(t)
	var m v1alpha1.Workload
	if d := testFormat.decode("x", []byte(fullManifest), &m); len(d.errs) > 0 {
		t.Fatal(d.errs)
	}
	for name, m := range map[string]*v1alpha1.Workload{"full": &m, "bare": testFormat.Bare("cart.wasm"), "of": FromSpec(testFormat.spec(&m, dir))} {
		text, err := Write(m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema="+SchemaURL+"\n") {
			t.Errorf("%s: begins with %.80s", name, text)
		}
		again, err := testFormat.Parse(filepath.Join(dir, "vitrine.yaml"), text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if want := testFormat.spec(m, dir); !reflect.DeepEqual(again, want) {
			t.Errorf("%s: got %+v, want %+v from\n%s", name, again, want, text)
		}
	}
}

// fillAll sets every field of a manifest.
func fillAll(v reflect.Value, tag reflect.StructTag, n *int) {
	*n++
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(v.Elem(), tag, n)
		return
	}
	switch x := v.Addr().Interface().(type) {
	case *v1alpha1.Trigger:
		kind := testFormat.Triggers[*n%len(testFormat.typeNames(false))] // the reserved one is the last
		whole := reflect.New(triggerStruct(&kind)).Elem()
		fillAll(whole, "", n)
		x.Type = kind.Name
		to, config := splitTrigger(&kind, whole)
		x.Component, x.Chain, x.Config = to.Component, to.Chain, configMap(config)
		return
	case *v1alpha1.Name:
		*x = v1alpha1.Name(fmt.Sprintf("name-%d", *n))
		return
	case *v1alpha1.HTTPGrant:
		*x = v1alpha1.HTTPGrant(fmt.Sprintf("http://h%d:81", *n))
		return
	case *v1alpha1.SocketGrant:
		*x = v1alpha1.SocketGrant(fmt.Sprintf("127.0.0.1:%d", *n))
		return
	case *v1alpha1.EnvName:
		*x = v1alpha1.EnvName(fmt.Sprintf("NAME_%d", *n))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			fillAll(v.Field(f.index), f.tag, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillAll(v.Index(i), elementTag(tag), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			e := reflect.New(v.Type().Elem()).Elem()
			fillAll(e, "", n)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("key-%d", *n)), e)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
		if tag.Get("enum") != "" {
			values := supportedValues(tag)
			v.SetString(values[len(values)-1])
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
		if most, err := strconv.ParseInt(tag.Get("max"), 10, 64); err == nil {
			v.SetInt(min(int64(*n), most))
		}
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	default:
		panic(v.Type())
	}
}

// TestWriteKeepsAllFields: every field of a manifest survives the way over the workload's specification, and over text.
func TestWriteKeepsAllFields(t *testing.T) {
	var m v1alpha1.Workload
	n := 0
	fillAll(reflect.ValueOf(&m).Elem(), "", &n)
	if again := FromSpec(testFormat.spec(&m, "")); !reflect.DeepEqual(again, &m) {
		had, _ := Write(again)
		want, _ := Write(&m)
		t.Errorf("over the specification it is\n%s\nwanted\n%s", had, want)
	}
	text, err := Write(&m)
	if err != nil {
		t.Fatal(err)
	}
	var read v1alpha1.Workload
	if d := testFormat.decode("x", text, &read); len(d.errs) > 0 {
		t.Fatal(d.errs)
	}
	if !reflect.DeepEqual(&read, &m) {
		t.Errorf("read back it is %+v\nwanted %+v", read, m)
	}
}

// TestSchemaOmitsUnsupported: the schema has no keys and values that this version refuses as not supported yet.
func TestSchemaOmitsUnsupported(t *testing.T) {
	schema, err := testFormat.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, reserved := range []string{`"replay"`, `"bell"`} {
		if bytes.Contains(schema, []byte(reserved)) {
			t.Errorf("the schema offers %s", reserved)
		}
	}
}
