package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
)

// limit is how long a test waits for what takes a second on an idle machine.
const limit = 90 * time.Second

func guest(name string) string {
	return filepath.Join("..", "..", "testdata", "guests", "prebuilt", name+".component.wasm")
}

// namespace makes a namespace, with the account that pods have.
func (c *cluster) namespace(t *testing.T, name string) {
	t.Helper()
	ctx := t.Context()
	err := c.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if err := eventually(limit, "the namespace has no account", func() error {
		return c.admin.Get(ctx, types.NamespacedName{Namespace: name, Name: "default"}, &corev1.ServiceAccount{})
	}); err != nil {
		t.Fatal(err)
	}
}

// apply applies a document as a user does.
func (c *cluster) apply(t *testing.T, namespace, text string) {
	t.Helper()
	if out, err := c.kubectl(text, "-n", namespace, "apply", "-f", "-"); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, text)
	}
}

// await waits until the workload is as ok says.
func (c *cluster) await(t *testing.T, namespace, name, what string, ok func(*api.Workload) bool) *api.Workload {
	t.Helper()
	var w api.Workload
	err := eventually(limit, what, func() error {
		w = api.Workload{}
		if err := c.admin.Get(context.Background(), types.NamespacedName{Namespace: namespace, Name: name}, &w); err != nil {
			return err
		}
		if !ok(&w) {
			return fmt.Errorf("status %+v", w.Status)
		}
		return nil
	})
	if err != nil {
		out, _ := c.kubectl("", "-n", namespace, "get", "deploy,pods,events", "-o", "wide")
		t.Fatalf("%v\n%s\nthe operator says\n%s", err, out, c.operator.log.String())
	}
	return &w
}

// ready says whether the present document answers.
func ready(w *api.Workload) bool {
	c := meta.FindStatusCondition(w.Status.Conditions, api.Ready)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == w.Generation
}

// because says whether the workload is not ready for a reason.
func because(reason string) func(*api.Workload) bool {
	return func(w *api.Workload) bool {
		c := meta.FindStatusCondition(w.Status.Conditions, api.Ready)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason && c.ObservedGeneration == w.Generation
	}
}

// endpoints are the addresses to which the workload's Service leads.
func (c *cluster) endpoints(t *testing.T, namespace, name string) (out []string) {
	t.Helper()
	var slices discoveryv1.EndpointSliceList
	if err := c.admin.List(t.Context(), &slices, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name}); err != nil {
		t.Fatal(err)
	}
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				for _, p := range s.Ports {
					out = append(out, fmt.Sprintf("%s:%d", loopback(e.Addresses[0]), *p.Port))
				}
			}
		}
	}
	return out
}

