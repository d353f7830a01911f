package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// rate is how many requests a second the tests under load send.
func rate(t *testing.T) int { return number(t, "VITRINE_KUBE_RATE", 200) }

// readyOf says whether the present document answers on as many hosts.
func readyOf(replicas int32) func(*api.Workload) bool {
	return func(w *api.Workload) bool {
		return ready(w) && w.Status.ReadyReplicas == replicas && w.Status.UpdatedReplicas == replicas && w.Status.Replicas == replicas
	}
}

// TestHosts: a workload on hosts is applied, scaled, changed and changed back under load without a failed request, keeps what ran where a document cannot be
// started, moves from a host that ends, and goes with all that it had.
func TestHosts(t *testing.T) {
	c := start(t)
	const ns = "on-hosts"
	c.hostedNamespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]*host{}
	for _, name := range []string{"life-a", "life-b", "life-c"} {
		hosts[name] = c.host(t, name, "pool=life")
	}
	doc := strings.Replace(onHosts(document("shop", image, ""), 1), "metadata: {name: shop,", "metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=life},", 1)
	c.apply(t, ns, doc)
	w := c.await(t, ns, "shop", "it is not ready", readyOf(1))
	if w.Status.URL != "http://shop.on-hosts.svc" {
		t.Errorf("status %+v", w.Status)
	}
	if status, body := c.get(t, ns, "shop", "/hello"); status != 200 || body == "" {
		t.Errorf("%d %q", status, body)
	}
	doc = strings.Replace(doc, "replicas: 1", "replicas: 3", 1)
	c.apply(t, ns, doc)
	c.await(t, ns, "shop", "it is not on three hosts", readyOf(3))
	if on := c.hostsOf(t, ns, "shop"); len(on) != 3 || on[0] == on[1] || on[1] == on[2] || on[0] == on[2] {
		t.Errorf("it is on %v", on)
	}

	l := c.load(t, ns, "shop", "/hello", rate(t))
	for _, change := range []string{"LOG: info", "LOG: warn"} {
		c.apply(t, ns, strings.Replace(doc, "LOG: debug", change, 1))
		c.await(t, ns, "shop", "the new document is not ready", readyOf(3))
	}
	c.apply(t, ns, doc)
	c.await(t, ns, "shop", "the document before is not ready", readyOf(3))
	l.none(t, "a rolling update of 3 hosts, another one, and back")

	l = c.load(t, ns, "shop", "/hello", rate(t))
	for reason, bad := range map[string]string{
		"ArtifactNotFetched": strings.Replace(doc, "web:1", "web:not-there", 1),
		"DocumentRefused":    strings.Replace(doc, "      environment:", "      grants: {keyvalue: {default: {redis: {url: \"redis://cache:6379\", sped: 3}}}}\n      environment:", 1),
		"LocalData":          strings.Replace(doc, "      environment:", "      grants: {keyvalue: {default: {}}}\n      environment:", 1),
	} {
		c.apply(t, ns, bad)
		w = c.await(t, ns, "shop", "there is no reason "+reason, because(reason))
		if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "answer") || w.Status.ReadyReplicas != 3 {
			t.Errorf("%s: %s, %+v", reason, m, w.Status)
		}
		c.apply(t, ns, doc)
		c.await(t, ns, "shop", "it is not ready again", readyOf(3))
	}
	l.none(t, "documents that cannot be started")

	// Two of three hosts are enough for two replicas: the one that ends is left without a failed request.
	doc = strings.Replace(doc, "replicas: 3", "replicas: 2", 1)
	c.apply(t, ns, doc)
	c.await(t, ns, "shop", "it is not on two hosts", readyOf(2))
	ends := c.hostsOf(t, ns, "shop")[0]
	l = c.load(t, ns, "shop", "/hello", rate(t))
	hosts[ends].term()
	c.await(t, ns, "shop", "it has not moved", readyOf(2))
	time.Sleep(500 * time.Millisecond)
	l.none(t, "a host that ends")
	if on := c.hostsOf(t, ns, "shop"); len(on) != 2 || slices.Contains(on, ends) {
		t.Errorf("it is on %v", on)
	}

	if out, err := c.kubectl("", "-n", ns, "delete", "workload/shop"); err != nil {
		t.Fatal(err, out)
	}
	if err := eventually(limit, "something is left", func() error {
		out, err := c.kubectl("", "-n", ns, "get", "assignments,svc,endpointslices", "-l", "vitrine.dev/workload=shop", "-o", "name")
		if err == nil && strings.TrimSpace(out) != "" {
			err = fmt.Errorf("%s", out)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestHostKilled: a host whose machine fails under load costs requests for 15 seconds at most.
func TestHostKilled(t *testing.T) {
	c := start(t)
	const ns = "killed"
	c.hostedNamespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]*host{}
	for _, name := range []string{"killed-a", "killed-b", "killed-c"} {
		hosts[name] = c.host(t, name, "pool=killed")
	}
	c.apply(t, ns, strings.Replace(onHosts(document("shop", image, ""), 2), "metadata: {name: shop,", "metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=killed},", 1))
	c.await(t, ns, "shop", "it is not ready", readyOf(2))
	l := c.load(t, ns, "shop", "/hello", rate(t))
	time.Sleep(500 * time.Millisecond)
	victim := c.hostsOf(t, ns, "shop")[0]
	killed := time.Now()
	hosts[victim].kill()
	c.await(t, ns, "shop", "it has not moved", func(w *api.Workload) bool {
		return readyOf(2)(w) && !slices.Contains(c.hostsOf(t, ns, "shop"), victim)
	})
	moved := time.Since(killed)
	time.Sleep(500 * time.Millisecond)
	failures := l.stop()
	last := killed
	for _, f := range failures {
		if f.at.After(last) {
			last = f.at
		}
	}
	t.Logf("a host killed under load: %.1f s until the last failed request, %.1f s until 2 replicas answer; %d of %d requests failed", last.Sub(killed).Seconds(), moved.Seconds(), len(failures), l.sent.Load())
	if last.Sub(killed) > 15*time.Second {
		t.Errorf("requests failed for %v", last.Sub(killed))
	}

	// The engine alone ends: its agent starts it again, and what it had.
	other := c.hostsOf(t, ns, "shop")[0]
	engine, err := os.FindProcess(hosts[other].engine(t))
	if err == nil {
		err = engine.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.await(t, ns, "shop", "nobody says that it does not answer", func(w *api.Workload) bool { return w.Status.ReadyReplicas < 2 })
	c.await(t, ns, "shop", "it does not answer again", readyOf(2))
	if status, _ := c.get(t, ns, "shop", "/hello"); status != 200 {
		t.Errorf("it answers %d", status)
	}
}

// TestAPIServerRestart: while the API server is away what runs answers, nothing is moved, and after it changes arrive.
func TestAPIServerRestart(t *testing.T) {
	c := start(t)
	const ns = "restart"
	c.hostedNamespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"restart-a", "restart-b"} {
		c.host(t, name, "pool=restart")
	}
	doc := strings.Replace(onHosts(document("shop", image, ""), 2), "metadata: {name: shop,", "metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=restart},", 1)
	c.apply(t, ns, doc)
	c.await(t, ns, "shop", "it is not ready", readyOf(2))
	before := c.assignments(t, ns, "shop")
	l := c.load(t, ns, "shop", "/hello", rate(t))
	away := time.Duration(number(t, "VITRINE_KUBE_AWAY", 5)) * time.Second // 13 is longer than a Lease
	if err := c.restart("kube-apiserver", away); err != nil {
		t.Fatal(err)
	}
	if err := eventually(limit, "the API server is not ready again", func() error {
		_, err := c.kubectl("", "get", "--raw", "/readyz")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // time to move, if it were to
	after := c.assignments(t, ns, "shop")
	if len(after) != 2 || len(before) != 2 || after[0].UID != before[0].UID || after[1].UID != before[1].UID {
		t.Errorf("it was moved")
	}
	c.apply(t, ns, strings.Replace(doc, "LOG: debug", "LOG: info", 1))
	c.await(t, ns, "shop", "a change does not arrive", readyOf(2))
	l.none(t, fmt.Sprintf("the API server is away for %v, and a change after it", away))
}

// TestTenantsShareHost: workloads of two namespaces with the same name and routes are served by one process, each for itself; secrets and keys need who
// administers the namespace.
func TestTenantsShareHost(t *testing.T) {
	t.Parallel()
	c := start(t)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.registry.push(guest("go126-http-p2"), "web:2")
	if err != nil {
		t.Fatal(err)
	}
	c.host(t, "shared", "pool=shared")
	chosen := func(doc string) string {
		return strings.Replace(onHosts(doc, 1), "metadata: {name: shop,", "metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=shared},", 1)
	}
	bodies := map[string]string{}
	for ns, image := range map[string]string{"tenant-a": image, "tenant-b": other} {
		c.hostedNamespace(t, ns)
		c.apply(t, ns, chosen(document("shop", image, "")))
	}
	for _, ns := range []string{"tenant-a", "tenant-b"} {
		c.await(t, ns, "shop", "it is not ready", readyOf(1))
		_, bodies[ns] = c.get(t, ns, "shop", "/hello")
	}
	if bodies["tenant-a"] == bodies["tenant-b"] {
		t.Errorf("both answer %q", bodies["tenant-a"])
	}

	const ns = "tenant-a"
	c.apply(t, ns, chosen(document("shop", image, "      grants: {secrets: {token: {env: TOKEN}}}")))
	w := c.await(t, ns, "shop", "no reason", because("SecretForbidden"))
	if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "vitrine-host-files") || !strings.Contains(m, "1 of 1 replicas answer meanwhile") {
		t.Error(m)
	}
	if out, err := c.kubectl("", "-n", ns, "create", "rolebinding", "hosts", "--clusterrole=vitrine-host-files", "--serviceaccount=vitrine-system:vitrine-host"); err != nil {
		t.Fatal(err, out)
	}
	c.await(t, ns, "shop", "no reason", because("SecretMissing"))
	if err := c.admin.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"}, StringData: map[string]string{"TOKEN": "s3cret"}}); err != nil {
		t.Fatal(err)
	}
	c.await(t, ns, "shop", "it does not start with its Secret", readyOf(1))

	// Signatures: the key of somebody else, then that of who has signed.
	keys := t.TempDir()
	tool := func(args ...string) {
		t.Helper()
		cmd := exec.Command(c.vitrine, args...)
		cmd.Dir, cmd.Env = keys, append(os.Environ(), "VITRINE_CACHE_DIR="+c.dir+"/cache")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	tool("keygen", "mine")
	tool("keygen", "other")
	signed, err := c.registry.push(guest("rust-http-full-p2"), "signed:1")
	if err != nil {
		t.Fatal(err)
	}
	tool("sign", signed, "--key", "mine.key")
	for name, file := range map[string]string{"other": "other.pub", "mine": "mine.pub"} {
		text, err := os.ReadFile(filepath.Join(keys, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.admin.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: map[string]string{"cosign.pub": string(text)}}); err != nil {
			t.Fatal(err)
		}
	}
	verified := func(by string) string {
		doc := chosen(document("shop", signed, "      verify: {key: cosign.pub}"))
		return strings.Replace(doc, "annotations: {", "annotations: {vitrine.dev/config-map: "+by+", ", 1)
	}
	c.apply(t, ns, verified("other"))
	w = c.await(t, ns, "shop", "a wrong signature is not refused", because("ArtifactRefused"))
	if w.Status.ReadyReplicas != 1 {
		t.Errorf("what ran does not go on: %+v", w.Status)
	}
	c.apply(t, ns, verified("mine"))
	c.await(t, ns, "shop", "the right signature is refused", readyOf(1))
}

// TestNoHost: where no host fits the status says why, and it starts when one comes.
func TestNoHost(t *testing.T) {
	t.Parallel()
	c := start(t)
	const ns = "no-host"
	c.hostedNamespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	c.host(t, "small", "pool=none", "--memory-budget=8Mi")
	c.apply(t, ns, strings.Replace(onHosts(document("shop", image, ""), 1), "metadata: {name: shop,", "metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=none},", 1))
	w := c.await(t, ns, "shop", "no reason", because("NoHost"))
	if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "1 of 1 replicas have no host") {
		t.Error(m)
	}
	if err := eventually(limit, "nobody says that the memory is not there", func() error {
		w := c.await(t, ns, "shop", "no reason", because("NoHost"))
		if m := meta.FindStatusCondition(w.Status.Conditions, api.Ready).Message; !strings.Contains(m, "have not the memory") {
			return fmt.Errorf("%s", m)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	c.host(t, "large", "pool=none")
	c.await(t, ns, "shop", "it does not come to the host that fits", readyOf(1))
	if out, err := c.kubectl("", "-n", ns, "patch", "workload/shop", "--type=merge", "-p", `{"spec":{"placement":"pods"}}`); err == nil || !strings.Contains(out, "cannot change") {
		t.Errorf("the placement changes: %v %s", err, out)
	}
}

// TestTraceOnHosts: the reconcile, the assignment, the start on the host with all its parts, and the time until it answers are one trace, that which the
// document names.
func TestTraceOnHosts(t *testing.T) {
	c := start(t)
	const ns, trace, parent = "host-trace", "4bf92f3577b34da6a3ce929d0e0e4737", "00f067aa0ba902b7"
	c.hostedNamespace(t, ns)
	image, err := c.registry.push(guest("rust-http-full-p2"), "traced:1")
	if err != nil {
		t.Fatal(err)
	}
	collector := c.collect(t)
	c.host(t, "traced", "pool=traced", "--cache-dir="+t.TempDir())
	c.apply(t, ns, strings.Replace(onHosts(document("shop", image, ""), 1), "metadata: {name: shop,", `metadata: {name: shop, annotations: {vitrine.dev/host-selector: pool=traced, vitrine.dev/traceparent: "00-`+trace+"-"+parent+`-01"},`, 1))
	w := c.await(t, ns, "shop", "it is not ready", readyOf(1))
	if w.Status.TraceID != trace {
		t.Errorf("the status has the trace %s", w.Status.TraceID)
	}
	const golden = `reconcile host-trace/shop
  assign host-trace/shop
    workload start
      artifact read web
      decode web
      instances ready web
        instantiate web
      link web
        compile web
      plan web
      plugin bind web
      trigger ready
      validate web
  rollout host-trace/shop
`
	if err := eventually(limit, "the trace is another one", func() error {
		if got := treeOf(collector, trace, parent); got != golden {
			return fmt.Errorf("\n%s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// treeOf is a trace as a tree below a parent that is not in it: children by name, several of one name, which are alike, once.
func treeOf(collector *otlptest.Collector, trace, parent string) string {
	type span struct{ id, name string }
	below := map[string][]span{}
	for _, s := range collector.Spans() {
		if hex.EncodeToString(s.TraceId) == trace {
			p := hex.EncodeToString(s.ParentSpanId)
			below[p] = append(below[p], span{hex.EncodeToString(s.SpanId), s.Name})
		}
	}
	var b strings.Builder
	var write func(parent, indent string)
	write = func(parent, indent string) {
		all := below[parent]
		slices.SortFunc(all, func(a, b span) int { return strings.Compare(a.name, b.name) })
		for i, s := range all {
			if i > 0 && all[i-1].name == s.name {
				continue
			}
			b.WriteString(indent + s.name + "\n")
			write(s.id, indent+"  ")
		}
	}
	write(parent, "")
	return b.String()
}

// TestManyOnHosts: many workloads on three hosts, what each costs, and that idle hosts ask for nothing but their Leases. VITRINE_KUBE_WORKLOADS says how
// many, VITRINE_KUBE_IDLE for how many seconds they are idle.
func TestManyOnHosts(t *testing.T) {
	c := start(t)
	const ns = "many"
	c.hostedNamespace(t, ns)
	n := number(t, "VITRINE_KUBE_WORKLOADS", 20)
	image, err := c.registry.push(guest("rust-http-full-p2"), "web:1")
	if err != nil {
		t.Fatal(err)
	}
	var hosts []*host
	for _, name := range []string{"many-a", "many-b", "many-c"} {
		hosts = append(hosts, c.host(t, name, "pool=many", "--memory-budget=8Gi"))
	}
	before := 0
	for _, h := range hosts {
		before += rss(t, h.engine(t))
	}
	var docs strings.Builder
	for i := range n {
		name := fmt.Sprintf("demo-%d", i)
		docs.WriteString("---\n" + strings.Replace(onHosts(document(name, image, ""), 1), "metadata: {name: "+name+",", "metadata: {name: "+name+", annotations: {vitrine.dev/host-selector: pool=many},", 1))
	}
	began := time.Now()
	c.apply(t, ns, docs.String())
	applied := time.Since(began)
	if err := eventually(10*time.Minute, "not all are ready", func() error {
		var list api.WorkloadList
		if err := c.admin.List(context.Background(), &list); err != nil {
			return err
		}
		ok := 0
		for i := range list.Items {
			if list.Items[i].Namespace == ns && ready(&list.Items[i]) {
				ok++
			}
		}
		if ok < n {
			return fmt.Errorf("%d of %d", ok, n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all := time.Since(began)
	after, spread := 0, []int{}
	for _, h := range hosts {
		after += rss(t, h.engine(t))
	}
	per := map[string]int{}
	for i := range n {
		for _, on := range c.hostsOf(t, ns, fmt.Sprintf("demo-%d", i)) {
			per[on]++
		}
	}
	for _, h := range hosts {
		spread = append(spread, per[h.name])
	}
	if slices.Max(spread)-slices.Min(spread) > max(2, n/10) {
		t.Errorf("they are not spread: %v", spread)
	}
	// One more, when all is calm: the time from the document to the answer.
	time.Sleep(time.Second)
	began = time.Now()
	c.apply(t, ns, strings.Replace(onHosts(document("last", image, ""), 1), "metadata: {name: last,", "metadata: {name: last, annotations: {vitrine.dev/host-selector: pool=many},", 1))
	c.await(t, ns, "last", "it is not ready", readyOf(1))
	one := time.Since(began)
	t.Logf("%d workloads on 3 hosts, %v of them: applied in %.1f s, all answer after %.1f s; %.2f MB a workload of vitrine's memory; one more takes %.2f s", n, spread, applied.Seconds(), all.Seconds(), float64(after-before)/1024/float64(n), one.Seconds())

	idle := number(t, "VITRINE_KUBE_IDLE", 10)
	time.Sleep(2 * time.Second)
	calls := len(c.calls(t))
	time.Sleep(time.Duration(idle) * time.Second)
	leases, others := 0, map[string]int{}
	for _, call := range c.calls(t)[calls:] {
		if !strings.HasPrefix(call.UserAgent, "vitrine-host/many-") {
			continue
		}
		if call.ObjectRef.Resource == "leases" {
			leases++
			continue
		}
		others[call.UserAgent+" "+call.Verb+" "+call.ObjectRef.Resource]++
	}
	sum := 0
	for _, n := range others {
		sum += n
	}
	t.Logf("idle for %d s: %d renewals of Leases, %d other calls of 3 hosts: %v", idle, leases, sum, others)
	if most := 3 * (idle + 59) / 60; sum > most {
		t.Errorf("%d calls in %d s of 3 idle hosts: %v", sum, idle, others)
	}
}

// rss is the resident memory of a process, in KiB.
func rss(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if _, after, ok := strings.Cut(string(text), "VmRSS:"); ok {
		_, _ = fmt.Sscan(after, &n)
	}
	return n
}

// TestHostRights: hosts have done all of the above with the rights of their account; this is what it has no right to.
func TestHostRights(t *testing.T) {
	c := start(t)
	c.namespace(t, "rights")
	for _, may := range []struct {
		verb, what, namespace string
		want                  bool
	}{
		{"get", "secrets", "rights", false}, {"list", "secrets", "rights", false}, {"get", "secrets", hostsNamespace, false}, {"get", "configmaps", "rights", false}, {"create", "pods", hostsNamespace, false},
		{"get", "workloads.vitrine.dev", "rights", false}, {"patch", "workloads.vitrine.dev", "rights", false}, {"create", "assignments.vitrine.dev", "rights", false}, {"patch", "assignments.vitrine.dev", "rights", false},
		{"delete", "assignments.vitrine.dev", "rights", false}, {"delete", "hosts.vitrine.dev", hostsNamespace, false}, {"get", "hosts.vitrine.dev", "rights", false}, {"update", "leases.coordination.k8s.io", "kube-system", false},
		{"create", "endpointslices.discovery.k8s.io", "rights", false}, {"list", "nodes", "", false},
		{"list", "assignments.vitrine.dev", "rights", true}, {"watch", "assignments.vitrine.dev", "rights", true}, {"create", "hosts.vitrine.dev", hostsNamespace, true},
		{"update", "leases.coordination.k8s.io", hostsNamespace, true},
	} {
		out, _ := c.kubectl("", "auth", "can-i", may.verb, may.what, "-n", may.namespace, "--as="+hostAccount)
		if got := strings.Contains(out, "yes"); got != may.want {
			t.Errorf("%s %s in %s: %s", may.verb, may.what, may.namespace, out)
		}
	}
	if out, _ := c.kubectl("", "auth", "can-i", "patch", "assignments.vitrine.dev", "--subresource=status", "-n", "rights", "--as="+hostAccount); !strings.Contains(out, "yes") {
		t.Errorf("a host may not say what became of an assignment: %s", out)
	}
}
