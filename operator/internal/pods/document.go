package pods

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Refusal says why a document cannot run in pods: a reason in a word, and a message with the key and the cure.
type Refusal struct{ Reason, Message string }

// Error returns both.
func (r *Refusal) Error() string { return r.Reason + ": " + r.Message }

// document is the document as pods get it: without what is for Kubernetes, with files and secrets where pods have them.
type document struct {
	text    []byte
	secrets []secretKey // variables of the environment, by the Secret's keys
	files   []string    // keys of the ConfigMap, which are files in the folder keys beside the document
}

// secretKey is a variable of the environment that has a key of the Secret.
type secretKey struct{ env, key string }

// maxDocument bounds the document that pods get: a ConfigMap takes a mebibyte.
const maxDocument = 1<<20 - 1<<10

// variablePattern is what every version of Kubernetes takes as the name of a variable.
var variablePattern = regexp.MustCompile(`^[-._a-zA-Z][-._a-zA-Z0-9]{0,252}$`)

// filesFolder is the folder, beside the document, with files of the ConfigMap.
const filesFolder = "keys"

// rewriter makes the document that pods get of a workload's spec.
type rewriter struct {
	document
	variables map[string]string // variable → key
	asFiles   bool              // secrets are files, by their keys, beside the document, and no variables
}

// SecretsFolder and FilesFolder are the folders, beside the document that a host gets, with keys of the Secret and of the ConfigMap.
const (
	SecretsFolder = "secrets"
	FilesFolder   = filesFolder
)

