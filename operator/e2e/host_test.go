package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
)

// hostsNamespace is that of hosts, and hostAccount their account.
const (
	hostsNamespace = "vitrine-system"
	hostAccount    = "system:serviceaccount:vitrine-system:vitrine-host"
)

// host is a process of vitrine-host with its vitrine, on an address of this machine of its own.
type host struct {
	c    *cluster
	name string
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	log  tail
}

// hostNumber makes addresses of hosts.
var hostNumber atomic.Int32

// host starts one, and waits until it can get workloads. It ends with the test.
func (c *cluster) host(t *testing.T, name, labels string, more ...string) *host {
	t.Helper()
	h := &host{c: c, name: name, done: make(chan struct{})}
	var err error
	if h.dir, err = os.MkdirTemp(c.dir, "h"); err != nil { // short: it has a socket
		t.Fatal(err)
	}
	at := fmt.Sprintf("88.9.%d", hostNumber.Add(1))
	h.cmd = exec.Command(c.hostBinary, append([]string{"--name=" + name, "--namespace=" + hostsNamespace, "--address=10." + at, "--listen=127." + at, "--labels=" + labels, "--vitrine=" + c.vitrine,
		"--folder=" + h.dir, "--cache-dir=" + filepath.Join(c.dir, "hosts-cache"), "--drain-delay=1s", "--drain=20s"}, more...)...)
	h.cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.dir, "kubeconfig-host"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.operator.sink.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100")
	h.cmd.Stdout, h.cmd.Stderr, h.cmd.SysProcAttr = &h.log, &h.log, endWithParent()
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = h.cmd.Wait()
		close(h.done)
	}()
	t.Cleanup(func() {
		h.kill()
		_ = c.admin.Delete(context.Background(), &api.Host{ObjectMeta: metav1.ObjectMeta{Namespace: hostsNamespace, Name: name}})
		if t.Failed() {
			t.Logf("host %s says\n%s", name, h.log.String())
		}
	})
	if err := eventually(limit, "the host is not there", func() error {
		return c.admin.Get(context.Background(), types.NamespacedName{Namespace: hostsNamespace, Name: name}, &api.Host{})
	}); err != nil {
		t.Fatalf("%v\n%s", err, h.log.String())
	}
	return h
}

// kill ends it as a machine that loses its power does.
func (h *host) kill() {
	_ = h.cmd.Process.Kill()
	<-h.done
}

// term asks it to end, and waits until it has.
func (h *host) term() {
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	<-h.done
}

// engine is the process of vitrine below it.
func (h *host) engine(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", h.cmd.Process.Pid, h.cmd.Process.Pid))
	all := strings.Fields(string(text))
	if err != nil || len(all) == 0 {
		// A child belongs to the thread that has made it.
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", h.cmd.Process.Pid))
		for _, file := range tasks {
			text, _ := os.ReadFile(file)
			all = append(all, strings.Fields(string(text))...)
		}
	}
	pid := 0
	if len(all) > 0 {
		_, _ = fmt.Sscan(all[0], &pid)
	}
	if pid == 0 {
		t.Fatalf("host %s has no vitrine", h.name)
	}
	return pid
}

// onHosts is a document that hosts run.
func onHosts(document string, replicas int) string {
	return strings.Replace(document, "spec:\n", fmt.Sprintf("spec:\n  placement: hosts\n  replicas: %d\n", replicas), 1)
}

// hostedNamespace is namespace for workloads on hosts, which go with the test: without their hosts they would be looked at for ever.
func (c *cluster) hostedNamespace(t *testing.T, name string) {
	t.Helper()
	c.namespace(t, name)
	t.Cleanup(func() {
		if out, err := c.kubectl("", "-n", name, "delete", "workloads", "--all", "--wait=false"); err != nil {
			t.Errorf("%v %s", err, out)
		}
	})
}

// assignments are those of a workload.
func (c *cluster) assignments(t *testing.T, namespace, name string) []api.Assignment {
	t.Helper()
	var list api.AssignmentList
	if err := c.admin.List(context.Background(), &list, client.InNamespace(namespace), client.MatchingLabels{"vitrine.dev/workload": name}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// hostsOf are the hosts of a workload.
func (c *cluster) hostsOf(t *testing.T, namespace, name string) (out []string) {
	t.Helper()
	for _, a := range c.assignments(t, namespace, name) {
		out = append(out, a.Spec.Host)
	}
	return out
}

// load is a stream of requests to a workload's Service, whose endpoints it asks for as kube-proxy does.
type load struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup

	sent, answered atomic.Int64
	mu             sync.Mutex
	failures       []failure
}

type failure struct {
	at  time.Time
	why string
}

// load sends rate requests a second until it is stopped.
func (c *cluster) load(t *testing.T, namespace, name, path string, rate int) *load {
	t.Helper()
	var ctx context.Context
	l := &load{}
	ctx, l.cancel = context.WithCancel(context.Background())
	t.Cleanup(l.cancel)
	var endpoints atomic.Pointer[[]string]
	look := func() {
		var list discoveryv1.EndpointSliceList
		if err := c.admin.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name}); err != nil {
			return // as it was
		}
		var all []string
		for _, s := range list.Items {
			for _, e := range s.Endpoints {
				if e.Conditions.Ready == nil || *e.Conditions.Ready {
					all = append(all, fmt.Sprintf("http://%s:%d%s", loopback(e.Addresses[0]), *s.Ports[0].Port, path))
				}
			}
		}
		endpoints.Store(&all)
	}
	look()
	l.ended.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			look()
		}
	})
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	l.ended.Go(func() {
		var requests sync.WaitGroup
		defer requests.Wait()
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			all := *endpoints.Load()
			l.sent.Add(1)
			if len(all) == 0 {
				l.fail(time.Now(), "there are no endpoints")
				continue
			}
			requests.Go(func() {
				began := time.Now()
				resp, err := client.Get(all[n%len(all)])
				if err != nil {
					l.fail(began, err.Error())
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					l.fail(began, resp.Status)
					return
				}
				l.answered.Add(1)
			})
		}
	})
	return l
}

func (l *load) fail(at time.Time, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, failure{at, why})
}

// stop ends it, and returns what has failed.
func (l *load) stop() []failure {
	l.cancel()
	l.ended.Wait()
	return l.failures
}

// none says that no request has failed.
func (l *load) none(t *testing.T, what string) {
	t.Helper()
	failures := l.stop()
	t.Logf("%s: %d requests, %d failed", what, l.sent.Load(), len(failures))
	if len(failures) > 0 {
		t.Errorf("%s: %d of %d requests failed, the first by %s", what, len(failures), l.sent.Load(), failures[0].why)
	}
	if l.answered.Load() == 0 {
		t.Errorf("%s: nothing was answered", what)
	}
}

// call is a request of a host to the API server.
type call struct {
	UserAgent string `json:"userAgent"`
	Verb      string `json:"verb"`
	ObjectRef struct{ Resource, Subresource, Name, Namespace string }
}

// calls are the requests of hosts since the start, as the API server's audit has them.
func (c *cluster) calls(t *testing.T) (out []call) {
	t.Helper()
	f, err := os.Open(filepath.Join(c.dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one call
		if json.Unmarshal(lines.Bytes(), &one) == nil {
			out = append(out, one)
		}
	}
	return out
}

// number is a figure from the environment.
func number(t *testing.T, variable string, without int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return without
	}
	var n int
	if _, err := fmt.Sscan(text, &n); err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number from 1", variable, text)
	}
	return n
}
