package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// node is a machine of the cluster, in this process: it runs the containers of the pods that the scheduler gives it as processes. A pod's network
// is an address of its own in 127/8: the API server takes none from there for a pod, so that what it knows as 10.88.0.N is 127.88.0.N.
type node struct {
	c      *cluster
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	pods    map[types.UID]*pod
	address int
}

func startNode(c *cluster, name string) (*node, error) {
	n := &node{c: c, name: name, pods: map[types.UID]*pod{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}}}
	if err := c.admin.Create(n.ctx, object); err != nil {
		return nil, err
	}
	all := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi"), corev1.ResourcePods: resource.MustParse("200")}
	before := object.DeepCopy()
	object.Status = corev1.NodeStatus{Capacity: all, Allocatable: all, Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Test"}}}
	if err := c.admin.Status().Patch(n.ctx, object, client.MergeFrom(before)); err != nil {
		return nil, err
	}
	object.Spec.Taints = nil
	if err := c.admin.Update(n.ctx, object); err != nil { // without the taint of a node that is not ready
		return nil, err
	}
	n.ended.Go(n.run)
	return n, nil
}

func (n *node) run() {
	for n.ctx.Err() == nil {
		var list corev1.PodList
		if err := n.c.admin.List(n.ctx, &list, client.MatchingFields{"spec.nodeName": n.name}); err == nil {
			n.see(list.Items)
		}
		select {
		case <-n.ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// see starts what is new, and ends what has gone.
func (n *node) see(all []corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	there := map[types.UID]bool{}
	for i := range all {
		object := &all[i]
		there[object.UID] = true
		p := n.pods[object.UID]
		if p == nil && object.DeletionTimestamp == nil {
			n.address++
			p = &pod{n: n, object: object.DeepCopy(), address: fmt.Sprintf("88.0.%d", n.address), dir: filepath.Join(n.c.dir, "pods", string(object.UID)), gone: make(chan struct{})}
			n.pods[object.UID] = p
			n.ended.Go(p.run)
		}
		switch {
		case object.DeletionTimestamp == nil:
		case p == nil:
			_ = n.c.admin.Delete(n.ctx, object, client.GracePeriodSeconds(0))
		default:
			p.end()
		}
	}
	for uid, p := range n.pods {
		if !there[uid] {
			p.end()
			delete(n.pods, uid)
		}
	}
}

// loopback is where a pod of an address is on this machine.
func loopback(podIP string) string { return "127" + podIP[len("10"):] }

func (n *node) stop() {
	n.mu.Lock()
	for _, p := range n.pods {
		p.end()
	}
	n.mu.Unlock()
	n.cancel()
	n.ended.Wait()
}

// running are the pods whose process runs.
func (n *node) running(namespace string) (out []*pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pods {
		if p.object.Namespace == namespace && p.started() {
			out = append(out, p)
		}
	}
	return out
}

// materialize makes the volumes of a pod, and returns a container's: mount path → folder on this machine. As a kubelet does it, it makes folders to
// which everybody can write.
func (p *pod) materialize(c *corev1.Container) (map[string]string, error) {
	for _, v := range p.object.Spec.Volumes {
		dir := filepath.Join(p.dir, v.Name)
		if err := everybodys(dir); err != nil {
			return nil, err
		}
		switch {
		case v.EmptyDir != nil:
		case v.Projected != nil:
			for _, s := range v.Projected.Sources {
				if err := p.projectConfigMap(dir, s.ConfigMap); err != nil {
					return nil, err
				}
			}
		default:
			return nil, fmt.Errorf("the node of these tests has no volumes as %s", v.Name)
		}
	}
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		dir, err := p.mount(m)
		if err != nil {
			return nil, err
		}
		mounts[m.MountPath] = dir
	}
	return mounts, nil
}

// everybodys makes a folder to which everybody can write, unless it is there.
func everybodys(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o777)
}

// mount is the folder of a mount. A folder in a volume has, once it is mounted, no longer that volume around it: a process has it by a place of
// its own.
func (p *pod) mount(m corev1.VolumeMount) (string, error) {
	dir := filepath.Join(p.dir, m.Name)
	if m.SubPath == "" {
		return dir, nil
	}
	within := filepath.Join(dir, m.SubPath)
	if err := everybodys(within); err != nil {
		return "", err
	}
	place := filepath.Join(p.dir, "mounted-"+m.Name)
	if _, err := os.Stat(place); err == nil {
		return place, nil
	}
	return place, os.Rename(within, place) // there is no mount without rights; nothing else uses the volume
}

func (p *pod) projectConfigMap(dir string, s *corev1.ConfigMapProjection) error {
	var m corev1.ConfigMap
	if err := p.n.c.admin.Get(p.n.ctx, types.NamespacedName{Namespace: p.object.Namespace, Name: s.Name}, &m); err != nil {
		return fmt.Errorf("MountVolume.SetUp failed for volume: configmap %q not found", s.Name)
	}
	items := s.Items
	if len(items) == 0 {
		for key := range m.Data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	for _, i := range items {
		text, ok := m.Data[i.Key]
		if !ok {
			return fmt.Errorf("configmap references non-existent config key: %s", i.Key)
		}
		file := filepath.Join(dir, i.Path)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