// makeDocument rewrites the spec, for pods, which have secrets as variables, or for hosts, which have them as files. It works on the text's own structure, so that keys that this program does not know arrive.
func makeDocument(w *api.Workload, asFiles bool) (*document, error) {
	dec := json.NewDecoder(bytes.NewReader(w.Spec))
	dec.UseNumber()
	var spec map[string]any
	if err := dec.Decode(&spec); err != nil {
		return nil, &Refusal{"DocumentRefused", "spec: " + err.Error()}
	}
	for _, key := range []string{"replicas", "placement", "rollout"} {
		delete(spec, key)
	}
	r := &rewriter{variables: map[string]string{}, asFiles: asFiles}
	for i, v := range list(spec["components"]) {
		if c, ok := v.(map[string]any); ok {
			delete(c, "build")
			if err := r.component(c, fmt.Sprintf("spec.components[%d]", i)); err != nil {
				return nil, err
			}
		}
	}
	for i, v := range list(spec["triggers"]) {
		t, _ := v.(map[string]any)
		for _, kind := range slices.Sorted(maps.Keys(t)) {
			if err := r.config(t[kind], fmt.Sprintf("spec.triggers[%d].%s", i, kind), 0); err != nil {
				return nil, err
			}
		}
	}
	metadata := map[string]any{"name": w.Name, "namespace": w.Namespace}
	if v := w.Labels[workload.VersionLabel]; v != "" {
		metadata["version"] = v
	}
	text, err := write(map[string]any{"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.Kind, "metadata": metadata, "spec": spec})
	if err != nil {
		return nil, &Refusal{"DocumentRefused", "spec: " + err.Error()}
	}
	if len(text) > maxDocument {
		return nil, &Refusal{"DocumentTooLarge", fmt.Sprintf("spec: the document would have %d bytes, and the cluster takes %d: bring files and long settings into the components' images, or divide the workload", len(text), maxDocument)}
	}
	r.text = text
	for _, env := range slices.Sorted(maps.Keys(r.variables)) {
		r.secrets = append(r.secrets, secretKey{env, r.variables[env]})
	}
	slices.Sort(r.files)
	r.files = slices.Compact(r.files)
	return &r.document, nil
}

// write writes a document as JSON, which is YAML, too, and has no texts that mean something else there: << or yes. Characters that YAML takes for the
// end of a line, or not at all, are written as escapes.
func write(document any) ([]byte, error) {
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, r := range plain.String() {
		switch {
		case r < 0x7f || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes(), nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func (r *rewriter) component(c map[string]any, key string) error {
	if verify, ok := c["verify"].(map[string]any); ok {
		if file, ok := verify["key"].(string); ok && file != "" {
			base, err := keyOf(file, key+".verify.key")
			if err != nil {
				return err
			}
			r.files = append(r.files, base)
			verify["key"] = filesFolder + "/" + base
		}
	}
	grants, _ := c["grants"].(map[string]any)
	secrets, _ := grants["secrets"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if place, ok := secrets[name].(map[string]any); ok {
			if err := r.secret(place, fmt.Sprintf("%s.grants.secrets.%q", key, name)); err != nil {
				return err
			}
		}
	}
	for _, plugin := range slices.Sorted(maps.Keys(grants)) {
		stores, _ := grants[plugin].(map[string]any)
		if plugin == "secrets" || plugin == "sockets" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(stores)) {
			grant, _ := stores[name].(map[string]any)
			for _, kind := range slices.Sorted(maps.Keys(grant)) {
				if err := r.config(grant[kind], fmt.Sprintf("%s.grants.%s.%q.%s", key, plugin, name, kind), 0); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maxDepth bounds how deep places of secrets are looked for.
const maxDepth = 16

// config rewrites the places of secrets in the settings of a backend or a trigger: mappings below them with env or file alone.
func (r *rewriter) config(v any, key string, depth int) error {
	m, ok := v.(map[string]any)
	if !ok || depth > maxDepth {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		below, ok := m[k].(map[string]any)
		if !ok {
			continue
		}
		at := key + "." + k
		if isPlace(below) {
			if err := r.secret(below, at); err != nil {
				return err
			}
		} else if err := r.config(below, at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isPlace says whether a mapping is the place of a secret.
func isPlace(m map[string]any) bool {
	_, env := m["env"].(string)
	_, file := m["file"].(string)
	return len(m) == 1 && (env || file)
}

// secret has the place of a secret be a variable of the environment that has a key of the Secret. A file of a Secret would be readable to its
// group, because the process is not root's, and a host takes no such file.
func (r *rewriter) secret(place map[string]any, key string) error {
	if r.asFiles {
		return r.secretFile(place, key)
	}
	if env, ok := place["env"].(string); ok && env != "" {
		if reservedVariable(env) {
			return &Refusal{"ReservedName", key + ".env: pods have the variable " + env + " for something else; choose another name, and have the Secret's key be that name"}
		}
		if !variablePattern.MatchString(env) || len(validation.IsConfigMapKey(env)) > 0 {
			return &Refusal{"BadVariableName", key + ".env: it names a variable of the pods and a key of the Secret; want letters, digits, hyphens, dots and underscores, and no digit in front"}
		}
		r.variables[env] = env
		return nil
	}
	file, _ := place["file"].(string)
	if file == "" {
		return nil
	}
	base, err := keyOf(file, key+".file")
	if err != nil {
		return err
	}
	env := "FROM_SECRET_" + variable(base)
	for n := 2; r.variables[env] != "" && r.variables[env] != base; n++ {
		env = fmt.Sprintf("FROM_SECRET_%s_%d", variable(base), n)
	}
	r.variables[env] = base
	delete(place, "file")
	place["env"] = env
	return nil
}

// secretFile has the place of a secret be a file, by its key of the Secret. Variables of a host are not those of one workload.
func (r *rewriter) secretFile(place map[string]any, key string) error {
	name, _ := place["env"].(string)
	at := key + ".env"
	if name == "" {
		name, _ = place["file"].(string)
		at = key + ".file"
	}
	if name == "" {
		return nil
	}
	base, err := keyOf(name, at)
	if err != nil {
		return err
	}
	r.variables[base] = base
	delete(place, "env")
	place["file"] = SecretsFolder + "/" + base
	return nil
}

// reserved are variables that Go's runtime, the libraries in vitrine and the container's runtime read.
var reserved = []string{"PATH", "HOME", "HOSTNAME", "TMPDIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"TRACEPARENT", "TRACESTATE", "BAGGAGE", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR", "GORACE", "GOROOT", "LOCALDOMAIN", "RES_OPTIONS", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}

// reservedVariable says whether pods have a variable for something else.
func reservedVariable(name string) bool {
	for _, prefix := range []string{"VITRINE_", "OTEL_", "K8S_", "KUBERNETES_", "FROM_SECRET_", "LD_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains(reserved, strings.ToUpper(name)) ||
		strings.HasSuffix(strings.ToUpper(name), "_PROXY")
}

// keyOf is the key of a Secret or ConfigMap that stands for a file: its last name.
func keyOf(file, at string) (string, error) {
	base := path.Base(path.Clean("/" + strings.ReplaceAll(file, `\`, "/")))
	if len(validation.IsConfigMapKey(base)) > 0 {
		return "", &Refusal{"BadFileName", at + ": the file is a key of a Secret or ConfigMap in the cluster; want letters, digits, hyphens, dots and underscores"}
	}
	return base, nil
}

// variable makes a part of a variable's name of a key.
func variable(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
}
