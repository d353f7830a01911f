package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// TestSameFile: every workload file of the repository that `vitrine up` serves is what `kubectl apply` takes, with strict validation.
func TestSameFile(t *testing.T) {
	c := start(t)
	c.namespace(t, "examples")
	n := 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == "target" || d.Name() == ".git" || d.Name() == "operator" || d.Name() == "templates") {
			if d != nil && d.IsDir() && err == nil {
				return filepath.SkipDir
			}
			return err
		}
		if d.Name() != "vitrine.yaml" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(text), "__NAME__") { // a template
			return err
		}
		n++
		if out, err := c.kubectl(string(text), "apply", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 5 {
		t.Errorf("%d files", n)
	}
}

// dryRun has the API server say whether it would take a document, as kubectl apply asks it to, and returns its answer.
func (c *cluster) dryRun(namespace, text string) (string, error) {
	client, err := rest.HTTPClientFor(c.config("admin"))
	if err != nil {
		return "", err
	}
	resp, err := client.Post(c.server+"/apis/vitrine.dev/v1alpha1/namespaces/"+namespace+"/workloads?dryRun=All&fieldValidation=Strict", "application/yaml", strings.NewReader(text))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		var s metav1.Status
		if err := json.Unmarshal(body, &s); err != nil {
			return "", err
		}
		return s.Message, errors.New(resp.Status)
	}
	return string(body), err
}

// head is a workload of one component, to which lines of spec can be added.
const head = `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
`

const one = head + `  components: [{name: cart, source: {image: "registry.example.com/cart:1"}}]
`

// component is a workload of one component with further keys.
func component(keys string) string {
	return head + `  components: [{name: cart, source: {image: "registry.example.com/cart:1"}, ` + keys + `}]
`
}

