// Package pods makes, of a workload, the objects that run it in pods of its own: a ConfigMap with the document, a Deployment of pods that run
// `vitrine up` on it, a Service and a NetworkPolicy; or what hosts, which it shares with others, are to run. It is a function of its arguments: nothing
// here asks or changes a cluster.
package pods

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Labels of all that this operator makes.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelWorkload  = "vitrine.dev/workload"
	ManagedBy      = "vitrine-operator"
)

// AnnotationTemplate has a digest of the pods' template without the context of a trace, by which a new rollout is told from none.
const AnnotationTemplate = "vitrine.dev/template"

// Config is what an operator gives all pods.
type Config struct {
	Image       string            // of vitrine
	PullPolicy  corev1.PullPolicy // of Image; empty: Kubernetes' default
	Environment []corev1.EnvVar   // where pods send telemetry; see [Telemetry]
	PlainHTTP   bool              // registries are asked without TLS
	// Monitoring is the namespace whose pods may read the metrics of workloads; empty: none may.
	Monitoring string
}

// Objects are what runs a workload. Service is nil where nothing of the workload listens.
type Objects struct {
	Document   *corev1.ConfigMap
	Deployment *appsv1.Deployment
	Service    *corev1.Service
	Policy     *networkingv1.NetworkPolicy
	// Warnings are what a person should know of a workload that runs.
	Warnings []string
}

// Named are the objects that have the workload's name.
func (o *Objects) Named() []client.Object {
	out := []client.Object{o.Deployment, o.Policy}
	if o.Service != nil {
		out = append(out, o.Service)
	}
	return out
}

// ports of pods. Those that workloads ask for themselves are others.
const (
	httpPort  = 3000
	adminPort = 3001
)

// Selector are the labels of a workload's pods.
func Selector(name string) map[string]string {
	return map[string]string{LabelManagedBy: ManagedBy, LabelWorkload: name}
}

// Plan returns what runs the workload, or a [*Refusal]. The Deployment has the context of no trace; [Join] gives it one.
func Plan(w *api.Workload, cfg Config) (*Objects, error) {
	d, err := w.Document()
	if err != nil {
		return nil, &Refusal{"DocumentRefused", err.Error()}
	}
	if err := refuse(d); err != nil {
		return nil, err
	}
	if err := refuseNames(w); err != nil {
		return nil, err
	}
	doc, err := makeDocument(w, false)
	if err != nil {
		return nil, err
	}
	listens, err := listening(d)
	if err != nil {
		return nil, err
	}
	out := &Objects{Document: configMap(w, doc)}
	out.Deployment = deployment(w, d, doc, out.Document.Name, listens, cfg)
	if len(listens) > 0 {
		if len(validation.IsDNS1035Label(w.Name)) > 0 {
			return nil, &Refusal{"BadName", "metadata.name: a workload that listens has a Service of its name, which has to begin with a letter; choose another name"}
		}
		out.Service = service(w, listens)
	}
	out.Policy = policy(w, d, listens, cfg)
	if keepsInPod(d) {
		out.Warnings = append(out.Warnings, "what it keeps in grants.keyvalue without a backend is in each pod by itself, and goes with it: name a server, such as nats or redis, to keep it")
	}
	return out, nil
}

// meta is the metadata of an object of the workload.
func meta(w *api.Workload, name string) metav1.ObjectMeta {
	labels := Selector(w.Name)
	labels["app.kubernetes.io/name"] = w.Name
	if v := w.Labels[workload.VersionLabel]; v != "" {
		labels[workload.VersionLabel] = v
	}
	yes := true
	return metav1.ObjectMeta{Name: name, Namespace: w.Namespace, Labels: labels, OwnerReferences: []metav1.OwnerReference{{
		APIVersion: api.GroupVersion.String(), Kind: "Workload", Name: w.Name, UID: w.UID, Controller: &yes, BlockOwnerDeletion: &yes,
	}}}
}

// configMap has the document. Its name has its digest, and it never changes: pods of an earlier document keep theirs when they start again.
func configMap(w *api.Workload, doc *document) *corev1.ConfigMap {
	sum := sha256.Sum256(doc.text)
	yes := true
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(w, w.Name+"-"+hex.EncodeToString(sum[:5])),
		Immutable:  &yes,
		Data:       map[string]string{documentFile: string(doc.text)},
	}
}

// port is one that the workload's pods listen on for others.
type port struct {
	name   string
	number int32 // of the Service
	target int32 // of the pod
	udp    bool
}

