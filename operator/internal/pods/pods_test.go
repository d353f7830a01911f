package pods

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/operator/api"
)

var update = flag.Bool("update", false, "write the goldens")

// read reads a workload as the API server hands it out.
func read(t *testing.T, text string) *api.Workload {
	t.Helper()
	var w api.Workload
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	w.Namespace, w.UID = "demo", "uid-1"
	return &w
}

// TestPlan: what runs a workload that uses all that pods have.
func TestPlan(t *testing.T) {
	for _, name := range []string{"least", "full"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := Plan(read(t, string(text)), Config{Image: "vitrine:1", Monitoring: "monitoring",
			Environment: Telemetry([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.monitoring:4318", "OTEL_EXPORTER_OTLP_HEADERS=authorization=secret", "PATH=/bin"})})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, part := range []any{o.Document, o.Deployment, o.Service, o.Policy, o.Warnings} {
			text, err := yaml.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString("---\n" + string(text))
		}
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got.String() != string(want) {
			t.Errorf("%s: %v, got\n%s", name, err, got.String())
		}
		if strings.Contains(got.String(), "authorization") {
			t.Errorf("%s: a header, which may be a secret, is in a pod", name)
		}
	}
}

const head = `
apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: shop}
spec:
`

// TestRefused: what a pod has not is refused, with its key and what to do.
func TestRefused(t *testing.T) {
	component := func(keys string) string {
		return head + `  components: [{name: a, source: {image: "registry.example.com/a:1"}, ` + keys + `}]`
	}
	for name, c := range map[string]struct {
		text, reason string
		says         []string
	}{
		"file":                     {head + `  components: [{name: a, source: {file: a.wasm}}]`, "LocalFile", []string{"spec.components[0].source.file: a.wasm", "vitrine push", "image:"}},
		"folder":                   {component(`grants: {files: [{host: ./data, guest: /data}]}`), "HostFolder", []string{"spec.components[0].grants.files[0].host"}},
		"sqlite":                   {component(`grants: {keyvalue: {default: {sqlite: data.db}}}`), "LocalData", []string{`spec.components[0].grants.keyvalue."default".sqlite`}},
		"credentials":              {component(`grants: {keyvalue: {default: {nats: {url: "nats://a", credentials: a.creds}}}}`), "LocalFile", []string{"credentials"}},
		"static":                   {component("links: {}") + "\n  triggers: [{http: {path: /, static: ./public}}]", "LocalFile", []string{"spec.triggers[0].http.static"}},
		"tls":                      {component("links: {}") + "\n  triggers: [{http: {path: /, component: a, tls: {cert: a, key: b}}}]", "LocalFile", []string{"Ingress"}},
		"variable":                 {component("grants: {secrets: {a: {env: VITRINE_LISTEN}}}"), "ReservedName", []string{`spec.components[0].grants.secrets."a".env`}},
		"variable of Go":           {component("grants: {secrets: {a: {env: GODEBUG}}}"), "ReservedName", []string{"GODEBUG"}},
		"a variable's equals sign": {component(`grants: {secrets: {a: {env: "A=B"}}}`), "DocumentRefused", nil},
		"a variable's dots":        {component("grants: {keyvalue: {d: {redis: {url: \"redis://a\", password: {env: ..a}}}}}"), "BadVariableName", []string{"password.env"}},
		"file of two dots":         {component("grants: {secrets: {a: {file: ..a}}}"), "BadFileName", []string{`grants.secrets."a".file`}},
		"authorities":              {component(`grants: {blobstore: {b: {s3: {endpoint: "https://a", bucket: abc, ca: ca.pem}}}}`), "LocalFile", []string{"s3.ca"}},
		"the Secret's name":        {strings.Replace(component("links: {}"), "metadata: {", `metadata: {annotations: {vitrine.dev/secret: "a/b"}, `, 1), "BadName", []string{"vitrine.dev/secret"}},
		"a digit in front":         {strings.Replace(component("links: {}"), "name: ", "name: 1", 1) + "\n  triggers: [{http: {path: /, component: a}}]", "BadName", []string{"metadata.name"}},
		"too large":                {component("config: {a: \"" + strings.Repeat("x", 1<<20) + "\"}"), "DocumentTooLarge", []string{"spec", "1047552"}},
		"file's name":              {component(`grants: {secrets: {a: {file: "a b"}}}`), "BadFileName", []string{`spec.components[0].grants.secrets."a".file`}},
		"port":                     {component(`grants: {sockets: {listen: ["*:3001"]}}`), "PortTaken", []string{"spec.components[0].grants.sockets.listen[0]"}},
		"no spec":                  {"apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: a}", "DocumentRefused", []string{"spec"}},
		"a list":                   {head + "  components: 1", "DocumentRefused", []string{"components"}},
		"null":                     {head + "  components:", "DocumentRefused", []string{"spec.components"}},
		"strange":                  {head + `  components: [null, {name: 1}]`, "DocumentRefused", nil},
	} {
		_, err := Plan(read(t, c.text), Config{Image: "vitrine:1"})
		var r *Refusal
		if !errors.As(err, &r) || r.Reason != c.reason {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(r.Message, s) {
				t.Errorf("%s: %q is not in %s", name, s, r.Message)
			}
		}
	}
}

// FuzzPlan: no object makes the operator panic, and each plan can be written.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"components":[{"name":"a","source":{"image":"b"},"grants":{"http":["*"],"secrets":{"a":{"file":"x/y"}},"keyvalue":{"d":{"redis":{"url":"redis://c","password":{"env":"P"}}}}},"verify":{"key":"k"}}],"triggers":[{"http":{"component":"a"}}]}`))
	f.Add([]byte(`{"components":[null,1,{}],"triggers":{"a":1},"replicas":-1,"rollout":{"deadline":"1h"}}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"components":[{"source":{"image":":"},"limits":{"memory":18446744073709551615,"deadline":"2540400h"},"grants":{"sockets":{"listen":["[::]:0","*:65535"],"connect":["[fe80::1%25a]:1"]}}}]}`))
	f.Fuzz(func(t *testing.T, spec []byte) {
		w := &api.Workload{Spec: spec}
		w.Name, w.Namespace = "a", "b"
		o, err := Plan(w, Config{Image: "vitrine:1"})
		if err != nil {
			return
		}
		o.URL()
		Join(o.Deployment, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		if _, err := json.Marshal(o); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTexts: texts that mean something in YAML, and characters that it does not take, arrive as they are.
func TestTexts(t *testing.T) {
	want := map[string]string{"<<": "x", "null": "~", "y": "yes", "A": "1_000", "B": "0x1F", "C": "2001-01-01", "D": "*a", "E": "!!str a", "F": "# x", "G": " a\r\n\n b\n", "H": "\u0085\u2028\ufeff\u007f\x01\U000e0001é\U0001F600", "I": "<&>"}
	environment, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	w := &api.Workload{Spec: []byte(`{"components":[{"name":"a","source":{"image":"registry.example.com/a:1"},"environment":` + string(environment) + `}]}`)}
	w.Name, w.Namespace = "a", "demo"
	o, err := Plan(w, Config{Image: "vitrine:1"})
	if err != nil {
		t.Fatal(err)
	}
	read, err := (&app.Format{Image: func(string) error { return nil }}).Parse(filepath.Join(t.TempDir(), "vitrine.yaml"), []byte(o.Document.Data[documentFile]))
	if err != nil {
		t.Fatalf("%v in\n%s", err, o.Document.Data[documentFile])
	}
	if got := read.Components[0].Environment; !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSecretNames: a secret may have a name of anything that pods do not read, and the grace period is bounded.
func TestSecretNames(t *testing.T) {
	o, err := Plan(read(t, head+`  components: [{name: a, source: {image: "registry.example.com/a:1"}, limits: {deadline: 2562047h}, grants: {secrets: {a: {env: GOOGLE_API_KEY}, b: {env: GOAL}}}}]`), Config{Image: "vitrine:1"})
	if err != nil {
		t.Fatal(err)
	}
	if g := *o.Deployment.Spec.Template.Spec.TerminationGracePeriodSeconds; g != 24*3600+15 {
		t.Errorf("the grace period is %d s", g)
	}
}

// TestJoin: the context of a trace is no part of what makes a rollout.
func TestJoin(t *testing.T) {
	w := read(t, head+`  components: [{name: a, source: {image: "registry.example.com/a:1"}}]`)
	plan := func() *Objects {
		o, err := Plan(w, Config{Image: "vitrine:1"})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	a, b := plan(), plan()
	Join(b.Deployment, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if a.Deployment.Annotations[AnnotationTemplate] != b.Deployment.Annotations[AnnotationTemplate] || Traceparent(a.Deployment) != "" || Traceparent(b.Deployment) == "" {
		t.Errorf("%v %v", a.Deployment.Annotations, b.Deployment.Annotations)
	}
}
