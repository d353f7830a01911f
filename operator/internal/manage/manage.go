// Package manage sets up what runs the reconciler: the manager with its caches and lease, and telemetry.
package manage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/controller"
)

// Options are those of a manager.
type Options struct {
	Health, Metrics string // addresses; "0": nowhere
	LeaderElection  bool
	Reconciler      *controller.Reconciler
}

// New returns a manager that runs the reconciler when it is started.
func New(config *rest.Config, o Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), api.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("registering types: %w", err)
	}
	lease, renew, retry := time.Minute, 45*time.Second, 15*time.Second // few calls while nothing happens
	m, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Cache: controller.CacheOptions(o.Reconciler.HostsNamespace), Metrics: metricsserver.Options{BindAddress: o.Metrics}, HealthProbeBindAddress: o.Health,
		LeaderElection: o.LeaderElection, LeaderElectionID: "vitrine-operator.vitrine.dev", LeaderElectionReleaseOnCancel: true,
		LeaseDuration: &lease, RenewDeadline: &renew, RetryPeriod: &retry,
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	if err := errors.Join(m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("ping", healthz.Ping)); err != nil {
		return nil, fmt.Errorf("serving health: %w", err)
	}
	if err := o.Reconciler.SetUp(m); err != nil {
		return nil, fmt.Errorf("setting the reconciler up: %w", err)
	}
	return m, nil
}

// Telemetry exports the operator's spans where the environment says (OTEL_*); without an endpoint or an exporter in it there are none, and the
// tracer is nil. The caller must call shutdown.
func Telemetry(ctx context.Context) (_ *controller.Tracer, shutdown func(context.Context) error, err error) {
	none := func(context.Context) error { return nil }
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "" && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, none, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, none, fmt.Errorf("telemetry: %w", err)
	}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(attribute.String("service.name", "vitrine-operator")),
		resource.WithAttributes(kubernetes()...), resource.WithFromEnv())
	if err != nil && res == nil {
		return nil, none, fmt.Errorf("telemetry: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return controller.NewTracer(p.Tracer("github.com/vitrine-wasm/vitrine/operator")), p.Shutdown, nil
}

// kubernetes are the attributes of the operator's own pod, by the variables that its Deployment sets.
func kubernetes() (out []attribute.KeyValue) {
	for env, key := range map[string]string{"K8S_POD_NAME": "k8s.pod.name", "K8S_POD_UID": "k8s.pod.uid", "K8S_NAMESPACE_NAME": "k8s.namespace.name", "K8S_NODE_NAME": "k8s.node.name"} {
		if v := os.Getenv(env); v != "" {
			out = append(out, attribute.String(key, v))
		}
	}
	return out
}
