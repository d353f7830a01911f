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
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
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
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
	"github.com/vitrine-wasm/vitrine/operator/internal/why"
)

// Reconciler reconciles workloads. Its fields must be set before [Reconciler.SetUp], which sets the rest.
type Reconciler struct {
	Config pods.Config
	// HostsNamespace is that of hosts and their Leases.
	HostsNamespace string
	Log            *slog.Logger
	Tracer         *Tracer // nil: no spans

	client client.Client
	reader client.Reader // asks the API server
	events events.EventRecorder
	live   liveness                // of hosts
	wake   chan event.GenericEvent // of workloads to look at since a host has changed

	placing    sync.Mutex // held while a workload gets hosts
	mu         sync.Mutex
	hostStates map[string]hostState
	placed     map[types.NamespacedName]placed // assignments that the cache may not have yet
	removed    map[types.UID]time.Time         // and those that it may still have
	applied    map[appliedKey]appliedState     // what this process has applied last
	// latest are the Deployments that the API server has made of what was applied last. A cache may not have them yet: to take the one before for the
	// present one would be another rollout.
	latest map[types.NamespacedName]*appsv1.Deployment
}

// CacheOptions keep in memory only what operators have made, and the hosts of a namespace: not every pod of a cluster.
func CacheOptions(hosts string) cache.Options {
	there := cache.ByObject{Namespaces: map[string]cache.Config{hosts: {}}}
	leases := there
	leases.Label = labels.SelectorFromSet(labels.Set{"app.kubernetes.io/name": "vitrine-host"})
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{pods.LabelManagedBy: pods.ManagedBy})}
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&appsv1.Deployment{}: ours, &corev1.Pod{}: ours, &corev1.Service{}: ours, &networkingv1.NetworkPolicy{}: ours,
		&discoveryv1.EndpointSlice{}: ours, &api.Host{}: there, &coordinationv1.Lease{}: leases,
	}}
}

// SetUp registers the reconciler with a manager.
func (r *Reconciler) SetUp(m ctrl.Manager) error {
	r.client, r.reader, r.events = m.GetClient(), m.GetAPIReader(), m.GetEventRecorder(pods.ManagedBy)
	r.applied, r.latest = map[appliedKey]appliedState{}, map[types.NamespacedName]*appsv1.Deployment{}
	r.live.beats, r.hostStates, r.wake = map[string]*beat{}, map[string]hostState{}, make(chan event.GenericEvent)
	r.placed, r.removed = map[types.NamespacedName]placed{}, map[types.UID]time.Time{}
	err := ctrl.NewControllerManagedBy(m).Named("host").For(&api.Host{}).
		Watches(&coordinationv1.Lease{}, &handler.EnqueueRequestForObject{}).
		Complete(reconcile.Func(r.ReconcileHost))
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(m).Named("workload").For(&api.Workload{}).
		Owns(&api.Assignment{}).WatchesRawSource(source.Channel(r.wake, &handler.EnqueueRequestForObject{})).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(ofPod)).
		Owns(&appsv1.Deployment{}).Owns(&corev1.Service{}).Owns(&networkingv1.NetworkPolicy{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(ofPod)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(reconcile.Func(r.Reconcile))
}

// ofPod is the workload of a pod, or of an EndpointSlice.
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

	if d, err := w.Document(); err == nil && d.Placement == OnHosts {
		return r.reconcileHosts(ctx, w, d, &status)
	}
	objects, err := pods.Plan(w, r.Config)
	if err == nil {
		err = r.mayTake(ctx, w, objects.Named()...)
	}
	if err != nil {
		return r.refusedOr(ctx, w, &status, err, countsOfPods(have))
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
		return r.notApplied(ctx, w, &status, err)
	}
	status.TraceID = rollout.traceID(status.TraceID)
	v := judge(have, all)
	r.judged(w, &status, v, countsOfPods(have))
	if becameReady(w, &status) {
		r.Tracer.ready(client.ObjectKeyFromObject(w), int(have.Status.ReadyReplicas))
		if err := r.sweep(ctx, w, objects); err != nil { // the next rollout tries again
			r.Log.Warn("documents of earlier rollouts are left", "workload", w.Namespace+"/"+w.Name, "error", err)
		}
	}
	return ctrl.Result{}, r.writeStatus(ctx, w, &status)
}

// refusedOr ends a reconcile whose plan has failed: with the refusal in the status, or by the error.
func (r *Reconciler) refusedOr(ctx context.Context, w *api.Workload, status *api.Status, err error, n counts) (again ctrl.Result, _ error) {
	var refusal *pods.Refusal
	if !errors.As(err, &refusal) {
		return ctrl.Result{}, err
	}
	r.refused(w, status, refusal, n)
	if refusal.Reason == nameTaken {
		again.RequeueAfter = askAgain
	}
	return again, r.writeStatus(ctx, w, status)
}

// notApplied ends a reconcile in which the API server has refused something.
func (r *Reconciler) notApplied(ctx context.Context, w *api.Workload, status *api.Status, err error) (ctrl.Result, error) {
	r.set(w, status, api.Ready, false, "ApplyFailed", why.Cut(err.Error()))
	return ctrl.Result{}, errors.Join(err, r.writeStatus(ctx, w, status))
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
		err = r.reader.Get(ctx, key, &d)
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
	if err := r.reader.List(ctx, &documents, ours...); err != nil {
		return fmt.Errorf("listing documents: %w", err)
	}
	if len(documents.Items) < 2 {
		return nil
	}
	var sets appsv1.ReplicaSetList
	if err := r.reader.List(ctx, &sets, ours...); err != nil {
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
