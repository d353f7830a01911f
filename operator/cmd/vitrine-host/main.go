// Command vitrine-host runs workloads (vitrine.dev/v1alpha1) that the operator assigns to it, many in one process of vitrine, in a Kubernetes cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/vitrine-wasm/vitrine/operator/internal/agent"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vitrine-host:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("vitrine-host", flag.ContinueOnError)
	name := flags.String("name", os.Getenv("K8S_POD_NAME"), "the name of the Host; also K8S_POD_NAME")
	namespace := flags.String("namespace", os.Getenv("K8S_NAMESPACE_NAME"), "the namespace of the Host; also K8S_NAMESPACE_NAME")
	address := flags.String("address", os.Getenv("K8S_POD_IP"), "the address at which others reach workloads; also K8S_POD_IP")
	listen := flags.String("listen", "", "the address of this machine on which workloads listen (default: that of --address)")
	labels := flags.String("labels", os.Getenv("VITRINE_HOST_LABELS"), "labels of the Host, NAME=VALUE,…, for workloads that choose hosts; also VITRINE_HOST_LABELS")
	binary := flags.String("vitrine", "/vitrine", "the binary of vitrine")
	folder := flags.String("folder", "/run/vitrine", "a folder for sockets and files, which nobody else can read")
	cache := flags.String("cache-dir", "/var/cache/vitrine", "where compiled code and fetched images are kept")
	budget := flags.String("memory-budget", "", "how much memory all instances may have together (default: three quarters of what the control group has)")
	plain := flags.Bool("plain-http", false, "ask registries without TLS")
	delay := flags.Duration("drain-delay", 5*time.Second, "how long a workload is served after its assignment has gone")
	drain := flags.Duration("drain", time.Minute, "how long to wait, at the end, for workloads to be on other hosts")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	for flag, value := range map[string]string{"name": *name, "namespace": *namespace, "address": *address} {
		if value == "" {
			return fmt.Errorf("it is not known who this host is: give --%s", flag)
		}
	}
	set, err := labelsOf(*labels)
	if err != nil {
		return fmt.Errorf("--labels: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	config.UserAgent = "vitrine-host/" + *name
	config.QPS = -1 // it asks for as much as its workloads change
	if *listen == "" {
		*listen = *address
	}
	more := []string{"--cache-dir=" + *cache, "--state-dir=" + *folder + "/state", "--log-format=json"}
	if *budget != "" {
		more = append(more, "--memory-budget="+*budget)
	}
	if *plain {
		more = append(more, "--plain-http")
	}
	a, err := agent.New(config, agent.Config{
		Name: *name, Namespace: *namespace, UID: os.Getenv("K8S_POD_UID"), Address: *address, Listen: *listen, Labels: set, Binary: *binary, Arguments: more,
		Environment: environment(os.Environ()), Folder: *folder, Delay: *delay, Drain: *drain, Log: log,
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// environment is that of vitrine: without what leads to the API server, which workloads have no part in.
func environment(all []string) (out []string) {
	for _, e := range all {
		if !strings.HasPrefix(e, "KUBERNETES_") && !strings.HasPrefix(e, "KUBECONFIG=") {
			out = append(out, e)
		}
	}
	return out
}

func labelsOf(s string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok || len(validation.IsQualifiedName(name)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return nil, fmt.Errorf("%q: want NAME=VALUE, as labels of Kubernetes are", pair)
		}
		out[name] = value
	}
	return out, nil
}