// listening are the ports on which the workload takes connections from outside of its pods.
func listening(d *v1alpha1.Spec) ([]port, error) {
	var out []port
	if slices.ContainsFunc(d.Triggers, func(t v1alpha1.Trigger) bool { return t.Type == "http" }) {
		out = append(out, port{"http", 80, httpPort, false})
	}
	seen := map[string]bool{}
	for i, c := range d.Components {
		for j, g := range c.Grants.Sockets.Listen {
			a, err := workload.ParseAddress(string(g))
			key := fmt.Sprintf("spec.components[%d].grants.sockets.listen[%d]", i, j)
			if err != nil {
				return nil, &Refusal{"DocumentRefused", key + ": " + err.Error()}
			}
			n, err := strconv.ParseUint(a.Port, 10, 16)
			if err != nil || n == 0 || loopback(a.Host) || seen[a.Port] {
				continue // any port is for what connects to nobody's Service
			}
			if n == httpPort || n == adminPort {
				return nil, &Refusal{"PortTaken", fmt.Sprintf("%s: pods use the port %d themselves; choose another one", key, n)}
			}
			seen[a.Port] = true
			out = append(out, port{"tcp-" + a.Port, int32(n), int32(n), false}, port{"udp-" + a.Port, int32(n), int32(n), true})
		}
	}
	for _, p := range out[min(1, len(out)):] {
		if p.number == 80 && out[0].name == "http" {
			return nil, &Refusal{"PortTaken", "grants.sockets.listen: port 80 of the workload's Service is that of its HTTP trigger; choose another one"}
		}
	}
	return out, nil
}

func service(w *api.Workload, listens []port) *corev1.Service {
	s := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: meta(w, w.Name)}
	s.Spec.Selector = Selector(w.Name)
	for _, p := range listens {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: p.name, Port: p.number, TargetPort: intstr.FromInt32(p.target), Protocol: p.protocol()})
	}
	return s
}

func (p port) protocol() corev1.Protocol {
	if p.udp {
		return corev1.ProtocolUDP
	}
	return corev1.ProtocolTCP
}

// URL is where the workload answers within the cluster; "" where it has no HTTP trigger.
func (o *Objects) URL() string {
	if o.Service == nil || o.Service.Spec.Ports[0].Name != "http" {
		return ""
	}
	return "http://" + o.Service.Name + "." + o.Service.Namespace + ".svc"
}

// keepsInPod says whether the workload keeps data in the pod's own folder.
func keepsInPod(d *v1alpha1.Spec) bool {
	for _, c := range d.Components {
		for _, g := range c.Grants.Keyvalue {
			if g.Backend == "" && g.Type == "" {
				return true
			}
		}
	}
	return false
}

// digest is a text that differs for templates that differ.
func digest(t *corev1.PodTemplateSpec) string {
	text, err := json.Marshal(t)
	if err != nil { // plain data has a text
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Join gives the pods of a Deployment that Plan has made the context of a trace, as W3C Trace Context has it in traceparent: the start of
// each is a part of that trace. "" leaves them without.
func Join(d *appsv1.Deployment, traceparent string) {
	if traceparent == "" {
		return
	}
	c := &d.Spec.Template.Spec.Containers[0]
	c.Env = append(slices.Clone(c.Env), corev1.EnvVar{Name: "TRACEPARENT", Value: traceparent})
}

// Traceparent is the context that Join has given.
func Traceparent(d *appsv1.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == "TRACEPARENT" {
				return e.Value
			}
		}
	}
	return ""
}

// Telemetry picks from an environment, as os.Environ has it, the variables that say where telemetry goes and how much of it: pods have the
// same. Those that may hold secrets or name files, headers and certificates, stay where they are.
func Telemetry(environ []string) []corev1.EnvVar {
	out := map[string]string{}
	for _, e := range environ {
		for _, name := range telemetryVariables {
			if len(e) > len(name)+1 && e[:len(name)] == name && e[len(name)] == '=' {
				out[name] = e[len(name)+1:]
			}
		}
	}
	var vars []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(out)) {
		vars = append(vars, corev1.EnvVar{Name: name, Value: out[name]})
	}
	return vars
}

// telemetryVariables are those of [Telemetry].
var telemetryVariables = func() []string {
	all := []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_PROPAGATORS", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
		"OTEL_LOGS_EXPORTER", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_BSP_SCHEDULE_DELAY"}
	for _, signal := range []string{"", "TRACES_", "METRICS_", "LOGS_"} {
		for _, what := range []string{"ENDPOINT", "PROTOCOL", "INSECURE", "COMPRESSION", "TIMEOUT"} {
			all = append(all, "OTEL_EXPORTER_OTLP_"+signal+what)
		}
	}
	return all
}()
