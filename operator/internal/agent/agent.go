// Package agent is what a host is in a cluster: it keeps the object Host and its Lease, sees the assignments of its host alone, has `vitrine host`
// serve them, and says in their statuses what became of them. Nothing that takes time, a fetch above all, is between it and its Lease. It knows no engine: vitrine
// is a process beside it.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/vitrine-wasm/vitrine/operator/api"
)

// Times of Leases. A host whose Lease has not been renewed for LeaseTime is asked for once more after a moment, and then its workloads are moved, all
// within 15 seconds of its end.
const (
	RenewTime = 10 * time.Second
	LeaseTime = 11 * time.Second
	RetryTime = 500 * time.Millisecond
)

// Config is an agent's. All but Labels, Arguments and Environment must be set.
type Config struct {
	Name, Namespace string // of the Host and its Lease
	UID             string // of the pod of that name, which owns both; empty: there is no pod
	Address         string // where others reach workloads
	Listen          string // the address of this machine on which they listen
	Labels          map[string]string
	Binary          string   // vitrine
	Arguments       []string // further ones of `vitrine host`
	Environment     []string // of it
	Folder          string   // of its own
	// Delay is how long a workload is served after its assignment has gone, since others may still send requests.
	Delay time.Duration
	// Drain bounds how long the agent waits for its workloads to be elsewhere when it is told to end.
	Drain time.Duration
	Log   *slog.Logger
}

// Agent is one host's. Make it by [New].
type Agent struct {
	Config
	client  client.Client // asks the API server, and has no cache
	lease   client.Client // of its own connection and rate
	cache   cache.Cache
	engine  *engine
	memory  int64
	version string
	plugins []string
	slots   chan struct{} // one for each start at a time

	running   context.Context // of all that goes on until the end
	mu        sync.Mutex
	assigned  map[types.NamespacedName]*api.Assignment
	workloads map[types.NamespacedName]*served
	reported  api.HostStatus
	ended     sync.WaitGroup
}

// startsAtOnce bounds how many workloads are started at a time. Most of a start is waiting for a registry.
const startsAtOnce = 32

// New makes an agent.
func New(config *rest.Config, c Config) (*Agent, error) {
	scheme := kruntime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), api.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("registering types: %w", err)
	}
	a := &Agent{Config: c, slots: make(chan struct{}, startsAtOnce), assigned: map[types.NamespacedName]*api.Assignment{}, workloads: map[types.NamespacedName]*served{}}
	var err error
	if a.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	own := rest.CopyConfig(config)
	own.Timeout = 2 * time.Second // a renewal that takes longer is tried again
	if a.lease, err = client.New(own, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	// The API server itself chooses the assignments of this host.
	a.cache, err = cache.New(config, cache.Options{Scheme: scheme, ByObject: map[client.Object]cache.ByObject{
		&api.Assignment{}: {Field: fields.OneTermEqualSelector("spec.host", c.Name)},
	}})
	if err != nil {
		return nil, fmt.Errorf("making a cache: %w", err)
	}
	a.engine = newEngine(c.Binary, c.Folder, c.Listen, c.Arguments, c.Environment, c.Log)
	return a, nil
}

// Run runs the agent until ctx ends. Then its workloads are moved, as far as there is room elsewhere, and what is left ends.
func (a *Agent) Run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(a.Folder, "files"), 0o700); err != nil {
		return err
	}
	var err error
	if a.version, a.plugins, err = capabilities(ctx, a.Binary); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	a.running = running
	a.ended.Go(func() { a.engine.run(running, a.wakeAll) })
	defer a.ended.Wait()
	defer stop() // before it waits
	for a.memory == 0 {
		if s, err := a.engine.state(ctx); err == nil {
			a.memory = max(s.Memory.Limit, 1)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := a.register(ctx); err != nil {
		return err
	}
	a.ended.Go(func() { a.renew(running) })
	if err := a.watch(running); err != nil {
		return err
	}
	a.ended.Go(func() { a.report(running) })
	a.Log.Info("the host is ready for workloads", "host", a.Name, "address", a.Address)
	<-ctx.Done()
	a.leave(running)
	return nil
}

// meta is the metadata of the Host and of its Lease: both go with the pod.
func (a *Agent) meta() metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace, Labels: map[string]string{"app.kubernetes.io/name": "vitrine-host", "kubernetes.io/arch": runtime.GOARCH}}
	for k, v := range a.Labels {
		m.Labels[k] = v
	}
	if a.UID != "" {
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: a.Name, UID: types.UID(a.UID)}}
	}
	return m
}

// register makes the Host, or has it be what this process is.
func (a *Agent) register(ctx context.Context) error {
	spec := api.HostSpec{Address: a.Address, Version: a.version, Architecture: runtime.GOARCH, Plugins: a.plugins, Memory: a.memory}
	h := &api.Host{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: "Host"}, ObjectMeta: a.meta(), Spec: spec}
	return a.try(ctx, "registering the host", func() error {
		h.ResourceVersion, h.UID = "", ""
		err := a.client.Create(ctx, h)
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		var have api.Host
		if err := a.client.Get(ctx, client.ObjectKeyFromObject(h), &have); err != nil {
			return err
		}
		next, _ := have.DeepCopyObject().(*api.Host)
		next.Labels, next.OwnerReferences = h.Labels, h.OwnerReferences
		spec.Unschedulable = have.Spec.Unschedulable
		next.Spec = spec
		if err := a.client.Patch(ctx, next, client.MergeFrom(&have)); err != nil {
			return err
		}
		if !have.Status.Draining {
			return nil
		}
		before, _ := next.DeepCopyObject().(*api.Host)
		next.Status.Draining = false
		return a.client.Status().Patch(ctx, next, client.MergeFrom(before))
	})
}

