package controller

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/hosts"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// OnHosts is the placement of workloads that hosts run.
const OnHosts = "hosts"

// hostState is what of a host matters to where workloads are.
type hostState struct {
	alive, draining, unschedulable bool
	spec                           string
}

// ReconcileHost looks whether a host lives, and has workloads be looked at where that, or what it offers, has changed.
func (r *Reconciler) ReconcileHost(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var h api.Host
	err := r.client.Get(ctx, req.NamespacedName, &h)
	if apierrors.IsNotFound(err) || err == nil && h.DeletionTimestamp != nil {
		r.live.forget(req.Name)
		return ctrl.Result{}, r.hostChanged(ctx, req.Name, nil)
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the host: %w", err)
	}
	lease, err := readLease(ctx, r.client, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.live.see(req.Name, lease, time.Now())
	next := r.live.judge(ctx, req.Name, time.Now(), func(ctx context.Context) (*coordinationv1.Lease, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return readLease(ctx, r.reader, req.NamespacedName)
	})
	now := &hostState{r.live.alive(req.Name), h.Status.Draining, h.Spec.Unschedulable, fmt.Sprint(h.Spec, h.Labels)}
	return ctrl.Result{RequeueAfter: next}, r.hostChanged(ctx, req.Name, now)
}

// readLease reads a Lease; nil if there is none.
func readLease(ctx context.Context, from client.Reader, key types.NamespacedName) (*coordinationv1.Lease, error) {
	var lease coordinationv1.Lease
	err := from.Get(ctx, key, &lease)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the Lease: %w", err)
	}
	return &lease, nil
}

