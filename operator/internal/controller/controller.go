// Package controller keeps what runs workloads as the workloads want it: it plans (package pods), applies what differs, and says in each
// workload's status what became of it. It holds no lock and waits for nothing while it reconciles: whatever takes time in a cluster
// comes back as an event.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// Reconciler reconciles workloads. Its fields must be set before [Reconciler.SetUp], which sets the rest.
type Reconciler struct {
	Config pods.Config
	Log    *slog.Logger
	Tracer *Tracer // nil: no spans

	client client.Client
	live   client.Reader // asks the API server
	events events.EventRecorder

	mu      sync.Mutex
	applied map[appliedKey]appliedState // what this process has applied last
	// latest are the Deployments that the API server has made of what was applied last. A cache may not have them yet: to take the one before for the
	// present one would be another rollout.
	latest map[types.NamespacedName]*appsv1.Deployment
}

// CacheOptions keep in memory only what operators have made: not every pod of a cluster.
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{pods.LabelManagedBy: pods.ManagedBy})}
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&appsv1.Deployment{}: ours, &corev1.Pod{}: ours, &corev1.Service{}: ours, &networkingv1.NetworkPolicy{}: ours,
	}}
}

// SetUp registers the reconciler with a manager.
func (r *Reconciler) SetUp(m ctrl.Manager) error {
	r.client, r.live, r.events = m.GetClient(), m.GetAPIReader(), m.GetEventRecorder(pods.ManagedBy)
	r.applied, r.latest = map[appliedKey]appliedState{}, map[types.NamespacedName]*appsv1.Deployment{}
	return ctrl.NewControllerManagedBy(m).Named("workload").For(&api.Workload{}).
		Owns(&appsv1.Deployment{}).Owns(&corev1.Service{}).Owns(&networkingv1.NetworkPolicy{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(ofPod)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(reconcile.Func(r.Reconcile))
}

// ofPod is the workload of a pod.
func ofPod(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[pods.LabelWorkload]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}

// Reconcile brings one workload and what runs it together.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var w api.Workload
	err := r.client.Get(ctx, req.NamespacedName, &w)
	switch {
	case apierrors.IsNotFound(err):
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("reading the workload: %w", err)
	case w.DeletionTimestamp != nil: // what it owns goes with it
		return ctrl.Result{}, nil
	}
	return r.reconcile(ctx, &w)
}

// askAgain is when a workload is looked at again whose name somebody else has: of what is not an operator's no event comes.
const askAgain = 30 * time.Second

func (r *Reconciler) reconcile(ctx context.Context, w *api.Workload) (ctrl.Result, error) {
	have, err := r.deployment(ctx, w)
	if err != nil {
		return ctrl.Result{}, err
	}
	status := w.Status
	status.Conditions = append([]metav1.Condition(nil), w.Status.Conditions...)
	status.ObservedGeneration = w.Generation

	objects, err := pods.Plan(w, r.Config)
	if err == nil {
		err = r.mayTake(ctx, w, objects)
	}
	var refusal *pods.Refusal
	switch {
	case errors.As(err, &refusal):
		r.refused(w, &status, refusal, have)
		var again ctrl.Result
		if refusal.Reason == nameTaken {
			again.RequeueAfter = askAgain
		}
		return again, r.writeStatus(ctx, w, &status)
	case err != nil:
		return ctrl.Result{}, err
	}
	r.set(w, &status, api.Accepted, true, "Accepted", acceptedMessage(objects))
	status.URL = objects.URL()
	status.Selector = labels.SelectorFromSet(pods.Selector(w.Name)).String()

	all, err := r.pods(ctx, w)
	if err != nil {
		return ctrl.Result{}, err
	}
	if slices.ContainsFunc(all, func(p corev1.Pod) bool { return waitsForVolumes(&p) }) {
		r.unapplied(w, objects.Document) // no event tells that somebody has deleted it
	}
	ctx, rollout := r.Tracer.rollout(ctx, w, have, objects)
	have, err = r.applyAll(ctx, w, objects, have)
	rollout.applied(err)
	if err != nil {
		r.set(w, &status, api.Ready, false, "ApplyFailed", cut(err.Error()))
		return ctrl.Result{}, errors.Join(err, r.writeStatus(ctx, w, &status))
	}
	status.TraceID = rollout.traceID(status.TraceID)
	v := judge(have, all)
	r.judged(w, &status, v, have)
	if becameReady(w, &status) {
		rollout.ready(have)
		if err := r.sweep(ctx, w, objects); err != nil { // the next rollout tries again
			r.Log.Warn("documents of earlier rollouts are left", "workload", w.Namespace+"/"+w.Name, "error", err)
		}
	}
	return ctrl.Result{}, r.writeStatus(ctx, w, &status)
}

func acceptedMessage(o *pods.Objects) string {
	if len(o.Warnings) > 0 {
		return "it runs in pods; " + o.Warnings[0]
	}
	return "it runs in pods"
}

// deployment is the workload's Deployment, nil if there is none.
func (r *Reconciler) deployment(ctx context.Context, w *api.Workload) (*appsv1.Deployment, error) {
	var d appsv1.Deployment
	key := client.ObjectKeyFromObject(w)
	r.mu.Lock()
	latest := r.latest[key]
	r.mu.Unlock()
	err := r.client.Get(ctx, key, &d)
	switch {
	case latest == nil:
	case apierrors.IsNotFound(err): // it is too new for the cache, or somebody has deleted it
		err = r.live.Get(ctx, key, &d)
	case err == nil && d.UID == latest.UID && d.Generation < latest.Generation:
		latest.DeepCopyInto(&d)
	}
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(&d, w) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the Deployment: %w", err)
	}
	return &d, nil
}

func (r *Reconciler) pods(ctx context.Context, w *api.Workload) ([]corev1.Pod, error) {
	var list corev1.PodList
	if err := r.client.List(ctx, &list, client.InNamespace(w.Namespace), client.MatchingLabels(pods.Selector(w.Name))); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	return list.Items, nil
}

// sweep deletes the documents of earlier rollouts that no ReplicaSet may go back to.
func (r *Reconciler) sweep(ctx context.Context, w *api.Workload, objects *pods.Objects) error {
	ours := []client.ListOption{client.InNamespace(w.Namespace), client.MatchingLabels(pods.Selector(w.Name))}
	var documents corev1.ConfigMapList
	if err := r.live.List(ctx, &documents, ours...); err != nil {
		return fmt.Errorf("listing documents: %w", err)
	}
	if len(documents.Items) < 2 {
		return nil
	}
	var sets appsv1.ReplicaSetList
	if err := r.live.List(ctx, &sets, ours...); err != nil {
		return fmt.Errorf("listing ReplicaSets: %w", err)
	}
	used := map[string]bool{objects.Document.Name: true}
	for i := range sets.Items {
		used[documentOf(&sets.Items[i].Spec.Template.Spec)] = true
	}
	for i := range documents.Items {
		d := &documents.Items[i]
		if used[d.Name] || !metav1.IsControlledBy(d, w) {
			continue
		}
		if err := r.client.Delete(ctx, d); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting the document %s: %w", d.Name, err)
		}
	}
	return nil
}
