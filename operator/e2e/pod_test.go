package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pod is a pod on the node, as a kubelet would run it: volumes, environment, process, readiness, restarts, SIGTERM and the grace period.
type pod struct {
	n       *node
	object  *corev1.Pod
	address string // without the first number
	dir     string
	gone    chan struct{} // closed when it is to end
	once    sync.Once

	mu  sync.Mutex
	cmd *exec.Cmd // of the process that runs; nil: none
	log tail
}

func (p *pod) end() { p.once.Do(func() { close(p.gone) }) }

func (p *pod) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd != nil
}

func (p *pod) ip() string { return "10." + p.address }

// run is the pod's life.
func (p *pod) run() {
	defer os.RemoveAll(p.dir)
	restarts, wait := int32(0), 200*time.Millisecond
	var last *corev1.ContainerStateTerminated
	initialized := false
	for {
		var cmd *exec.Cmd
		var err error
		if !initialized {
			err = p.initialize()
			initialized = err == nil
		}
		if err == nil {
			cmd, err = p.command(&p.object.Spec.Containers[0])
		}
		if err != nil {
			p.report(false, restarts, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonOf(err), Message: err.Error()}}, last)
		} else if last = p.process(cmd, restarts, last); last != nil {
			p.report(false, restarts, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off restarting failed container"}}, last)
			restarts, wait = restarts+1, min(wait*2, 5*time.Second)
		}
		select {
		case <-p.gone:
			_ = p.n.c.admin.Delete(context.WithoutCancel(p.n.ctx), p.object, client.GracePeriodSeconds(0))
			return
		case <-time.After(wait):
		}
	}
}

// configError is what keeps a container from being made.
type configError struct{ error }

func reasonOf(err error) string {
	if errors.As(err, new(configError)) {
		return "CreateContainerConfigError"
	}
	return "ContainerCreating"
}

// initialize runs the containers that come before.
func (p *pod) initialize() error {
	for i := range p.object.Spec.InitContainers {
		cmd, err := p.command(&p.object.Spec.InitContainers[i])
		if err != nil {
			return err
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", p.object.Spec.InitContainers[i].Name, err, out)
		}
	}
	return nil
}

// command is a container's, with the pod's address in place of every address, and its folders in place of its mounts.
func (p *pod) command(c *corev1.Container) (*exec.Cmd, error) {
	mounts, err := p.materialize(c)
	if err != nil {
		return nil, err
	}
	var pairs []string
	for _, path := range slices.SortedFunc(maps.Keys(mounts), func(a, b string) int { return len(b) - len(a) }) {
		pairs = append(pairs, path, mounts[path])
	}
	place := strings.NewReplacer(pairs...).Replace // in one pass: folders on this machine may begin as mounts do
	var args []string
	for _, a := range c.Args {
		for _, flag := range []string{"--listen=:", "--admin=:"} {
			if port, ok := strings.CutPrefix(a, flag); ok {
				a = strings.TrimSuffix(flag, ":") + loopback(p.ip()) + ":" + port
			}
		}
		args = append(args, place(a))
	}
	cmd := exec.Command(p.n.c.vitrine, args...)
	cmd.Env = []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}
	for _, e := range c.Env {
		v, err := p.variable(e)
		if err != nil {
			return nil, configError{err}
		}
		cmd.Env = append(cmd.Env, e.Name+"="+place(v))
	}
	cmd.SysProcAttr = endWithParent()
	return cmd, nil
}

