package crd

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestDefinitionIsFresh: the definition that is installed is what the document's schema is now.
func TestDefinitionIsFresh(t *testing.T) {
	schema, err := os.ReadFile("../../../app/vitrine.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Make(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../config/base/workloads.yaml", "../../chart/crds/workloads.yaml"} {
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale, %v: go generate ./...", file, err)
		}
	}
}

// TestHostsAreFresh: so are those of hosts and assignments.
func TestHostsAreFresh(t *testing.T) {
	want, err := MakeHosts()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../config/base/hosts.yaml", "../../chart/crds/hosts.yaml"} {
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale, %v: go generate ./...", file, err)
		}
	}
}

// TestBadSchema: what the API server has no words for is an error, not a definition with a hole.
func TestBadSchema(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"no JSON":   {`{`, "schema of the document"},
		"no spec":   {`{"properties":{}}`, "no metadata and spec"},
		"no type":   {`{"properties":{"metadata":{},"spec":{"type":"object","properties":{"a":{}}}}}`, "spec.a"},
		"a choice":  {`{"properties":{"metadata":{},"spec":{"type":"object","properties":{"a":{"oneOf":[{"type":"boolean"},{"type":"string"}]}}}}}`, "spec.a"},
		"not whole": {`{"properties":{"metadata":{},"spec":{"type":"object","properties":{}}}}`, "components"},
	} {
		if _, err := Make([]byte(c.schema)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
