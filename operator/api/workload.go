// Package api is the objects of Vitrine as Kubernetes keeps them: Workload, the workload document and what became of it; Host, a process that
// runs many of them; Assignment, one replica of a workload on one host.
//
// The document stays text here ([Workload.Document] reads it): a list of objects of which one does not read would otherwise hide all of them
// from the operator.
package api

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// GroupVersion is that of the objects here.
var GroupVersion = schema.GroupVersion{Group: "vitrine.dev", Version: "v1alpha1"}

// Annotations that a workload may have.
const (
	// AnnotationSecret names the Secret that has the secrets of the document's grants; without it it has the workload's name.
	AnnotationSecret = "vitrine.dev/secret"
	// AnnotationConfigMap names the ConfigMap that has the files that the document names, such as the key of verify; without it it has the
	// workload's name.
	AnnotationConfigMap = "vitrine.dev/config-map"
	// AnnotationRegistry names the Secret, of type kubernetes.io/dockerconfigjson, by which the workload's images are fetched.
	AnnotationRegistry = "vitrine.dev/registry-secret"
	// AnnotationTrace is the context of a trace, as W3C Trace Context has it in traceparent, that the next rollout joins.
	AnnotationTrace = "vitrine.dev/traceparent"
)

// Types of conditions.
const (
	Accepted    = "Accepted"    // the document can run
	Progressing = "Progressing" // replicas of the document are on their way
	Ready       = "Ready"       // replicas of the document, as many as it wants, answer
)

// Workload is the object.
type Workload struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec              json.RawMessage `json:"spec,omitempty"`
	Status            Status          `json:"status,omitzero"`
}

// Status is what became of a workload.
type Status struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Replicas           int32              `json:"replicas"`
	ReadyReplicas      int32              `json:"readyReplicas"`
	UpdatedReplicas    int32              `json:"updatedReplicas"`
	Selector           string             `json:"selector,omitempty"`
	URL                string             `json:"url,omitempty"`
	TraceID            string             `json:"traceID,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// WorkloadList is a list of workloads.
type WorkloadList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Workload `json:"items"`
}

// Document reads the spec.
func (w *Workload) Document() (*v1alpha1.Spec, error) {
	var s v1alpha1.Spec
	if len(w.Spec) == 0 {
		return nil, fmt.Errorf("spec: there is none")
	}
	if err := json.Unmarshal(w.Spec, &s); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	return &s, nil
}

// AddToScheme registers the objects.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Workload{}, &WorkloadList{}, &Host{}, &HostList{}, &Assignment{}, &AssignmentList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// DeepCopyInto copies the object to out.
func (w *Workload) DeepCopyInto(out *Workload) {
	*out = *w
	w.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec = append(json.RawMessage(nil), w.Spec...)
	out.Status.Conditions = nil
	for i := range w.Status.Conditions {
		out.Status.Conditions = append(out.Status.Conditions, *w.Status.Conditions[i].DeepCopy())
	}
}

// DeepCopyObject copies the object.
func (w *Workload) DeepCopyObject() runtime.Object {
	if w == nil {
		return nil
	}
	out := new(Workload)
	w.DeepCopyInto(out)
	return out
}

// DeepCopyObject copies the list.
func (l *WorkloadList) DeepCopyObject() runtime.Object {
	if l == nil {
		return nil
	}
	out := &WorkloadList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]Workload, len(l.Items))
	for i := range l.Items {
		l.Items[i].DeepCopyInto(&out.Items[i])
	}
	return out
}
