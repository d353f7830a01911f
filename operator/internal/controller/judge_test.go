package controller

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// running is a Deployment of replicas pods, of which some are new and some answer.
func running(replicas, updated, ready, all int32) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
	d.Spec.Replicas = &replicas
	d.Spec.Template.Spec = ofDocument("doc-2")
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: all, UpdatedReplicas: updated, ReadyReplicas: ready}
	return d
}

func ofDocument(name string) corev1.PodSpec {
	return corev1.PodSpec{Volumes: []corev1.Volume{{Name: "document", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}}}}}}
}

func podOf(document string, s corev1.ContainerStatus) corev1.Pod {
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: ofDocument(document), Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{s}}}
}

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func ended(code int32, reason, message string) corev1.ContainerStatus {
	s := waiting("CrashLoopBackOff", "back-off")
	s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}
	return s
}

func TestJudge(t *testing.T) {
	stale := running(1, 1, 1, 1)
	stale.Generation = 3
	stuck := running(1, 1, 0, 1)
	stuck.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse}}
	refused := running(1, 0, 0, 0)
	refused.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}
	for name, c := range map[string]struct {
		d                  *appsv1.Deployment
		pods               []corev1.Pod
		ready, progressing bool
		reason, says       string
	}{
		"none yet":          {nil, nil, false, true, "Starting", ""},
		"not seen":          {stale, nil, false, true, "Starting", ""},
		"ready":             {running(2, 2, 2, 2), nil, true, false, "Ready", "2 of 2"},
		"none wanted":       {running(0, 0, 0, 0), nil, true, false, "ScaledToZero", ""},
		"old ones remain":   {running(2, 2, 2, 3), nil, false, true, "Starting", "2 of 2"},
		"making":            {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", waiting("ContainerCreating", ""))}, false, true, "Starting", "0 of 1"},
		"secret":            {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", waiting("CreateContainerConfigError", `secret "a" not found`))}, false, true, "SecretMissing", `secret "a" not found`},
		"image of vitrine":  {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", waiting("ErrImagePull", "denied"))}, false, true, "ImagePullFailed", "vitrine itself"},
		"document":          {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(2, "Error", "spec.components[0]: no"))}, false, true, "DocumentRefused", "spec.components[0]: no"},
		"signature":         {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(2, "Error", "the artifact is refused: it is not signed"))}, false, true, "ArtifactRefused", "not signed"},
		"registry":          {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(1, "Error", "the registry says no"))}, false, true, "ArtifactNotFetched", "registry"},
		"failed, silently":  {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(134, "Error", ""))}, false, true, "StartFailed", "status 134"},
		"memory":            {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(137, "OOMKilled", ""))}, false, true, "OutOfMemory", "limits.memory"},
		"an old pod's end":  {running(1, 1, 0, 2), []corev1.Pod{podOf("doc-1", ended(2, "Error", "old"))}, false, true, "Starting", ""},
		"old ones serve on": {running(2, 1, 2, 3), []corev1.Pod{podOf("doc-2", ended(2, "Error", "x"))}, false, true, "DocumentRefused", "2 of 2 pods answer meanwhile"},
		"stuck":             {stuck, nil, false, false, "RolloutStuck", "rollout.deadline"},
		"stuck, and why":    {stuck, []corev1.Pod{podOf("doc-2", ended(2, "Error", "x"))}, false, false, "DocumentRefused", "x"},
		"quota":             {refused, nil, false, true, "PodsRefused", "exceeded quota"},
		"long":              {running(1, 1, 0, 1), []corev1.Pod{podOf("doc-2", ended(2, "Error", strings.Repeat("ä", 5000)))}, false, true, "DocumentRefused", "…"},
	} {
		v := judge(c.d, c.pods)
		if v.ready != c.ready || v.progressing != c.progressing || v.reason != c.reason || !strings.Contains(v.message, c.says) || len(v.message) > 2000 {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestUnschedulable(t *testing.T) {
	p := podOf("doc-2", corev1.ContainerStatus{})
	p.Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes"}}}
	if v := judge(running(1, 1, 0, 1), []corev1.Pod{p}); v.reason != "Unschedulable" || !strings.Contains(v.message, "0/1 nodes") {
		t.Errorf("%+v", v)
	}
}