// get asks the workload, by its Service.
func (c *cluster) get(t *testing.T, namespace, name, path string) (int, string) {
	t.Helper()
	status, body := 0, ""
	if err := eventually(limit, "the Service leads to no pod that answers", func() error {
		all := c.endpoints(t, namespace, name)
		if len(all) == 0 {
			return fmt.Errorf("it has no endpoints")
		}
		resp, err := http.Get("http://" + all[0] + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		status, body = resp.StatusCode, string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return status, body
}

func document(name, image, more string) string {
	return fmt.Sprintf(`apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: %s, labels: {app.kubernetes.io/version: 1.2.3}}
spec:
  components:
    - name: web
      source: {image: %q}
      limits: {memory: 64Mi, deadline: 2s}
      environment: {LOG: debug}
%s
  triggers:
    - http: {path: /, component: web}
`, name, image, more)
}

// TestLife: a document is applied, answers, is scaled, changes, and goes with all that it had.
func TestLife(t *testing.T) {
	c := start(t)
	const ns = "life"
	c.namespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, ns, document("shop", image, ""))
	w := c.await(t, ns, "shop", "it is not ready", ready)
	if w.Status.URL != "http://shop.life.svc" || w.Status.ReadyReplicas != 1 || w.Status.ObservedGeneration != w.Generation {
		t.Errorf("status %+v", w.Status)
	}
	if status, body := c.get(t, ns, "shop", "/hello"); status != 200 || body == "" {
		t.Errorf("%d %q", status, body)
	}
	if out, err := c.kubectl("", "-n", ns, "get", "workloads"); err != nil || !strings.Contains(out, "shop   True    Ready    1          1           http://shop.life.svc") {
		t.Errorf("%v\n%s", err, out)
	}
	c.checkPod(t, ns)
	c.checkRestart(t, ns)

	if out, err := c.kubectl("", "-n", ns, "scale", "workload/shop", "--replicas=3"); err != nil {
		t.Fatal(err, out)
	}
	c.await(t, ns, "shop", "it has no three pods", func(w *api.Workload) bool { return ready(w) && w.Status.ReadyReplicas == 3 })

	// Another image: no request fails meanwhile.
	next, err := c.registry.push(guest("go126-http-p2"), "web:2")
	if err != nil {
		t.Fatal(err)
	}
	generation := w.Generation
	l := c.load(t, ns, "shop", "/hello", rate(t))
	c.apply(t, ns, document("shop", next, "")) // says nothing of replicas, which stay
	c.await(t, ns, "shop", "the new document is not ready", func(w *api.Workload) bool {
		return ready(w) && w.Generation > generation && w.Status.UpdatedReplicas == 3 && w.Status.Replicas == 3
	})
	l.none(t, "a rolling update of 3 pods")
	var documents corev1.ConfigMapList
	if err := c.admin.List(t.Context(), &documents, client.InNamespace(ns), client.MatchingLabels{"vitrine.dev/workload": "shop"}); err != nil || len(documents.Items) != 2 {
		t.Errorf("%d documents, %v; want one for each ReplicaSet", len(documents.Items), err)
	}

	if out, err := c.kubectl("", "-n", ns, "delete", "workload/shop"); err != nil {
		t.Fatal(err, out)
	}
	if err := eventually(limit, "something is left", func() error {
		out, err := c.kubectl("", "-n", ns, "get", "deploy,rs,pods,svc,netpol,cm", "-l", "vitrine.dev/workload=shop", "-o", "name")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("%s", out)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if left := c.node.running(ns); len(left) != 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

// checkPod checks what pods may do.
func (c *cluster) checkPod(t *testing.T, namespace string) {
	t.Helper()
	all := c.node.running(namespace)
	if len(all) != 1 {
		t.Fatalf("%d pods", len(all))
	}
	s := all[0].object.Spec
	k := s.Containers[0].SecurityContext
	if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken || !*s.SecurityContext.RunAsNonRoot || s.SecurityContext.SeccompProfile.Type != "RuntimeDefault" ||
		!*k.ReadOnlyRootFilesystem || *k.AllowPrivilegeEscalation || !slices.Equal(k.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Volumes) != 4 {
		t.Errorf("the pod may do more than it must: %+v", s)
	}
	if *s.TerminationGracePeriodSeconds != 17 { // 5 s for others to hear of it, the deadline of 2 s, 10 s to close
		t.Errorf("the grace period is %d s", *s.TerminationGracePeriodSeconds)
	}
	if m := s.Containers[0].Resources.Limits.Memory().String(); m != "214Mi" {
		t.Errorf("the limit of memory is %s", m)
	}
	var p networkingv1.NetworkPolicy
	if err := c.admin.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "shop"}, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Spec.Ingress) != 1 || p.Spec.Ingress[0].Ports[0].Port.IntValue() != 3000 {
		t.Errorf("the policy lets in %+v", p.Spec.Ingress)
	}
}

// checkRestart: a container that starts again has the code that the one before it has compiled, though everybody can write to a pod's volumes.
func (c *cluster) checkRestart(t *testing.T, namespace string) {
	t.Helper()
	p := c.node.running(namespace)[0]
	if said := p.log.String(); strings.Contains(said, "level=WARN") || strings.Contains(said, `"WARN"`) {
		t.Errorf("the pod warns:\n%s", said)
	}
	code, err := filepath.Glob(filepath.Join(p.dir, "mounted-cache", "vitrine-compiled", "code", "*", "*"))
	if err != nil || len(code) == 0 {
		t.Errorf("there is no compiled code in the pod, %v", err)
	}
	if volume, err := os.Stat(filepath.Join(p.dir, "cache")); err != nil || volume.Mode().Perm() != 0o777 {
		t.Errorf("the volume is not as a kubelet makes it: %v, %v", volume, err)
	}
}

// TestWhyItDoesNotRun: each reason is in the status, in words that say what to do, and is gone when its cause is.
func TestWhyItDoesNotRun(t *testing.T) {
	c := start(t)
	const ns = "why"
	c.namespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) {
		t.Run("a local file", func(t *testing.T) {
			t.Parallel()
			c.apply(t, ns, strings.Replace(document("local", image, ""), fmt.Sprintf("image: %q", image), "file: cart.wasm", 1))
			w := c.await(t, ns, "local", "no reason", because("LocalFile"))
			if m := meta.FindStatusCondition(w.Status.Conditions, api.Accepted).Message; !strings.Contains(m, "spec.components[0].source.file: cart.wasm") || !strings.Contains(m, "vitrine push") {
				t.Error(m)
			}
		})
		t.Run("a missing secret", func(t *testing.T) {
			t.Parallel()
			c.apply(t, ns, document("secret", image, "      grants: {secrets: {token: {env: TOKEN}, key: {file: keys/api.key}}}"))
			w := c.await(t, ns, "secret", "no reason", because("SecretMissing"))
			if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, `secret "secret" not found`) {
				t.Error(m)
			}
			if err := c.admin.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "secret"}, StringData: map[string]string{"TOKEN": "s3cret", "api.key": "k3y"}}); err != nil {
				t.Fatal(err)
			}
			c.await(t, ns, "secret", "it does not start with its Secret", ready)
		})
		t.Run("no such image, then the right one", func(t *testing.T) {
			t.Parallel()
			c.apply(t, ns, document("image", image, ""))
			c.await(t, ns, "image", "it does not start", ready)
			c.apply(t, ns, document("image", image+"-that-is-not-there", ""))
			w := c.await(t, ns, "image", "no reason", because("ArtifactNotFetched"))
			if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "1 of 1 pods answer meanwhile") || !strings.Contains(m, "not-there") {
				t.Error(m)
			}
			if status, _ := c.get(t, ns, "image", "/hello"); status != 200 {
				t.Errorf("the old pod answers %d", status)
			}
			c.apply(t, ns, document("image", image, ""))
			c.await(t, ns, "image", "it is not ready again", ready)
		})
		t.Run("a mistake that only vitrine sees", func(t *testing.T) {
			t.Parallel()
			c.apply(t, ns, document("mistake", image, "      grants: {keyvalue: {default: {redis: {url: \"redis://cache:6379\", sped: 3}}}}"))
			w := c.await(t, ns, "mistake", "no reason", because("DocumentRefused"))
			if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "sped") {
				t.Error(m)
			}
		})
		t.Run("a name that is taken", func(t *testing.T) {
			t.Parallel()
			if err := c.admin.Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "taken"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}}); err != nil {
				t.Fatal(err)
			}
			c.apply(t, ns, document("taken", image, ""))
			c.await(t, ns, "taken", "no reason", because("NameTaken"))
		})
	})
	if out, err := c.kubectl("", "-n", ns, "get", "events"); err != nil || !strings.Contains(out, "LocalFile") || !strings.Contains(out, "workload/local") {
		t.Errorf("events: %v\n%s", err, out)
	}
}

