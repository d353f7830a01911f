package api

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AnnotationHosts is a selector of labels, as of kubectl -l, that the hosts of a workload have to have.
const AnnotationHosts = "vitrine.dev/host-selector"

// Host is a process that runs many workloads. Its agent makes the object, beside its pod, and renews the Lease of the same name as long as it lives:
// renewals change nothing that anybody has to be told of, as those of nodes.
type Host struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec              HostSpec   `json:"spec,omitzero"`
	Status            HostStatus `json:"status,omitzero"`
}

// HostSpec is what a host is.
type HostSpec struct {
	Address      string   `json:"address"`      // where workloads of it are reached, an IP address
	Version      string   `json:"version"`      // of vitrine
	Architecture string   `json:"architecture"` // as Go names it
	Plugins      []string `json:"plugins"`      // kinds of grants that it serves, and types of triggers
	Memory       int64    `json:"memory"`       // bytes that all instances may have together
	// Unschedulable, which people set, has it get no workload more; those it has go on.
	Unschedulable bool `json:"unschedulable,omitempty"`
}

// HostStatus is how a host is doing; its agent writes it.
type HostStatus struct {
	// Draining says that it is about to end: its workloads are moved.
	Draining  bool  `json:"draining,omitempty"`
	Workloads int32 `json:"workloads"` // that run
	Memory    int64 `json:"memory"`    // bytes that instances have
	Running   int32 `json:"running"`   // invocations
}

// HostList is a list of hosts.
type HostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Host `json:"items"`
}

// Assignment is one replica of a workload on one host. The operator makes and removes it, the host's agent, which sees those of its host alone, serves
// it and says in its status what became of it. Its name is that of the workload and of the host, so that no host has two of one workload.
type Assignment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec              AssignmentSpec   `json:"spec,omitzero"`
	Status            AssignmentStatus `json:"status,omitzero"`
}

// AssignmentSpec is what a host is to serve.
type AssignmentSpec struct {
	Host     string `json:"host"`
	Workload string `json:"workload"`
	// Document is what vitrine gets; Digest, of it and of the names below, is that by which one is told from another.
	Document string `json:"document"`
	Digest   string `json:"digest"`
	Memory   int64  `json:"memory"` // bytes that it is reckoned to need
	// Secret and ConfigMap are of the workload's namespace; SecretKeys are the keys of the one that the document names as files in the folder secrets,
	// FileKeys those of the other in the folder keys.
	Secret     string   `json:"secret,omitempty"`
	SecretKeys []string `json:"secretKeys,omitempty"`
	ConfigMap  string   `json:"configMap,omitempty"`
	FileKeys   []string `json:"fileKeys,omitempty"`
	// Traceparent is the context of the trace that the start is a part of; empty: none.
	Traceparent string `json:"traceparent,omitempty"`
}

// AssignmentStatus is what became of an assignment.
type AssignmentStatus struct {
	Ready  bool   `json:"ready"`            // a document of it answers
	Digest string `json:"digest,omitempty"` // of the document that runs
	Port   int32  `json:"port,omitempty"`   // at which it answers; 0: nothing of it listens
	// Failed is the digest of the document that could not be started, for the reason, and with the message, below.
	Failed  string `json:"failed,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// AssignmentList is a list of assignments.
type AssignmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Assignment `json:"items"`
}

// DeepCopyObject copies the object.
func (h *Host) DeepCopyObject() runtime.Object {
	if h == nil {
		return nil
	}
	out := *h
	h.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Plugins = slices.Clone(h.Spec.Plugins)
	return &out
}

// DeepCopyObject copies the list.
func (l *HostList) DeepCopyObject() runtime.Object {
	if l == nil {
		return nil
	}
	out := &HostList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		h, _ := l.Items[i].DeepCopyObject().(*Host)
		out.Items = append(out.Items, *h)
	}
	return out
}

// DeepCopyObject copies the object.
func (a *Assignment) DeepCopyObject() runtime.Object {
	if a == nil {
		return nil
	}
	return a.DeepCopy()
}

// DeepCopy copies the object.
func (a *Assignment) DeepCopy() *Assignment {
	out := *a
	a.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.SecretKeys, out.Spec.FileKeys = slices.Clone(a.Spec.SecretKeys), slices.Clone(a.Spec.FileKeys)
	return &out
}

// DeepCopyObject copies the list.
func (l *AssignmentList) DeepCopyObject() runtime.Object {
	if l == nil {
		return nil
	}
	out := &AssignmentList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopy())
	}
	return out
}
