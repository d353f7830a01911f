// Package install renders the templates of the Helm chart, which use of Helm's language what text/template has, and so makes the base of
// kustomize of the chart: one source for both.
package install

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"sigs.k8s.io/yaml"
)

// Namespace is that of the base, which an overlay may change.
const Namespace = "vitrine-system"

// Render renders the template of the chart in a folder, with its own values and, above those, the given ones.
func Render(chart, namespace string, values map[string]any) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := yaml.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	for k, v := range values {
		if _, known := all[k]; !known {
			return nil, fmt.Errorf("values.yaml has no %s", k)
		}
		all[k] = v
	}
	source, err := os.ReadFile(filepath.Join(chart, "templates", "operator.yaml"))
	if err != nil {
		return nil, err
	}
	t, err := template.New("operator.yaml").Option("missingkey=error").Parse(string(source))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("# Made by `go generate ./...` from the chart; do not edit.\n")
	if err := t.Execute(&out, map[string]any{"Values": all, "Release": map[string]any{"Namespace": namespace}}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
