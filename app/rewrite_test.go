package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/workload"
)

// commented has a comment at every position, and lines laid out in several ways.
const commented = `# yaml-language-server: $schema=x
# head of file

# second head
apiVersion: vitrine.dev/v1alpha1   # the version
kind: Workload

# above metadata
metadata:
    name: shop   # name's
    # foot of metadata

spec:
    # above components

    components:
    # the cart
    - name: cart
      source: {file: cart.wasm}   # src

      environment:
          # log
          LOG: "debug"  # line
          # after log

      grants:
          http:
          # partners
          - "https://a.example"   # a
          # internal
          - 'https://b.example'   # b
          # end of list

      limits:
          # memory!
          memory: 64Mi   # mm
          deadline: 30s
          # last limit

    # the price
    - name: price
      source:
          file: price.wasm
      # after price

    triggers:
    - http: {path: /, component: cart}  # trig
    # end of triggers

# very end
`

// anchored uses anchors in several places, of which not all are to change, and flow style with comments.
const anchored = `%YAML 1.1
---
# head
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop, labels: &env {A: "1"}}
spec:
  components:
    - name: cart
      source: {file: cart.wasm}
      environment: *env # shared
      grants: {
        # net
        http: [
          "https://a.example", # a
          # b is
          "https://b.example", # b
        ],
        # other
        sockets: {connect: ["127.0.0.1:5432"]}, # s
      }
      limits: &lim
        # mem
        memory: 64Mi
    - name: price
      source: {file: price.wasm}
      limits: *lim
      config: *env
      environment:
        # nothing yet
        {}
      args: [ a,   b ]
  triggers: [{http: {path: /, component: cart}}]
...
# after the end
`

const asJSON = `{
    "apiVersion": "vitrine.dev/v1alpha1", "kind": "Workload",
    "metadata": {"name": "shop"},

    "spec": {
        "components": [
            {"name": "cart", "source": {"file": "cart.wasm"}, "environment": {"A": "1", "B": "<é>"}},
            {"name": "price", "source": {"file": "price.wasm"}, "limits": {"memory": 1048576}}
        ],
        "triggers": [{"http": {"path": "/", "component": "cart"}}]
    }
}
`

// manifests are the texts to rewrite.
func manifests() map[string]string {
	crlf := strings.ReplaceAll(commented, "\n", "\r\n")
	return map[string]string{
		"comments": commented, "CRLF": crlf, "no newline at the end": strings.TrimSuffix(commented, "\n# very end\n"), "byte order mark": "\ufeff" + commented,
		"CRLF, no newline at the end": strings.TrimRight(crlf, "\r\n"), "anchors and flow": anchored, "JSON": asJSON, "full": fullManifest,
		"JSON in a line": strings.Join(strings.Fields(asJSON), " "),
	}
}

// changes are changes as flags make them.
var changes = func() map[string]func(*workload.Component) {
	m := map[string]func(c *workload.Component){
		"nothing":            func(*workload.Component) {},
		"a scalar":           func(c *workload.Component) { c.Limits.Memory = 16 << 20 },
		"a scalar is added":  func(c *workload.Component) { c.Limits.Tables = 7 },
		"a mapping is added": func(c *workload.Component) { c.Detail = "all" },
		"a key is added": func(c *workload.Component) {
			env := map[string]string{"NEW": "x: y # z", "FIRST": "1"}
			for k, v := range c.Environment {
				env[k] = v
			}
			c.Environment = env
		},
		"keys go":         func(c *workload.Component) { c.Environment, c.Limits, c.Config = nil, workload.Limits{}, nil },
		"a list is other": func(c *workload.Component) { c.Grants.HTTP = []string{"https://b.example", "https://c.example"} },
		"a list goes":     func(c *workload.Component) { c.Grants.HTTP = nil },
		"folders": func(c *workload.Component) {
			c.Grants.Files = []workload.FileGrant{{Host: "testdata", Guest: "/w", ReadOnly: true}, {Host: "/", Guest: "/root"}}
		},
	}
	m["all"] = func(c *workload.Component) {
		for _, name := range []string{"a scalar", "a key is added", "a list is other", "folders", "a mapping is added"} {
			m[name](c)
		}
		c.Instances = workload.Instances{Isolation: "snapshot", Max: 3, Ready: new(int)}
	}
	return m
}()

