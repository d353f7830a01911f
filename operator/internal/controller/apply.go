package controller

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// appliedKey is an object of a workload.
type appliedKey struct {
	workload types.NamespacedName
	kind     string
}

// appliedState is what was applied, and which version of the object it made: while both are the same there is nothing to apply.
type appliedState struct {
	digest  [sha256.Size]byte
	version string
}

// version changes when somebody changes what the object should be. Kinds without a generation change altogether; the generation of others says
// nothing of labels and owners, by which the operator finds them.
func version(o metav1.Object) string {
	if g := o.GetGeneration(); g > 0 {
		owners := make([]types.UID, 0, 1)
		for _, owner := range o.GetOwnerReferences() {
			owners = append(owners, owner.UID)
		}
		return fmt.Sprint(o.GetUID(), "/", g, o.GetLabels(), owners, o.GetAnnotations()[pods.AnnotationTemplate])
	}
	return fmt.Sprint(o.GetUID(), "/", o.GetResourceVersion())
}

func (r *Reconciler) forget(w types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.latest, w)
	for k := range r.applied {
		if k.workload == w {
			delete(r.applied, k)
		}
	}
	r.Tracer.forget(w)
}

const nameTaken = "NameTaken"

// mayTake refuses a workload whose name an object of somebody else has.
func (r *Reconciler) mayTake(ctx context.Context, w *api.Workload, wanted ...client.Object) error {
	for _, want := range wanted {
		kind := want.GetObjectKind().GroupVersionKind()
		if cached := r.cached(ctx, want); cached != nil && metav1.IsControlledBy(cached, w) {
			continue
		}
		have := &metav1.PartialObjectMetadata{}
		have.SetGroupVersionKind(kind)
		err := r.reader.Get(ctx, client.ObjectKeyFromObject(want), have)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("reading the %s: %w", kind.Kind, err)
		case !metav1.IsControlledBy(have, w):
			return &pods.Refusal{Reason: nameTaken, Message: fmt.Sprintf("there is a %s %s that belongs to somebody else: delete it, or give the workload another name", kind.Kind, want.GetName())}
		}
	}
	return nil
}

// applyAll applies what differs, the Deployment last, and returns the Deployment as it is now.
func (r *Reconciler) applyAll(ctx context.Context, w *api.Workload, o *pods.Objects, have *appsv1.Deployment) (*appsv1.Deployment, error) {
	if _, err := r.apply(ctx, w, o.Document, nil); err != nil {
		return nil, err
	}
	if _, err := r.apply(ctx, w, o.Policy, r.cached(ctx, o.Policy)); err != nil {
		return nil, err
	}
	if err := r.applyService(ctx, w, o.Service); err != nil {
		return nil, err
	}
	var cached client.Object
	if have != nil {
		cached = have
	}
	now, err := r.apply(ctx, w, o.Deployment, cached)
	if err != nil || now == nil {
		return have, err
	}
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(now.Object, &d); err != nil {
		return nil, fmt.Errorf("reading the Deployment: %w", err)
	}
	r.mu.Lock()
	r.latest[client.ObjectKeyFromObject(w)] = d.DeepCopy()
	r.mu.Unlock()
	return &d, nil
}

// unapplied has an object be applied again, whatever was applied last.
func (r *Reconciler) unapplied(w *api.Workload, o client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.applied, appliedKey{client.ObjectKeyFromObject(w), o.GetObjectKind().GroupVersionKind().Kind})
}

// cached is the object as the cache has it; nil: it has none.
func (r *Reconciler) cached(ctx context.Context, want client.Object) client.Object {
	have, _ := want.DeepCopyObject().(client.Object)
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(want), have); err != nil {
		return nil // it is applied, whatever the cache had
	}
	return have
}

// dropService deletes the Service of a workload that has nothing to serve any more.
func (r *Reconciler) dropService(ctx context.Context, w *api.Workload) error {
	s := &corev1.Service{}
	err := r.client.Get(ctx, client.ObjectKeyFromObject(w), s)
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(s, w) {
		return nil
	}
	if err == nil {
		err = client.IgnoreNotFound(r.client.Delete(ctx, s))
	}
	if err != nil {
		return fmt.Errorf("deleting the Service: %w", err)
	}
	return nil
}

// apply applies an object, by server-side apply, unless it is as it was applied last: have is the object in the cache, nil for one that never
// changes. It returns what the API server has made of it; nil where there was nothing to do.
func (r *Reconciler) apply(ctx context.Context, w *api.Workload, want, have client.Object) (*unstructured.Unstructured, error) {
	kind := want.GetObjectKind().GroupVersionKind().Kind
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return nil, fmt.Errorf("writing the %s: %w", kind, err)
	}
	u := &unstructured.Unstructured{Object: content}
	clean(u)
	text, err := json.Marshal(u.Object)
	if err != nil {
		return nil, fmt.Errorf("writing the %s: %w", kind, err)
	}
	key, sum := appliedKey{client.ObjectKeyFromObject(w), kind}, sha256.Sum256(text)
	r.mu.Lock()
	last, known := r.applied[key]
	r.mu.Unlock()
	if known && last.digest == sum && (kind == "ConfigMap" || have != nil && version(have) == last.version) {
		return nil, nil
	}
	if err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(pods.ManagedBy), client.ForceOwnership); err != nil {
		return nil, fmt.Errorf("applying the %s: %w", kind, err)
	}
	r.mu.Lock()
	r.applied[key] = appliedState{sum, version(u)}
	r.mu.Unlock()
	return u, nil
}

// clean takes from an object what would be owned without a meaning: the status, and zeros that Go's types write.
func clean(u *unstructured.Unstructured) {
	delete(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "spec", "loadBalancer")
}