func (p *pod) variable(e corev1.EnvVar) (string, error) {
	switch f := e.ValueFrom; {
	case f == nil:
		return e.Value, nil
	case f.FieldRef != nil:
		v, ok := map[string]string{"metadata.name": p.object.Name, "metadata.uid": string(p.object.UID), "metadata.namespace": p.object.Namespace, "spec.nodeName": p.n.name}[f.FieldRef.FieldPath]
		if !ok {
			return "", fmt.Errorf("no field %s", f.FieldRef.FieldPath)
		}
		return v, nil
	case f.SecretKeyRef != nil:
		var s corev1.Secret
		err := p.n.c.admin.Get(p.n.ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: f.SecretKeyRef.Name}, &s)
		if apierrors.IsNotFound(err) {
			return "", fmt.Errorf("secret %q not found", f.SecretKeyRef.Name)
		}
		if err != nil {
			return "", err
		}
		v, ok := s.Data[f.SecretKeyRef.Key]
		if !ok {
			return "", fmt.Errorf("couldn't find key %s in Secret %s/%s", f.SecretKeyRef.Key, s.Namespace, s.Name)
		}
		return string(v), nil
	}
	return "", fmt.Errorf("no such source of %s", e.Name)
}

// process runs the process until it ends; nil: because the pod was to end.
func (p *pod) process(cmd *exec.Cmd, restarts int32, last *corev1.ContainerStateTerminated) *corev1.ContainerStateTerminated {
	began := metav1.Now()
	p.log.reset()
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		return &corev1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: err.Error(), StartedAt: began, FinishedAt: metav1.Now()}
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	defer func() {
		p.mu.Lock()
		p.cmd = nil
		p.mu.Unlock()
	}()
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
	ready := false
	p.report(false, restarts, running, last)
	for {
		select {
		case <-done:
			code := int32(cmd.ProcessState.ExitCode())
			return &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: p.log.String(), StartedAt: began, FinishedAt: metav1.Now()}
		case <-p.gone:
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-done:
			case <-time.After(time.Duration(*p.object.Spec.TerminationGracePeriodSeconds) * time.Second):
				_ = cmd.Process.Kill()
				<-done
			}
			return nil
		case <-time.After(100 * time.Millisecond):
			if now := p.ready(); now != ready {
				ready = now
				p.report(ready, restarts, running, last)
			}
		}
	}
}

// ready asks the readiness probe.
func (p *pod) ready() bool {
	probe := p.object.Spec.Containers[0].ReadinessProbe.HTTPGet
	port := int32(0)
	for _, candidate := range p.object.Spec.Containers[0].Ports {
		if candidate.Name == probe.Port.StrVal {
			port = candidate.ContainerPort
		}
	}
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Get(fmt.Sprintf("http://%s:%d%s", loopback(p.ip()), port, probe.Path))
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// report writes the pod's status.
func (p *pod) report(ready bool, restarts int32, state corev1.ContainerState, last *corev1.ContainerStateTerminated) {
	next := p.object.DeepCopy()
	yes := func(b bool) corev1.ConditionStatus {
		if b {
			return corev1.ConditionTrue
		}
		return corev1.ConditionFalse
	}
	phase, now := corev1.PodPending, metav1.Now()
	if state.Running != nil || last != nil {
		phase = corev1.PodRunning
	}
	isStarted := state.Running != nil
	next.Status = corev1.PodStatus{Phase: phase, PodIP: p.ip(), PodIPs: []corev1.PodIP{{IP: p.ip()}}, HostIP: "10.88.0.0", StartTime: &now,
		Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: now}, {Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: corev1.ContainersReady, Status: yes(ready), LastTransitionTime: now}, {Type: corev1.PodReady, Status: yes(ready), LastTransitionTime: now}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: p.object.Spec.Containers[0].Name, Image: p.object.Spec.Containers[0].Image, Ready: ready, Started: &isStarted, RestartCount: restarts, State: state,
			LastTerminationState: corev1.ContainerState{Terminated: last}}},
	}
	_ = p.n.c.admin.Status().Patch(p.n.ctx, next, client.MergeFrom(p.object)) // the next report has all of it again
	p.object.Status = next.Status
}

// tail keeps the end of what a process has said, as a kubelet does for the message of its end.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Reset()
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.text.String()
	return strings.ToValidUTF8(s[max(0, len(s)-2048):], "")
}