// TestWhatIsAccepted: what a host accepts in a document.
func TestWhatIsAccepted(t *testing.T) {
	c := start(t)
	c.namespace(t, "accepted")
	for name, text := range map[string]string{
		"least":             one,
		"null":              strings.Replace(one, "metadata: {name: shop}", "metadata: {name: shop, namespace: , labels: }", 1) + "  triggers:\n  services:\n  placement:\n  rollout:\n",
		"null in component": component("config: , links: , grants: , limits: {memory: , deadline: }, instances: {isolation: }"),
		"numbers":           component("limits: {memory: 1048576, fuel: 1000, deadline: 1m30s, tables: 5}"),
		"texts":             component("limits: {memory: 64Mi, fuel: 20k}"),
		"grants":            component(`grants: {http: ["*", "https://api.example.com", "h2c://a:50051", "http://[::1]:9", "https://*.example.com"], sockets: {connect: ["10.0.0.1:5432", "*:53"], listen: ["[::]:1"]}}`),
		"a short backend":   component(`grants: {keyvalue: {default: {redis: "redis://cache:6379"}}}`),
		"a long backend":    component(`grants: {keyvalue: {default: {redis: {url: "redis://cache:6379", password: {env: PASSWORD}}, data: keep}}}`),
		"secrets":           component(`grants: {secrets: {a: {env: A}, b: {file: b.key}}}`),
		"triggers":          one + "  triggers: [{http: {path: /, component: cart}}, {timer: {every: 30s, component: cart}}, {http: {path: /files, static: ./public}}]\n",
		"cluster":           one + "  replicas: 3\n  placement: pods\n  rollout: {maxSurge: 2, maxUnavailable: 0, deadline: 5m}\n",
		"hosts":             one + "  placement: hosts\n",
		"many":              head + "  components:\n" + manyComponents(64),
	} {
		if out, err := c.dryRun("accepted", text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func manyComponents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  - {name: c" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ", source: {image: a.example.com/b}, links: {\"a:b/c\": caa}}\n")
	}
	return strings.Replace(b.String(), ", links: {\"a:b/c\": caa}", "", 1)
}

// TestWhatIsRefused: each mistake by the API server itself, by the name of its field.
func TestWhatIsRefused(t *testing.T) {
	c := start(t)
	c.namespace(t, "refused")
	for name, b := range map[string]struct{ text, want string }{
		"no component":      {head + "  components: []\n", "spec.components"},
		"unknown key":       {component("memory: 64Mi"), "memory"},
		"unknown deep":      {component("limits: {memroy: 64Mi}"), "spec.components[0].limits.memroy"},
		"version":           {strings.Replace(one, "{name: shop}", "{name: shop, version: 1.0.0}", 1), "metadata.version"},
		"name":              {strings.Replace(one, "{name: shop}", "{name: shop.a}", 1), "metadata.name"},
		"component's name":  {strings.Replace(one, "name: cart", "name: Cart", 1), "spec.components[0].name"},
		"twice":             {head + "  components: [{name: a, source: {file: a}}, {name: a, source: {file: a}}]\n", "spec.components[1]"},
		"no source":         {head + "  components: [{name: a}]\n", "spec.components[0].source"},
		"two sources":       {head + "  components: [{name: a, source: {file: a, image: b}}]\n", "spec.components[0].source: Invalid value"},
		"empty source":      {head + "  components: [{name: a, source: {}}]\n", "want one of file, image"},
		"link to nowhere":   {component(`links: {"a:b/c": price}`), "components[].links: one leads to"},
		"link to itself":    {component(`links: {"a:b/c": cart}`), "components[].links: one leads to"},
		"link's name":       {component(`links: {abc: cart}`), "spec.components[0].links"},
		"verify of a file":  {head + "  components: [{name: a, source: {file: a}, verify: {key: k.pub}}]\n", "spec.components[0].verify"},
		"grant of http":     {component("grants: {http: [api.example.com]}"), "spec.components[0].grants.http[0]"},
		"port":              {component(`grants: {http: ["http://a:65536"]}`), "spec.components[0].grants.http[0]"},
		"path":              {component(`grants: {http: ["https://a/b"]}`), "spec.components[0].grants.http[0]"},
		"grant of sockets":  {component(`grants: {sockets: {connect: ["a"]}}`), "spec.components[0].grants.sockets.connect[0]"},
		"listen":            {component(`grants: {sockets: {listen: ["127.0.0.1:99999"]}}`), "spec.components[0].grants.sockets.listen[0]"},
		"two places":        {component(`grants: {secrets: {a: {env: A, file: b}}}`), "spec.components[0].grants.secrets"},
		"secret's variable": {component(`grants: {secrets: {a: {env: "not a name"}}}`), "spec.components[0].grants.secrets.a.env"},
		"memory":            {component("limits: {memory: lots}"), "spec.components[0].limits.memory"},
		"no memory":         {component("limits: {memory: 0}"), "spec.components[0].limits.memory"},
		"deadline":          {component("limits: {deadline: 30}"), "spec.components[0].limits.deadline"},
		"isolation":         {component("instances: {isolation: none}"), "spec.components[0].instances.isolation"},
		"backend":           {component("grants: {keyvalue: {default: {memcached: x}}}"), "spec.components[0].grants.keyvalue.default.memcached"},
		"trigger's target":  {one + "  triggers: [{http: {path: /, component: price}}]\n", "triggers[].http.component"},
		"timer's target":    {one + "  triggers: [{timer: {every: 1s, component: price}}]\n", "triggers[].timer.component"},
		"chain":             {one + "  triggers: [{http: {path: /, component: cart, chain: [auth]}}]\n", "triggers[].http.chain"},
		"trigger's type":    {one + "  triggers: [{ftp: {component: cart}}]\n", "spec.triggers[0]"},
		"two types":         {one + "  triggers: [{http: {path: /, component: cart}, timer: {every: 1s, component: cart}}]\n", "spec.triggers[0]"},
		"service":           {one + "  services: [{component: price}]\n", "services[].component"},
		"placement":         {one + "  placement: nowhere\n", `spec.placement: Invalid value: "nowhere"`},
		"replicas":          {one + "  replicas: -1\n", "spec.replicas"},
		"rollout":           {one + "  rollout: {maxSurge: 0, maxUnavailable: 0}\n", "spec.rollout"},
		"type":              {one + "  replicas: many\n", "spec.replicas"},
	} {
		out, err := c.dryRun("refused", b.text)
		if err == nil || !strings.Contains(out, b.want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, b.want, out)
		}
	}
}