var comment = regexp.MustCompile(`(?m)(?:^|\s)(#.*?)\r?$`)

// removedComments are the comments of the parts that a change removes.
var removedComments = map[string][]string{
	"keys go":         {"# log", "# line", "# memory!", "# mm", "# last limit", "# after log", "# shared", "# mem", "# nothing yet"},
	"a list is other": {"# partners", "# a"},
	"all":             {"# partners", "# a"},
	"a list goes":     {"# partners", "# a", "# internal", "# b is", "# b", "# end of list", "# net"},
}

// TestRewriteKeeps: a rewritten manifest has the change, every comment, its line endings, and without a change its bytes.
func TestRewriteKeeps(t *testing.T) {
	for name, text := range manifests() {
		for what, change := range changes {
			t.Run(name+"/"+what, func(t *testing.T) {
				file := filepath.Join(folder(t), "vitrine.yaml")
				out, want := rewritten(t, file, []byte(text), change)
				got, err := testFormat.Parse(file, out)
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				for _, w := range []*workload.Spec{got, want} {
					absolute(t, w)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("it says %+v\nwanted  %+v\n%s", got, want, out)
				}
				if what == "nothing" && string(out) != text {
					t.Errorf("nothing was to change:\n%s", out)
				}
				if strings.Contains(text, "\r\n") && bytes.Count(out, []byte("\r\n")) != bytes.Count(out, []byte("\n")) {
					t.Errorf("line endings are mixed: %q", out)
				}
				if json.Valid([]byte(text)) != json.Valid(out) {
					t.Errorf("JSON has become YAML, or the other way round:\n%s", out)
				}
				for _, c := range comment.FindAllStringSubmatch(text, -1) {
					if !strings.Contains(string(out), c[1]) && !strings.Contains(strings.Join(removedComments[what], "\n")+"\n", c[1]+"\n") {
						t.Errorf("the comment %q is lost:\n%s", c[1], out)
					}
				}
			})
		}
	}
}

// rewritten returns a manifest after a change to all components, and the changed workload.
func rewritten(t *testing.T, file string, text []byte, change func(*workload.Component)) ([]byte, *workload.Spec) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var want *workload.Spec
	out, err := testFormat.Rewrite(file, func(w *workload.Spec) error {
		for i := range w.Components {
			change(&w.Components[i])
		}
		want = w
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, want
}

// absolute makes a workload's paths and empty parts comparable.
func absolute(t *testing.T, w *workload.Spec) {
	t.Helper()
	for i := range w.Components {
		for j := range w.Components[i].Grants.Files {
			f := &w.Components[i].Grants.Files[j]
			var err error
			if f.Host, err = filepath.Abs(f.Host); err != nil {
				t.Fatal(err)
			}
		}
	}
	dropEmpty(reflect.ValueOf(w).Elem())
}

// TestRewriteChangesLittle: lines that a change does not concern stay as they are.
func TestRewriteChangesLittle(t *testing.T) {
	file := filepath.Join(folder(t), "vitrine.yaml")
	out, _ := rewritten(t, file, []byte(commented), func(c *workload.Component) {
		if c.Name == "cart" {
			changes["all"](c)
		}
	})
	host, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Rel(filepath.Dir(file), host)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"LOG: \"debug\"  # line\n", "LOG: \"debug\"  # line\n          NEW: 'x: y # z'\n          FIRST: \"1\"\n",
		"          # partners\n          - \"https://a.example\"   # a\n", "",
		"'https://b.example'   # b\n", "'https://b.example'   # b\n          - https://c.example\n",
		"          # end of list\n", "          # end of list\n          files:\n              - host: "+filepath.ToSlash(folder)+
			"\n                guest: /w\n                access: read\n              - host: /\n                guest: /root\n                access: write\n",
		"memory: 64Mi   # mm", "memory: 16Mi # mm",
		"          # last limit\n", "          # last limit\n      instances:\n        isolation: snapshot\n        max: 3\n        ready: 0\n      telemetry:\n        detail: all\n",
	).Replace(commented)
	if string(out) != want {
		t.Errorf("got\n%s\nwanted\n%s", out, want)
	}
}