// try does what may fail because the API server is away, until it succeeds.
func (a *Agent) try(ctx context.Context, what string, do func() error) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := do()
		if err == nil || apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			return err
		}
		a.Log.Warn(what+" has failed, and is tried again", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// renew keeps the Lease.
func (a *Agent) renew(ctx context.Context) {
	var lease *coordinationv1.Lease
	for {
		next, err := a.renewOnce(ctx, lease)
		wait := RenewTime
		if err != nil {
			lease, wait = nil, RetryTime
			if ctx.Err() == nil {
				a.Log.Warn("the Lease has not been renewed", "error", err)
			}
		} else {
			lease = next
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// renewOnce renews the Lease: by one call if it is as it was left.
func (a *Agent) renewOnce(ctx context.Context, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	now, seconds := metav1.NowMicro(), int32(LeaseTime/time.Second)
	if lease == nil {
		lease = &coordinationv1.Lease{}
		err := a.lease.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: a.Name}, lease)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		if err != nil {
			lease = &coordinationv1.Lease{ObjectMeta: a.meta(), Spec: coordinationv1.LeaseSpec{HolderIdentity: &a.Name, LeaseDurationSeconds: &seconds, RenewTime: &now}}
			return lease, a.lease.Create(ctx, lease)
		}
	}
	m := a.meta()
	lease.Labels, lease.OwnerReferences = m.Labels, m.OwnerReferences
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds, lease.Spec.RenewTime = &a.Name, &seconds, &now
	return lease, a.lease.Update(ctx, lease)
}

// watch sees the assignments of this host.
func (a *Agent) watch(ctx context.Context) error {
	informer, err := a.cache.GetInformer(ctx, &api.Assignment{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching assignments: %w", err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { a.see(o, false) },
		UpdateFunc: func(_, o any) { a.see(o, false) },
		DeleteFunc: func(o any) {
			if last, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = last.Obj
			}
			a.see(o, true)
		},
	})
	if err != nil {
		return fmt.Errorf("watching assignments: %w", err)
	}
	a.ended.Go(func() {
		if err := a.cache.Start(ctx); err != nil {
			a.Log.Error("assignments are not watched any more", "error", err)
		}
	})
	return nil
}

// see notes what an assignment is now.
func (a *Agent) see(o any, gone bool) {
	assignment, ok := o.(*api.Assignment)
	if !ok || assignment.Spec.Host != a.Name {
		return
	}
	key := types.NamespacedName{Namespace: assignment.Namespace, Name: assignment.Spec.Workload}
	a.mu.Lock()
	defer a.mu.Unlock()
	if gone {
		if have := a.assigned[key]; have != nil && have.UID == assignment.UID {
			delete(a.assigned, key)
		}
	} else {
		a.assigned[key] = assignment.DeepCopy()
	}
	w := a.workloads[key]
	if w == nil {
		if gone {
			return
		}
		w = &served{a: a, key: key, wake: make(chan struct{}, 1)}
		a.workloads[key] = w
		a.ended.Go(func() { w.run(a.running) })
	}
	w.poke()
}

// wakeAll has all workloads look at what they should be.
func (a *Agent) wakeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.workloads {
		w.poke()
	}
}

// reportTime is how often the Host's status may change.
const reportTime = time.Minute

// report writes the load into the Host's status where it has changed by more than a trifle.
func (a *Agent) report(ctx context.Context) {
	tick := time.NewTicker(reportTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s, err := a.engine.state(ctx)
		if err != nil {
			continue
		}
		now := api.HostStatus{Memory: s.Memory.Used}
		for _, w := range s.Workloads {
			if w.State == "running" {
				now.Workloads++
			}
			for _, c := range w.Components {
				now.Running += c.Invocations.Running
			}
		}
		const trifle = 20 // parts of the whole
		if far := max(now.Memory-a.reported.Memory, a.reported.Memory-now.Memory) > a.memory/trifle; far || now.Workloads != a.reported.Workloads || now.Running > 2*a.reported.Running+8 || a.reported.Running > 2*now.Running+8 {
			if err := a.status(ctx, now); err != nil {
				a.Log.Warn("the load is not reported", "error", err)
			}
		}
	}
}

// status writes the Host's status.
func (a *Agent) status(ctx context.Context, s api.HostStatus) error {
	before := &api.Host{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: "Host"}, ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace}, Status: api.HostStatus{Workloads: -1, Memory: -1, Running: -1}}
	next, _ := before.DeepCopyObject().(*api.Host)
	next.Status = s
	err := a.client.Status().Patch(ctx, next, client.MergeFrom(before))
	if err == nil {
		a.reported = s
	}
	return err
}

// leave has the workloads be elsewhere before the host ends.
func (a *Agent) leave(ctx context.Context) {
	a.Log.Info("the host ends: its workloads are moved first", "for", a.Drain.String())
	ctx, cancel := context.WithTimeout(ctx, a.Drain)
	defer cancel()
	s := a.reported
	s.Draining = true
	if err := a.try(ctx, "saying that the host ends", func() error { return a.status(ctx, s) }); err != nil {
		a.Log.Warn("nobody knows that the host ends", "error", err)
	}
	for ctx.Err() == nil {
		a.mu.Lock()
		left := len(a.workloads)
		a.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
