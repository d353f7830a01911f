package install

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestBaseIsFresh: the base of kustomize is the chart with its own values.
func TestBaseIsFresh(t *testing.T) {
	want, err := Render("../../chart", Namespace, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../../config/base/operator.yaml"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("config/base/operator.yaml is stale, %v: go generate ./...", err)
	}
}

// TestValues: each value of the chart arrives, and each object reads.
func TestValues(t *testing.T) {
	text, err := Render("../../chart", "elsewhere", map[string]any{"operatorImage": "o:1", "image": "v:2", "replicas": 2, "monitoringNamespace": "m", "otlpEndpoint": "http://c:4318", "hosts": 3, "hostImage": "h:3", "hostMemory": "4Gi", "hostLabels": "disk=ssd"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"image: o:1", "--image=v:2", "replicas: 2", "--monitoring-namespace=m", `value: "http://c:4318"`, "namespace: elsewhere", "replicas: 3", "image: h:3", "memory: 4Gi}", "--labels=disk=ssd", "--hosts-namespace=elsewhere"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, one := range strings.Split(string(text), "\n---\n") {
		var o struct{ Kind string }
		if err := yaml.UnmarshalStrict([]byte(one), &map[string]any{}); err != nil {
			t.Errorf("%v in\n%s", err, one)
		}
		if err := yaml.Unmarshal([]byte(one), &o); err != nil || o.Kind == "" {
			t.Errorf("%v: no kind in\n%s", err, one)
		}
	}
	if _, err := Render("../../chart", "a", map[string]any{"imge": "x"}); err == nil {
		t.Error("a value that there is not is accepted")
	}
}
