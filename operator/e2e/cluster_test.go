// Package e2e tests the operator against a real API server, controller manager and scheduler, with pods that are real processes of vitrine
// on this machine's loopback. The binaries come from VITRINE_KUBE_ASSETS, or from the cache that `make kube` fills.
package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/vitrine-wasm/vitrine/operator/api"
)

// kubeVersion is that of the binaries in the cache.
const kubeVersion = "1.36.3"

// binaries are what a cluster is made of.
var binaries = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "helm"}

// cluster is the control plane, started once for all tests.
type cluster struct {
	bin, dir   string
	server     string
	tokens     map[string]string // user → token
	admin      client.WithWatch
	started    []*daemon // in the order of their start
	node       *node
	vitrine    string // the binary that pods and hosts run
	hostBinary string // of vitrine-host
	registry   *ociRegistry
	operator   *operatorProcess
}

type daemon struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

var (
	once     sync.Once
	shared   *cluster
	startErr error
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := m.Run()
	if shared != nil {
		shared.stop()
	}
	os.Exit(code)
}

// assets is the folder of the binaries; missing says why there is none.
func assets() (dir, missing string) {
	dir = os.Getenv("VITRINE_KUBE_ASSETS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err.Error()
		}
		dir = filepath.Join(cache, "vitrine-tests", "kube-"+kubeVersion)
	}
	for _, b := range binaries {
		if _, err := os.Stat(filepath.Join(dir, b)); err != nil {
			return "", b + " of Kubernetes is not installed: make kube"
		}
	}
	return dir, ""
}

// start returns the cluster; a test is skipped where Kubernetes is not installed.
func start(t *testing.T) *cluster {
	t.Helper()
	dir, missing := assets()
	if missing != "" {
		t.Skip(missing)
	}
	once.Do(func() {
		shared = &cluster{bin: dir, tokens: map[string]string{}}
		startErr = shared.start()
	})
	if startErr != nil {
		t.Fatal(startErr)
	}
	return shared
}

func (c *cluster) start() (err error) {
	if c.dir, err = os.MkdirTemp("", "vitrine-kube"); err != nil {
		return err
	}
	built := make(chan error, 1)
	go func() { built <- c.build() }()
	if err := c.controlPlane(); err != nil {
		return err
	}
	if err := <-built; err != nil {
		return err
	}
	if c.registry, err = newRegistry(c); err != nil {
		return err
	}
	if err := c.install(); err != nil {
		return err
	}
	if err := c.controllers(); err != nil {
		return err
	}
	if c.node, err = startNode(c, "node-1"); err != nil {
		return err
	}
	c.operator, err = startOperator(c)
	return err
}

// build builds vitrine-host, and vitrine unless VITRINE names one.
func (c *cluster) build() error {
	c.hostBinary = filepath.Join(c.dir, "vitrine-host")
	agent := exec.Command("go", "build", "-o", c.hostBinary, "./cmd/vitrine-host")
	agent.Dir = ".." // with the packages that this test is built of
	if out, err := agent.CombinedOutput(); err != nil {
		return fmt.Errorf("building vitrine-host: %w\n%s", err, out)
	}
	if c.vitrine = os.Getenv("VITRINE"); c.vitrine != "" {
		return nil
	}
	c.vitrine = filepath.Join(c.dir, "vitrine")
	build := exec.Command("go", "build", "-o", c.vitrine, "./cmd/vitrine")
	build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building vitrine: %w\n%s", err, out)
	}
	return nil
}

