// Command vitrine-operator runs workloads (vitrine.dev/v1alpha1) in the pods and on the hosts of a Kubernetes cluster.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/vitrine-wasm/vitrine/operator/internal/controller"
	"github.com/vitrine-wasm/vitrine/operator/internal/manage"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vitrine-operator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("vitrine-operator", flag.ContinueOnError)
	image := flags.String("image", os.Getenv("VITRINE_IMAGE"), "the image of vitrine that pods run; also VITRINE_IMAGE")
	pull := flags.String("image-pull-policy", "", "Always, IfNotPresent or Never (default: that of Kubernetes)")
	plain := flags.Bool("plain-http", false, "pods ask registries without TLS")
	monitoring := flags.String("monitoring-namespace", "", "the namespace whose pods may read the metrics of workloads (default: none)")
	hosts := flags.String("hosts-namespace", cmp.Or(os.Getenv("K8S_NAMESPACE_NAME"), "vitrine-system"), "the namespace of hosts (default: K8S_NAMESPACE_NAME, the operator's own)")
	health := flags.String("health", ":8081", "where to serve /healthz and /readyz")
	metrics := flags.String("metrics", "0", "where to serve the operator's own metrics for Prometheus; 0: nowhere")
	elect := flags.Bool("leader-election", true, "of several operators one works")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *image == "" {
		return errors.New("the image of vitrine is not known: give --image")
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	tracer, shutdown, err := manage.Telemetry(ctx)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, shutdown(end))
	}()
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	m, err := manage.New(config, manage.Options{Health: *health, Metrics: *metrics, LeaderElection: *elect, Reconciler: &controller.Reconciler{
		Config:         pods.Config{Image: *image, PullPolicy: corev1.PullPolicy(*pull), PlainHTTP: *plain, Monitoring: *monitoring, Environment: pods.Telemetry(os.Environ())},
		HostsNamespace: *hosts, Log: log, Tracer: tracer,
	}})
	if err != nil {
		return err
	}
	return m.Start(ctx)
}