// TestOneTrace: kubectl apply, the reconcile, the start of the pod and the time until it answers are one trace, that which the document names.
func TestOneTrace(t *testing.T) {
	c := start(t)
	const ns, trace, parent = "trace", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	c.namespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	collector := c.collect(t)
	c.apply(t, ns, strings.Replace(document("shop", image, ""), "metadata: {name: shop,", `metadata: {name: shop, annotations: {vitrine.dev/traceparent: "00-`+trace+"-"+parent+`-01"},`, 1))
	w := c.await(t, ns, "shop", "it is not ready", ready)
	if w.Status.TraceID != trace {
		t.Errorf("the status has the trace %s", w.Status.TraceID)
	}
	c.await(t, ns, "shop", "the spans do not arrive", func(*api.Workload) bool {
		ids, parents := map[string]string{}, map[string]string{}
		for _, s := range collector.Spans() {
			if hex.EncodeToString(s.TraceId) == trace {
				name, _, _ := strings.Cut(s.Name, " ")
				if strings.HasPrefix(s.Name, "workload start") {
					name = "workload start"
				}
				ids[name], parents[name] = hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId)
			}
		}
		return parents["reconcile"] == parent && ids["reconcile"] != "" && parents["workload start"] == ids["reconcile"] && parents["rollout"] == ids["reconcile"]
	})
	pod := ""
	for _, r := range collector.Traces() {
		for _, a := range r.Resource.Attributes {
			if a.Key == "k8s.pod.name" {
				pod = a.Value.GetStringValue()
			}
		}
	}
	if !strings.HasPrefix(pod, "shop-") {
		t.Errorf("the spans of the pod have k8s.pod.name %q", pod)
	}
}

// TestIdle: while nothing happens the operator asks for nothing.
func TestIdle(t *testing.T) {
	c := start(t)
	const ns = "idle"
	c.namespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, ns, document("shop", image, ""))
	c.await(t, ns, "shop", "it is not ready", ready)
	// Events of what has happened still arrive; then none does.
	var calls int64
	if err := eventually(limit, "it does not become idle", func() error {
		before := c.operator.calls.Load()
		time.Sleep(3 * time.Second)
		if calls = c.operator.calls.Load() - before; calls > 0 {
			return fmt.Errorf("%d calls in 3 s", calls)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls since the start", c.operator.calls.Load())
}

// TestRights: the operator has done all of the above with the rights of its account; this is what it has no right to.
func TestRights(t *testing.T) {
	c := start(t)
	as := "--as=system:serviceaccount:vitrine-system:vitrine-operator"
	for _, may := range []struct {
		verb, what string
		want       bool
	}{
		{"get", "secrets", false}, {"list", "secrets", false}, {"create", "pods", false}, {"get", "pods", false}, {"create", "pods/exec", false}, {"get", "configmaps", false},
		{"delete", "deployments.apps", false}, {"create", "clusterrolebindings.rbac.authorization.k8s.io", false}, {"create", "workloads.vitrine.dev", false}, {"update", "workloads.vitrine.dev", false},
		{"delete", "workloads.vitrine.dev", false}, {"create", "serviceaccounts/token", false}, {"list", "nodes", false}, {"impersonate", "users", false},
		{"patch", "deployments.apps", true}, {"list", "workloads.vitrine.dev", true},
	} {
		out, _ := c.kubectl("", "auth", "can-i", may.verb, may.what, "-n", "default", as)
		if got := strings.Contains(out, "yes"); got != may.want {
			t.Errorf("%s %s: %s", may.verb, may.what, out)
		}
	}
}
