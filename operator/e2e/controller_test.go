package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
)

// controllerStatus is what examples/controller says of itself.
type controllerStatus struct {
	Synced                                      bool
	Objects, Reconciled, Failed, Lists, Watches int
	LastError                                   string
}

// TestController: examples/controller, a service of a workload, reconciles objects of the real API server: what changes, what somebody else has changed, what is
// gone. Its watch goes on from where it was when the API server was away, and each reconcile is a trace. VITRINE_CONTROLLER_FOR=1h has it run for that long,
// with a change each second and the API server away in the middle.
func TestController(t *testing.T) {
	c := start(t)
	const ns = "digests"
	c.namespace(t, ns)
	dir := t.TempDir()
	example := filepath.Join("..", "..", "examples", "controller")
	core, component := filepath.Join(dir, "controller.core.wasm"), filepath.Join(dir, "controller.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w -checklinkname=0", "-o", core, ".")
	build.Dir, build.Env = example, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(c.vitrine, "component", "new", core, "--wit", "../../sdk/go/wit", "--wit", "../../plugin/secrets/wit", "-o", component).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rbac, err := os.ReadFile(filepath.Join(example, "rbac.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, ns, string(rbac))
	inCluster, err := os.ReadFile(filepath.Join(example, "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := c.dryRun(ns, strings.ReplaceAll(string(inCluster), "REGISTRY", "registry.example.com")); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	token, err := c.kubectl("", "-n", ns, "create", "token", "digests", "--duration=4h")
	if err != nil {
		t.Fatal(token)
	}
	ca, err := os.ReadFile(filepath.Join(c.dir, "certs", "apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(example, "vitrine.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.1:6443", strings.TrimPrefix(c.server, "https://"), "NAMESPACE: default", "NAMESPACE: "+ns).Replace(string(manifest))
	for name, content := range map[string][]byte{"token": []byte(strings.TrimSpace(token)), "ca.crt": ca, "vitrine.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	collector := otlptest.New(t)
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	var log tail
	up := exec.Command(c.vitrine, "up", "--listen", "127.0.0.1:"+ports[0], "vitrine.yaml")
	up.Dir, up.Stdout, up.Stderr, up.SysProcAttr = dir, &log, &log, endWithParent()
	up.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100")
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- up.Wait() }()
	t.Cleanup(func() {
		_ = up.Process.Signal(os.Interrupt)
		if err := <-ended; err != nil || strings.Contains(log.String(), "trap") {
			t.Errorf("vitrine up: %v\n%s", err, log.String())
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	status := func() (s controllerStatus, err error) {
		resp, err := http.Get("http://127.0.0.1:" + ports[0] + "/status")
		if err != nil {
			return s, err
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err == nil {
			err = json.NewDecoder(bytes.NewReader(got)).Decode(&s)
		}
		return s, err
	}
	must := func(what string, ask func() error) {
		t.Helper()
		if err := eventually(limit, what, ask); err != nil {
			s, _ := status()
			t.Fatalf("%v\n%+v\n%s", err, s, log.String())
		}
	}
	must("the controller has not listed", func() error {
		if s, err := status(); err != nil || !s.Synced {
			return fmt.Errorf("%+v, %v", s, err)
		}
		return nil
	})
	ctx := t.Context()
	of := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop", Labels: map[string]string{"digests.vitrine.dev/wanted": "true"}}, Data: map[string]string{"a": "abc"}}
	if err := c.admin.Create(ctx, of); err != nil {
		t.Fatal(err)
	}
	// The digests of abc, and of nothing (FIPS 180-4).
	const abc, empty = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	var made corev1.ConfigMap
	digests := func(want map[string]string) func() error {
		return func() error {
			made = corev1.ConfigMap{}
			err := c.admin.Get(ctx, types.NamespacedName{Namespace: ns, Name: "shop-digests"}, &made)
			if err == nil && fmt.Sprint(made.Data) != fmt.Sprint(want) {
				err = fmt.Errorf("%v", made.Data)
			}
			return err
		}
	}
	change := func(data map[string]string) {
		t.Helper()
		of.Data = data
		if err := c.admin.Update(ctx, of); err != nil {
			t.Fatal(err)
		}
	}
	must("no digests", digests(map[string]string{"a": abc}))
	change(map[string]string{"a": "abc", "b": ""})
	must("no digests of what was changed", digests(map[string]string{"a": abc, "b": empty}))
	made.Data = map[string]string{"a": "somebody else's"}
	if err := c.admin.Update(ctx, &made); err != nil {
		t.Fatal(err)
	}
	must("what somebody else has changed stays", digests(map[string]string{"a": abc, "b": empty}))

	before, err := status()
	if err != nil {
		t.Fatal(err)
	}
	runFor, _ := time.ParseDuration(os.Getenv("VITRINE_CONTROLLER_FOR"))
	last := c.busy(t, runFor/2, change, digests, must)
	if err := c.restart("kube-apiserver", 2*time.Second); err != nil {
		t.Fatal(err)
	}
	must("the API server does not answer", func() error { return c.admin.Get(ctx, types.NamespacedName{Namespace: ns, Name: "shop"}, of) })
	change(map[string]string{"b": "abc"})
	must("nothing is reconciled after the API server was away", digests(map[string]string{"b": abc}))
	last += c.busy(t, runFor/2, change, digests, must)
	after, err := status()
	if err != nil {
		t.Fatal(err)
	}
	if after.Lists != before.Lists || after.Watches <= before.Watches {
		t.Errorf("the watch has not gone on from where it was: %+v, before %+v", after, before)
	}
	t.Logf("%d changes; %+v", last, after)
	if err := c.admin.Delete(ctx, of); err != nil {
		t.Fatal(err)
	}
	must("digests of what is gone", func() error {
		if err := c.admin.Get(ctx, types.NamespacedName{Namespace: ns, Name: "shop-digests"}, &made); !apierrors.IsNotFound(err) {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
	reconciled(t, collector)
}

// busy changes an object each second, and waits for its digests; it counts the changes.
func (c *cluster) busy(t *testing.T, d time.Duration, change func(map[string]string), digests func(map[string]string) func() error, must func(string, func() error)) (n int) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		change(map[string]string{fmt.Sprint("n", n): "abc"})
		must("a change is not reconciled", digests(map[string]string{fmt.Sprint("n", n): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}))
		time.Sleep(time.Second)
	}
	return n
}

// reconciled asks that each reconcile is a trace of its own: its root is the component's span, and below it are its requests to the API server.
func reconciled(t *testing.T, collector *otlptest.Collector) {
	t.Helper()
	if err := eventually(limit, "no traces of reconciles", func() error {
		roots, below := map[string]int{}, 0
		for _, s := range collector.Spans() {
			if s.Name == "reconcile" {
				if len(s.ParentSpanId) != 0 {
					t.Fatalf("a reconcile is below span %x", s.ParentSpanId)
				}
				roots[string(s.TraceId)]++
			}
		}
		for _, s := range collector.Spans() {
			if roots[string(s.TraceId)] != 0 && s.Name == "PATCH configmaps" && len(s.ParentSpanId) != 0 {
				below++
			}
		}
		for _, n := range roots {
			if n != 1 {
				return fmt.Errorf("%d reconciles in one trace", n)
			}
		}
		if len(roots) < 4 || below < 4 {
			return fmt.Errorf("%d traces of reconciles, with %d requests", len(roots), below)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