// auditPolicy has the API server note what hosts ask of it.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata, users: ["` + hostAccount + `"]}, {level: None}]
`

func (c *cluster) controlPlane() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	sa := filepath.Join(c.dir, "sa.key")
	if err := os.WriteFile(sa, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		return err
	}
	var tokens strings.Builder
	for user, groups := range map[string]string{"admin": "system:masters", "system:serviceaccount:vitrine-system:vitrine-operator": "", hostAccount: "", "tenant": ""} {
		c.tokens[user] = rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", c.tokens[user], user, user, groups)
	}
	tokenFile := filepath.Join(c.dir, "tokens.csv")
	if err := os.WriteFile(tokenFile, []byte(tokens.String()), 0o600); err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd := "http://127.0.0.1:" + ports[0]
	peer := "http://127.0.0.1:" + ports[1]
	if err := c.daemon("etcd", "--data-dir", filepath.Join(c.dir, "etcd.data"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer, "--unsafe-no-fsync"); err != nil {
		return err
	}
	policy := filepath.Join(c.dir, "audit.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	c.server = "https://127.0.0.1:" + ports[2]
	if err := c.daemon("kube-apiserver", "--etcd-servers="+etcd, "--cert-dir="+filepath.Join(c.dir, "certs"), "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		"--secure-port="+ports[2], "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+sa, "--service-account-signing-key-file="+sa,
		"--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=Node,RBAC", "--token-auth-file="+tokenFile, "--endpoint-reconciler-type=none",
		"--audit-policy-file="+policy, "--audit-log-path="+filepath.Join(c.dir, "audit.log")); err != nil {
		return err
	}
	if err := c.kubeconfig(); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), api.AddToScheme(scheme)); err != nil {
		return err
	}
	return eventually(3*time.Minute, "the API server is not ready", func() error {
		out, err := c.kubectl("", "get", "--raw", "/readyz")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		if c.admin == nil {
			c.admin, err = client.NewWithWatch(c.config("admin"), client.Options{Scheme: scheme})
		}
		return err
	})
}

// controllers starts those controllers of the controller manager that have a part in workloads, and the scheduler. They start when the definition of workloads
// is there, since the garbage collector looks for new kinds every half minute only.
func (c *cluster) controllers() error {
	kubeconfig := filepath.Join(c.dir, "kubeconfig")
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	if err := c.daemon("kube-controller-manager", "--kubeconfig="+kubeconfig, "--service-account-private-key-file="+filepath.Join(c.dir, "sa.key"), "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+ports[0], "--cert-dir="+filepath.Join(c.dir, "kcm"), "--use-service-account-credentials=false",
		"--controllers=deployment-controller,replicaset-controller,garbage-collector-controller,endpointslice-controller,serviceaccount-controller,namespace-controller,clusterrole-aggregation-controller"); err != nil {
		return err
	}
	return c.daemon("kube-scheduler", "--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig, "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+ports[1], "--cert-dir="+filepath.Join(c.dir, "scheduler"))
}

// install installs what an administrator would.
func (c *cluster) install() error {
	if out, err := c.kubectl("", "apply", "--server-side", "-k", "../config/base"); err != nil {
		return fmt.Errorf("installing: %w\n%s", err, out)
	}
	if out, err := c.kubectl("", "wait", "--for=condition=Established", "crd/workloads.vitrine.dev", "crd/hosts.vitrine.dev", "crd/assignments.vitrine.dev", "--timeout=60s"); err != nil {
		return fmt.Errorf("the definition of workloads: %w\n%s", err, out)
	}
	// The operator runs in the test's process here.
	if out, err := c.kubectl("", "-n", "vitrine-system", "scale", "deployment/vitrine-operator", "--replicas=0"); err != nil {
		return fmt.Errorf("installing: %w\n%s", err, out)
	}
	return nil
}

// daemon starts a program whose output is in a file of its name.
func (c *cluster) daemon(name string, args ...string) error {
	d := &daemon{name: name, cmd: exec.Command(filepath.Join(c.bin, name), args...), done: make(chan struct{})}
	c.started = append(c.started, d)
	return c.launch(d)
}

// launch starts a daemon whose command is made; its output is at the end of the file of its name.
func (c *cluster) launch(d *daemon) error {
	log, err := os.OpenFile(filepath.Join(c.dir, d.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Dir = log, log, c.dir
	d.cmd.SysProcAttr = endWithParent()
	if err := d.cmd.Start(); err != nil {
		close(d.done)
		return fmt.Errorf("starting %s: %w", d.name, err)
	}
	go func() {
		_ = d.cmd.Wait()
		log.Close()
		close(d.done)
	}()
	return nil
}

// restart ends a daemon, and starts it again with the same arguments after a while.
func (c *cluster) restart(name string, away time.Duration) error {
	for _, d := range c.started {
		if d.name != name {
			continue
		}
		_ = d.cmd.Process.Kill()
		<-d.done
		time.Sleep(away)
		d.cmd, d.done = exec.Command(d.cmd.Path, d.cmd.Args[1:]...), make(chan struct{})
		return c.launch(d)
	}
	return fmt.Errorf("there is no %s", name)
}

// stop ends everything, what has started last first: an API server whose etcd has gone would hang.
func (c *cluster) stop() {
	if c.operator != nil {
		c.operator.stop()
	}
	if c.node != nil {
		c.node.stop()
	}
	for i := len(c.started) - 1; i >= 0; i-- {
		d := c.started[i]
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-d.done:
		case <-time.After(10 * time.Second):
			_ = d.cmd.Process.Kill()
			<-d.done
		}
	}
	if c.registry != nil {
		c.registry.Close()
	}
	if os.Getenv("VITRINE_KUBE_KEEP") == "" {
		os.RemoveAll(c.dir)
	}
}

func (c *cluster) config(user string) *rest.Config {
	return &rest.Config{Host: c.server, BearerToken: c.tokens[user], QPS: -1, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

func (c *cluster) kubeconfig() error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: %s}}, {name: tenant, user: {token: %s}}]
contexts: [{name: admin, context: {cluster: c, user: admin}}, {name: tenant, context: {cluster: c, user: tenant}}]
current-context: admin
`, c.server, c.tokens["admin"], c.tokens["tenant"])
	host := strings.NewReplacer("current-context: admin", "current-context: host", "users: [", "users: [{name: host, user: {token: "+c.tokens[hostAccount]+"}}, ",
		"contexts: [", "contexts: [{name: host, context: {cluster: c, user: host}}, ").Replace(text)
	return errors.Join(os.WriteFile(filepath.Join(c.dir, "kubeconfig"), []byte(text), 0o600), os.WriteFile(filepath.Join(c.dir, "kubeconfig-host"), []byte(host), 0o600))
}

// kubectl runs kubectl with a text as its input.
func (c *cluster) kubectl(input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.dir, "kubeconfig"), "HOME="+c.dir)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// freePorts are ports that were free a moment ago.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out = append(out, port)
	}
	return out, nil
}

// eventually asks until there is no error.
func eventually(limit time.Duration, what string, ask func() error) error {
	end := time.Now().Add(limit)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: %w", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