// hostChanged has all workloads on hosts be looked at, unless the host is as it was. nil: it has gone.
func (r *Reconciler) hostChanged(ctx context.Context, name string, now *hostState) error {
	r.mu.Lock()
	before, known := r.hostStates[name]
	if now == nil {
		delete(r.hostStates, name)
	} else {
		r.hostStates[name] = *now
	}
	r.mu.Unlock()
	if now == nil && !known || now != nil && known && *now == before {
		return nil
	}
	if known && before.alive && (now == nil || !now.alive) {
		r.Log.Warn("a host does not answer any more: its workloads are moved", "host", name)
	}
	var all api.WorkloadList
	if err := r.client.List(ctx, &all); err != nil {
		return fmt.Errorf("listing workloads: %w", err)
	}
	for i := range all.Items {
		if d, err := all.Items[i].Document(); err == nil && d.Placement == OnHosts {
			select {
			case r.wake <- event.GenericEvent{Object: &all.Items[i]}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// reconcileHosts brings a workload on hosts and its assignments together.
func (r *Reconciler) reconcileHosts(ctx context.Context, w *api.Workload, d *v1alpha1.Spec, status *api.Status) (ctrl.Result, error) {
	plan, err := pods.PlanHosted(w, d)
	if err == nil && plan.Service != nil {
		err = r.mayTake(ctx, w, plan.Service)
	}
	if err != nil {
		all, listed := r.assignments(ctx, w)
		if listed != nil {
			return ctrl.Result{}, listed
		}
		return r.refusedOr(ctx, w, status, err, r.countsOf(all, ""))
	}
	r.set(w, status, api.Accepted, true, "Accepted", "it runs on hosts")
	status.Selector, status.URL = "", (&pods.Objects{Service: plan.Service}).URL()
	if err := r.applyService(ctx, w, plan.Service); err != nil {
		return r.notApplied(ctx, w, status, err)
	}
	all, lacking, why, err := r.assign(ctx, w, plan, status)
	if err != nil {
		return r.notApplied(ctx, w, status, err)
	}
	n := r.countsOf(all, plan.Assignment.Digest)
	v := judgeHosted(plan, all, n, lacking, why)
	r.judged(w, status, v, n)
	if v.ready {
		r.Tracer.ready(client.ObjectKeyFromObject(w), int(n.ready))
	}
	return ctrl.Result{}, r.writeStatus(ctx, w, status)
}

// applyService applies the Service, or deletes one that is not wanted any more.
func (r *Reconciler) applyService(ctx context.Context, w *api.Workload, s *corev1.Service) error {
	if s == nil {
		return r.dropService(ctx, w)
	}
	_, err := r.apply(ctx, w, s, r.cached(ctx, s))
	return err
}

// assign does what is to be done with the assignments, and returns them as they are then.
func (r *Reconciler) assign(ctx context.Context, w *api.Workload, plan *pods.Hosted, status *api.Status) (all []api.Assignment, lacking int, why string, err error) {
	r.placing.Lock() // two workloads must not take the same room
	defer r.placing.Unlock()
	if all, err = r.assignments(ctx, w); err != nil {
		return nil, 0, "", err
	}
	known, err := r.hosts(ctx)
	if err != nil {
		return all, 0, "", err
	}
	do := hosts.Decide(plan, all, known)
	if len(do.Create)+len(do.Update) > 0 {
		trace := r.Tracer.assigning(ctx, w, plan.Assignment.Digest)
		defer func() { trace.end(err) }()
		status.TraceID = trace.id(status.TraceID)
		for _, a := range do.Update {
			if err := r.update(ctx, a, plan, trace); err != nil {
				return all, 0, "", err
			}
		}
		for _, host := range do.Create {
			a, err := r.create(ctx, w, host, plan, trace)
			if err != nil {
				return all, 0, "", err
			}
			all = append(all, *a)
		}
	}
	answers := slices.ContainsFunc(all, func(a api.Assignment) bool { return a.Status.Ready && r.live.alive(a.Spec.Host) })
	for i := range all { // new ones take requests before old ones end
		if h := known[all[i].Spec.Host]; !answers && h != nil && !h.Alive {
			continue // nobody else would answer, and it may have lost the API server alone
		}
		if !slices.Contains(do.Delete, &all[i]) {
			if err := r.applySlice(ctx, &all[i], known[all[i].Spec.Host], plan); err != nil {
				return all, 0, "", err
			}
		}
	}
	gone := map[types.UID]bool{}
	for _, a := range do.Delete {
		if err := r.remove(ctx, a); err != nil {
			return all, 0, "", err
		}
		gone[a.UID] = true
	}
	return slices.DeleteFunc(all, func(a api.Assignment) bool { return gone[a.UID] }), do.Lacking, do.Why, nil
}

// placedFor bounds how long an assignment counts that the cache has not shown.
const placedFor = 10 * time.Second

// placed is an assignment that was made a moment ago.
type placed struct {
	*api.Assignment
	at time.Time
}

// assignments are those of a workload, as the cache has them, and those made since.
func (r *Reconciler) assignments(ctx context.Context, w *api.Workload) ([]api.Assignment, error) {
	var list api.AssignmentList
	if err := r.client.List(ctx, &list, client.InNamespace(w.Namespace), client.MatchingLabels(pods.Selector(w.Name))); err != nil {
		return nil, fmt.Errorf("listing assignments: %w", err)
	}
	out := slices.DeleteFunc(list.Items, func(a api.Assignment) bool {
		return a.DeletionTimestamp != nil || !metav1.IsControlledBy(&a, w) || r.isRemoved(a.UID)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, p := range r.placed {
		switch {
		case slices.ContainsFunc(list.Items, func(a api.Assignment) bool { return a.UID == p.UID }), time.Since(p.at) > placedFor:
			if metav1.IsControlledBy(p, w) || time.Since(p.at) > placedFor {
				delete(r.placed, name)
			}
		case metav1.IsControlledBy(p, w):
			out = append(out, *p.DeepCopy())
		}
	}
	slices.SortFunc(out, func(a, b api.Assignment) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (r *Reconciler) isRemoved(uid types.UID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.removed[uid]
	return ok
}

// hosts are all hosts, with what is assigned to each.
func (r *Reconciler) hosts(ctx context.Context) (map[string]*hosts.Host, error) {
	var list api.HostList
	if err := r.client.List(ctx, &list, client.InNamespace(r.HostsNamespace)); err != nil {
		return nil, fmt.Errorf("listing hosts: %w", err)
	}
	out := map[string]*hosts.Host{}
	for i := range list.Items {
		h := &list.Items[i]
		out[h.Name] = &hosts.Host{Host: h, Alive: h.DeletionTimestamp == nil && r.live.alive(h.Name)}
	}
	var all api.AssignmentList
	if err := r.client.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing assignments: %w", err)
	}
	count := func(a *api.Assignment) {
		if h := out[a.Spec.Host]; h != nil {
			h.Reserved += a.Spec.Memory
			h.Assigned++
		}
	}
	seen := map[types.UID]bool{}
	for i := range all.Items {
		seen[all.Items[i].UID] = true
		if !r.isRemoved(all.Items[i].UID) {
			count(&all.Items[i])
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.placed {
		if !seen[p.UID] {
			count(p.Assignment)
		}
	}
	for uid, at := range r.removed {
		if !seen[uid] || time.Since(at) > placedFor {
			delete(r.removed, uid)
		}
	}
	return out, nil
}

// create assigns a replica to a host.
func (r *Reconciler) create(ctx context.Context, w *api.Workload, host string, plan *pods.Hosted, trace *assigning) (*api.Assignment, error) {
	a := &api.Assignment{ObjectMeta: metav1.ObjectMeta{Name: hosts.Name(w.Name, host), Namespace: w.Namespace, Labels: plan.Labels, OwnerReferences: []metav1.OwnerReference{plan.Owner}}, Spec: plan.Assignment}
	a.Spec.Host = host
	var end func(error)
	a.Spec.Traceparent, end = trace.assign(host)
	err := r.client.Create(ctx, a)
	end(err)
	if err != nil {
		return nil, fmt.Errorf("assigning to host %s: %w", host, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.placed[client.ObjectKeyFromObject(a)] = placed{a.DeepCopy(), time.Now()}
	return a, nil
}

// update gives a replica the present document.
func (r *Reconciler) update(ctx context.Context, a *api.Assignment, plan *pods.Hosted, trace *assigning) error {
	before := a.DeepCopy()
	host := a.Spec.Host
	a.Spec, a.Labels = plan.Assignment, plan.Labels
	a.Spec.Host = host
	var end func(error)
	a.Spec.Traceparent, end = trace.assign(host)
	err := r.client.Patch(ctx, a, client.MergeFrom(before))
	end(err)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("assigning to host %s: %w", host, err)
	}
	return nil
}

// remove takes a replica from its host: first nobody is led to it any more, then it ends.
func (r *Reconciler) remove(ctx context.Context, a *api.Assignment) error {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace}}
	if r.cached(ctx, slice) != nil {
		if err := r.client.Delete(ctx, slice); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting the EndpointSlice: %w", err)
		}
	}
	if err := r.client.Delete(ctx, a, client.Preconditions{UID: &a.UID}); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("taking it from host %s: %w", a.Spec.Host, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.placed, client.ObjectKeyFromObject(a))
	r.removed[a.UID] = time.Now()
	return nil
}

// applySlice has the Service lead to a replica that answers, and to no other.
func (r *Reconciler) applySlice(ctx context.Context, a *api.Assignment, h *hosts.Host, plan *pods.Hosted) error {
	want := sliceOf(a, h, plan)
	have := &discoveryv1.EndpointSlice{}
	err := r.client.Get(ctx, client.ObjectKeyFromObject(a), have)
	switch {
	case apierrors.IsNotFound(err) && want == nil:
		return nil
	case apierrors.IsNotFound(err):
		err = r.client.Create(ctx, want)
		if apierrors.IsAlreadyExists(err) { // the cache will tell, and then it is looked at again
			err = nil
		}
	case err != nil:
	case want == nil:
		err = client.IgnoreNotFound(r.client.Delete(ctx, have))
	case have.AddressType != want.AddressType || !metav1.IsControlledBy(have, a):
		err = client.IgnoreNotFound(r.client.Delete(ctx, have)) // it is made anew when it has gone
	case !reflect.DeepEqual(have.Endpoints, want.Endpoints) || !reflect.DeepEqual(have.Ports, want.Ports) || have.Labels[discoveryv1.LabelServiceName] != a.Spec.Workload:
		next := have.DeepCopy()
		next.Endpoints, next.Ports, next.Labels = want.Endpoints, want.Ports, want.Labels
		err = client.IgnoreNotFound(r.client.Patch(ctx, next, client.MergeFrom(have)))
	}
	if err != nil {
		return fmt.Errorf("leading the Service to host %s: %w", a.Spec.Host, err)
	}
	return nil
}

// sliceOf is the EndpointSlice of a replica; nil where nobody is to be led to it. Each has one of its own, since hosts have different ports for one workload.
func sliceOf(a *api.Assignment, h *hosts.Host, plan *pods.Hosted) *discoveryv1.EndpointSlice {
	if plan.Service == nil || h == nil || !h.Alive || !a.Status.Ready || a.Status.Port == 0 {
		return nil
	}
	at, err := netip.ParseAddr(h.Spec.Address)
	if err != nil {
		return nil
	}
	labels := map[string]string{}
	for k, v := range plan.Labels {
		labels[k] = v
	}
	labels[discoveryv1.LabelServiceName], labels[discoveryv1.LabelManagedBy] = plan.Service.Name, pods.ManagedBy
	yes, p := true, plan.Service.Spec.Ports[0]
	protocol := p.Protocol
	out := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace, Labels: labels, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: api.GroupVersion.String(), Kind: "Assignment", Name: a.Name, UID: a.UID, Controller: &yes, BlockOwnerDeletion: &yes}}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{at.String()}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &p.Name, Port: &a.Status.Port, Protocol: &protocol}},
	}
	if at.Is6() && !at.Is4In6() {
		out.AddressType = discoveryv1.AddressTypeIPv6
	}
	return out
}

// countsOf counts a workload's replicas on hosts: those that there are, those that answer, those that run the document of a digest. What a host that has died
// said last is no answer.
func (r *Reconciler) countsOf(all []api.Assignment, digest string) counts {
	n := counts{what: "replicas"}
	for i := range all {
		s := &all[i].Status
		n.all++
		if s.Ready && r.live.alive(all[i].Spec.Host) {
			n.ready++
			if s.Digest == digest {
				n.updated++
			}
		}
	}
	return n
}

// judgeHosted says what became of a workload on hosts.
func judgeHosted(plan *pods.Hosted, all []api.Assignment, n counts, lacking int, why string) verdict {
	wanted := int32(plan.Replicas)
	serving := ""
	if n.ready > 0 {
		serving = fmt.Sprintf("; %d of %d replicas answer meanwhile", n.ready, wanted)
	}
	for i := range all {
		if s := &all[i].Status; s.Failed != "" && s.Failed == plan.Assignment.Digest && all[i].Spec.Digest == s.Failed {
			return verdict{progressing: true, reason: s.Reason, message: s.Message + serving}
		}
	}
	switch {
	case wanted == 0 && n.all == 0:
		return verdict{ready: true, reason: "ScaledToZero", message: "no replica is wanted"}
	case lacking > 0:
		return verdict{progressing: true, reason: "NoHost", message: why + serving}
	case n.updated >= wanted && n.ready == n.updated:
		return verdict{ready: true, reason: "Ready", message: fmt.Sprintf("%d of %d replicas answer", n.ready, wanted)}
	}
	return verdict{progressing: true, reason: "Starting", message: fmt.Sprintf("%d of %d replicas answer", n.ready, wanted)}
}
