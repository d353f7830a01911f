package controller

import (
	"context"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// set sets a condition, and makes an event of one that has changed.
func (r *Reconciler) set(w *api.Workload, s *api.Status, kind string, yes bool, reason, message string) {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message, ObservedGeneration: w.Generation}
	if yes {
		c.Status = metav1.ConditionTrue
	}
	before := meta.FindStatusCondition(s.Conditions, kind)
	changed := before == nil || before.Status != c.Status || before.Reason != c.Reason
	meta.SetStatusCondition(&s.Conditions, c)
	if !changed || kind == api.Progressing {
		return
	}
	severity := corev1.EventTypeNormal
	if !yes && reason != "Starting" {
		severity = corev1.EventTypeWarning
	}
	r.events.Eventf(w, nil, severity, reason, "Reconcile", "%s", message)
	if severity == corev1.EventTypeWarning {
		r.Log.Warn("workload is not "+kind, "workload", w.Namespace+"/"+w.Name, "reason", reason, "message", message)
	}
}

// counts are how many of what runs a workload there are.
type counts struct {
	what                string // pods, replicas
	all, ready, updated int32
}

// countsOfPods are those of a Deployment, which may be nil.
func countsOfPods(have *appsv1.Deployment) counts {
	if have == nil {
		return counts{what: "pods"}
	}
	return counts{"pods", have.Status.Replicas, have.Status.ReadyReplicas, have.Status.UpdatedReplicas}
}

func (n counts) into(s *api.Status) {
	s.Replicas, s.ReadyReplicas, s.UpdatedReplicas = n.all, n.ready, n.updated
}

// refused says that the document cannot run. What runs goes on.
func (r *Reconciler) refused(w *api.Workload, s *api.Status, refusal *pods.Refusal, n counts) {
	r.set(w, s, api.Accepted, false, refusal.Reason, refusal.Message)
	r.set(w, s, api.Progressing, false, refusal.Reason, refusal.Message)
	message := refusal.Message
	if n.ready > 0 {
		message += fmt.Sprintf("; %d %s of the document before it answer on", n.ready, n.what)
	}
	r.set(w, s, api.Ready, false, refusal.Reason, message)
	n.into(s)
}

// judged puts a verdict into the status.
func (r *Reconciler) judged(w *api.Workload, s *api.Status, v verdict, n counts) {
	n.into(s)
	reason := "Done"
	switch {
	case v.progressing:
		reason = "RollingOut"
	case !v.ready:
		reason = v.reason
	}
	r.set(w, s, api.Progressing, v.progressing, reason, v.message)
	r.set(w, s, api.Ready, v.ready, v.reason, v.message)
}

// becameReady says whether the workload's present document answers for the first time.
func becameReady(w *api.Workload, now *api.Status) bool {
	c, before := meta.FindStatusCondition(now.Conditions, api.Ready), meta.FindStatusCondition(w.Status.Conditions, api.Ready)
	return c.Status == metav1.ConditionTrue && (before == nil || before.Status != metav1.ConditionTrue || before.ObservedGeneration != w.Generation)
}

// writeStatus writes the status if it has changed.
func (r *Reconciler) writeStatus(ctx context.Context, w *api.Workload, s *api.Status) error {
	if reflect.DeepEqual(&w.Status, s) {
		return nil
	}
	next, _ := w.DeepCopyObject().(*api.Workload)
	next.Status = *s
	if err := r.client.Status().Patch(ctx, next, client.MergeFrom(w)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}
