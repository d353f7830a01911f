package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestHelm: Helm itself takes the chart, makes of it what the base of kustomize has, and the API server takes that, also with all values set.
func TestHelm(t *testing.T) {
	c := start(t)
	helm := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(c.bin, "helm"), args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.dir, "kubeconfig"), "HOME="+c.dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	helm("lint", "--strict", "../chart")
	base, err := os.ReadFile("../config/base/operator.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made := helm("template", "vitrine-operator", "../chart", "-n", "vitrine-system")
	if got, want := objects(t, made), objects(t, string(base)); !reflect.DeepEqual(got, want) {
		t.Errorf("helm makes\n%v\nand kustomize has\n%v", got, want)
	}
	values := []string{"operatorImage=r.example.com/vitrine-operator:1", "image=r.example.com/vitrine:1", "replicas=2", "otlpEndpoint=http://collector.monitoring:4318"}
	args := []string{"template", "vitrine-operator", "../chart", "-n", "vitrine-system", "--include-crds"}
	for _, v := range values {
		args = append(args, "--set", v)
	}
	if out, err := c.kubectl(helm(args...), "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// objects are the objects of a stream of YAML, by kind, namespace and name.
func objects(t *testing.T, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for one := range strings.SplitSeq("\n"+text, "\n---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		var all map[string]any
		if err := yaml.Unmarshal([]byte(one), &o); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(one), &all); err != nil {
			t.Fatal(err)
		}
		if o.Kind != "" {
			out[o.Kind+" "+o.Metadata.Namespace+"/"+o.Metadata.Name] = all
		}
	}
	return out
}
