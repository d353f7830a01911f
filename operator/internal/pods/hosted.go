package pods

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// Hosted is what runs a workload on hosts.
type Hosted struct {
	Replicas int
	// AtOnce is how many replicas may be on their way to another document.
	AtOnce int
	// Assignment is that of each replica, without a host, a name and a trace.
	Assignment api.AssignmentSpec
	Labels     map[string]string
	Owner      metav1.OwnerReference
	Service    *corev1.Service // nil: nothing of it listens
	Needs      []string        // kinds of grants, and types of triggers, that its host has to serve
	Selector   labels.Selector // of its hosts
}

// PlanHosted returns what runs the workload on hosts, or a [*Refusal]. Workloads of different people share a host's process: what only a process of their own
// keeps apart is refused.
func PlanHosted(w *api.Workload, d *v1alpha1.Spec) (*Hosted, error) {
	if err := refuse(d); err != nil {
		return nil, err
	}
	if err := refuseShared(w, d); err != nil {
		return nil, err
	}
	if err := refuseNames(w); err != nil {
		return nil, err
	}
	doc, err := makeDocument(w, true)
	if err != nil {
		return nil, err
	}
	m := meta(w, w.Name)
	out := &Hosted{Replicas: 1, Labels: m.Labels, Owner: m.OwnerReferences[0], Needs: needs(d)}
	if d.Replicas != nil {
		out.Replicas = *d.Replicas
	}
	surge, unavailable := rollout(&d.Rollout)
	out.AtOnce = max(1, surge.IntValue()+unavailable.IntValue())
	if out.Selector, err = labels.Parse(w.Annotations[api.AnnotationHosts]); err != nil {
		return nil, &Refusal{"BadSelector", fmt.Sprintf("metadata.annotations[%s]: %v; want a selector of labels of hosts, such as disk=ssd", api.AnnotationHosts, err)}
	}
	a := &out.Assignment
	requests := resources(d).Requests
	a.Workload, a.Document, a.Memory = w.Name, string(doc.text), requests.Memory().Value()-ofHost
	for _, s := range doc.secrets {
		a.SecretKeys = append(a.SecretKeys, s.key)
	}
	a.FileKeys = doc.files
	if len(a.SecretKeys) > 0 {
		a.Secret = cmp.Or(w.Annotations[api.AnnotationSecret], w.Name)
	}
	if len(a.FileKeys) > 0 {
		a.ConfigMap = cmp.Or(w.Annotations[api.AnnotationConfigMap], w.Name)
	}
	if a.Digest, err = digestOf(a); err != nil {
		return nil, err
	}
	listens, err := listening(d)
	if err != nil {
		return nil, err
	}
	if len(listens) > 0 {
		if len(validation.IsDNS1035Label(w.Name)) > 0 {
			return nil, &Refusal{"BadName", "metadata.name: a workload that listens has a Service of its name, which has to begin with a letter; choose another name"}
		}
		out.Service = service(w, listens)
		out.Service.Spec.Selector = nil // hosts are in EndpointSlices that the operator makes
	}
	return out, nil
}

func digestOf(a *api.AssignmentSpec) (string, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("writing the assignment: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// refuseShared finds what a workload cannot have in a process that it shares with others.
func refuseShared(w *api.Workload, d *v1alpha1.Spec) error {
	if w.Annotations[api.AnnotationRegistry] != "" {
		return &Refusal{"RegistrySecret", "metadata.annotations[" + api.AnnotationRegistry + "]: hosts fetch images by what their administrator has given them; use placement: pods for credentials of the workload's own"}
	}
	for i := range d.Components {
		c := &d.Components[i]
		key := fmt.Sprintf("spec.components[%d].grants", i)
		if len(c.Grants.Sockets.Listen) > 0 {
			return &Refusal{"SharedHost", key + ".sockets.listen: a host's ports are those of all its workloads; use placement: pods, or an HTTP trigger"}
		}
		all := stores(&c.Grants)
		for _, plugin := range slices.Sorted(maps.Keys(all)) {
			for _, name := range slices.Sorted(maps.Keys(all[plugin])) {
				if g := all[plugin][name]; g.Type == "" {
					return &Refusal{"LocalData", fmt.Sprintf("%s.%s.%q: a host's memory and folders are those of all its workloads: name a server, such as nats, redis, postgres or s3, or use placement: pods", key, plugin, name)}
				}
			}
		}
	}
	return nil
}

// needs are the kinds of grants and the types of triggers of a document.
func needs(d *v1alpha1.Spec) []string {
	out := map[string]bool{}
	for _, t := range d.Triggers {
		out["trigger/"+t.Type] = true
	}
	for i := range d.Components {
		g := &d.Components[i].Grants
		for plugin, all := range stores(g) {
			if len(all) > 0 {
				out[plugin] = true
			}
		}
		if len(g.Secrets) > 0 {
			out["secrets"] = true
		}
		if len(g.HTTP) > 0 {
			out["http"] = true
		}
		if len(g.Sockets.Connect) > 0 {
			out["sockets"] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}
