package controller

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
	"github.com/vitrine-wasm/vitrine/operator/internal/why"
)

// verdict is what became of a rollout, in the words of two conditions.
type verdict struct {
	ready, progressing bool
	// reason and message are those of the condition Ready, and of Progressing where it is false.
	reason, message string
}

// judge says what became of a workload whose Deployment is d: nil, one that the API server has not told of yet. all are its pods.
func judge(d *appsv1.Deployment, all []corev1.Pod) verdict {
	if d == nil || d.Status.ObservedGeneration < d.Generation {
		return verdict{progressing: true, reason: "Starting", message: "pods are being made"}
	}
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	s := &d.Status
	if s.UpdatedReplicas >= wanted && s.ReadyReplicas >= wanted && s.Replicas == s.UpdatedReplicas {
		v := verdict{ready: true, reason: "Ready", message: fmt.Sprintf("%d of %d pods answer", s.ReadyReplicas, wanted)}
		if wanted == 0 {
			v.reason, v.message = "ScaledToZero", "no pod is wanted"
		}
		return v
	}
	trouble := troubleOf(d, all)
	serving := ""
	if s.ReadyReplicas > 0 {
		serving = fmt.Sprintf("; %d of %d pods answer meanwhile", s.ReadyReplicas, wanted)
	}
	stuck := slices.ContainsFunc(s.Conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse
	})
	switch {
	case d.Spec.Paused && s.UpdatedReplicas < wanted:
		return verdict{reason: "Paused", message: "the Deployment is paused: `kubectl rollout resume deployment/" + d.Name + "` lets the new document's pods start" + serving}
	case trouble != nil:
		return verdict{progressing: !stuck, reason: trouble.reason, message: trouble.message + serving}
	case stuck:
		return verdict{reason: "RolloutStuck", message: "pods have not become ready within rollout.deadline; `kubectl describe pod` says more of them" + serving}
	}
	return verdict{progressing: true, reason: "Starting", message: fmt.Sprintf("%d of %d pods answer", s.ReadyReplicas, wanted)}
}

// trouble is why a pod does not start.
type trouble struct{ reason, message string }

// troubleOf looks for the reason why the newest pods do not start: those first that run the Deployment's present template.
func troubleOf(d *appsv1.Deployment, all []corev1.Pod) *trouble {
	newest := slices.Clone(all)
	slices.SortStableFunc(newest, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	for i := range newest {
		p := &newest[i]
		if p.DeletionTimestamp != nil || !sameDocument(d, p) {
			continue
		}
		if t := podTrouble(p); t != nil {
			return t
		}
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return &trouble{"PodsRefused", why.Cut(c.Message)}
		}
	}
	return nil
}

// sameDocument says whether a pod has the document that the Deployment has.
func sameDocument(d *appsv1.Deployment, p *corev1.Pod) bool {
	return documentOf(&d.Spec.Template.Spec) == documentOf(&p.Spec)
}

// documentOf is the name of the ConfigMap with a pod's document.
func documentOf(s *corev1.PodSpec) string {
	for _, v := range s.Volumes {
		if v.Name == "document" && v.Projected != nil && len(v.Projected.Sources) > 0 && v.Projected.Sources[0].ConfigMap != nil {
			return v.Projected.Sources[0].ConfigMap.Name
		}
	}
	return ""
}

// waitsForVolumes says whether no container of a pod has been made yet, as where an object that it mounts is missing.
func waitsForVolumes(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Spec.NodeName != "" && p.Status.Phase == corev1.PodPending &&
		!slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
			w := c.State.Waiting
			return w == nil || w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" || c.LastTerminationState.Terminated != nil
		})
}

func podTrouble(p *corev1.Pod) *trouble {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		ended := c.State.Terminated
		if ended == nil {
			ended = c.LastTerminationState.Terminated
		}
		if ended != nil && !c.Ready && (ended.ExitCode != 0 || ended.Reason == "OOMKilled") {
			return endTrouble(p, ended)
		}
		if w := c.State.Waiting; w != nil {
			switch w.Reason {
			case "", "ContainerCreating", "PodInitializing":
			case "CreateContainerConfigError":
				return &trouble{"SecretMissing", why.Cut(w.Message) + ": make the Secret with the keys that the grants name, or name another one by the annotation vitrine.dev/secret"}
			case "ErrImagePull", "ImagePullBackOff", "InvalidImageName":
				return &trouble{"ImagePullFailed", "the image of vitrine itself: " + why.Cut(w.Message)}
			default:
				return &trouble{w.Reason, why.Cut(w.Message)}
			}
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return &trouble{"Unschedulable", why.Cut(c.Message)}
		}
	}
	return nil
}

// endTrouble is why a container ended: what vitrine has said last. Its exit status 2 stands for bad input.
func endTrouble(p *corev1.Pod, end *corev1.ContainerStateTerminated) *trouble {
	said := strings.TrimSpace(end.Message)
	t := &trouble{why.Start(said, end.ExitCode == 2), why.Cut(said)}
	if end.Reason == "OOMKilled" {
		t.reason, t.message = "OutOfMemory", "the pod has used more memory than limits.memory of its components make room for"
	}
	if t.message == "" {
		t.message = fmt.Sprintf("vitrine has ended with status %d and said nothing; `kubectl logs --previous %s` may say more", end.ExitCode, p.Name)
	}
	return t
}

// same says whether a Deployment has the template that is wanted.
func same(have, want *appsv1.Deployment) bool {
	return have != nil && have.Annotations[pods.AnnotationTemplate] == want.Annotations[pods.AnnotationTemplate]
}
