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

// refused says that the document cannot run. What runs goes on.
func (r *Reconciler) refused(w *api.Workload, s *api.Status, refusal *pods.Refusal, have *appsv1.Deployment) {
	r.set(w, s, api.Accepted, false, refusal.Reason, refusal.Message)
	r.set(w, s, api.Progressing, false, refusal.Reason, refusal.Message)
	message := refusal.Message
	if have != nil && have.Status.ReadyReplicas > 0 {
		message += fmt.Sprintf("; %d pods of the document before it answer on", have.Status.ReadyReplicas)
	}
	r.set(w, s, api.Ready, false, refusal.Reason, message)
	counts(s, have)
}

// judged puts a verdict into the status.
func (r *Reconciler) judged(w *api.Workload, s *api.Status, v verdict, have *appsv1.Deployment) {
	counts(s, have)
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

func counts(s *api.Status, have *appsv1.Deployment) {
	s.Replicas, s.ReadyReplicas, s.UpdatedReplicas = 0, 0, 0
	if have != nil {
		s.Replicas, s.ReadyReplicas, s.UpdatedReplicas = have.Status.Replicas, have.Status.ReadyReplicas, have.Status.UpdatedReplicas
	}
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
