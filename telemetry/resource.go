package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/internal/mend"
)

// hostService is service.name of the host itself.
const hostService = "vitrine"

// processResource is what all resources have in common: host, process, container, Kubernetes. It holds no command line,
// which may carry secrets, and not who runs it.
func (t *Telemetry) processResource(ctx context.Context) *resource.Resource {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithOSType(),
		resource.WithProcessPID(),
		resource.WithProcessExecutableName(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithContainerID(),
		resource.WithAttributes(t.kubernetes()...),
	)
	if err != nil { // what could be found is in res
		t.log.Debug("telemetry: resource is incomplete", "error", err.Error())
	}
	if res == nil {
		return resource.Empty()
	}
	return res
}

// kubernetes reads the names under which the downward API is usually given to a pod, inside a cluster only.
func (t *Telemetry) kubernetes() []attribute.KeyValue {
	if t.cfg.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return nil
	}
	var out []attribute.KeyValue
	for _, a := range []struct {
		key  attribute.Key
		envs []string
	}{
		{semconv.K8SPodNameKey, []string{"K8S_POD_NAME", "POD_NAME"}},
		{semconv.K8SPodUIDKey, []string{"K8S_POD_UID", "POD_UID"}},
		{semconv.K8SNamespaceNameKey, []string{"K8S_NAMESPACE_NAME", "POD_NAMESPACE"}},
		{semconv.K8SNodeNameKey, []string{"K8S_NODE_NAME", "NODE_NAME"}},
		{semconv.K8SContainerNameKey, []string{"K8S_CONTAINER_NAME", "CONTAINER_NAME"}},
		{semconv.K8SDeploymentNameKey, []string{"K8S_DEPLOYMENT_NAME"}},
	} {
		for _, env := range a.envs {
			if v := t.cfg.Getenv(env); v != "" {
				out = append(out, a.key.String(v))
				break
			}
		}
	}
	return out
}

// resource is the resource of one service of the process. What the operator says in OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME wins over what is derived from the workload, for every service of the process alike; the
// component's own name stays in vitrine.component.
func (t *Telemetry) resource(id identity) mend.Resource {
	if id.component == "" {
		id.version = t.cfg.Version
	}
	attrs := append(id.attributes(), semconv.ServiceInstanceID(newInstanceID()))
	if id.component == "" && named(t.cfg.Resource) {
		attrs = attrs[1:] // the process has a name of its own
	}
	res := merge(merge(t.process, t.cfg.Resource), resource.NewWithAttributes(semconv.SchemaURL, attrs...))
	return mend.NewResource(merge(res, resource.NewSchemaless(t.fromEnv()...)))
}

// named says whether r names the service, and not as the SDK does by default.
func named(r *resource.Resource) bool {
	name, ok := r.Set().Value(semconv.ServiceNameKey)
	return ok && !strings.HasPrefix(name.AsString(), "unknown_service")
}

// merge lets b win. Schema URLs that differ keep b's.
func merge(a, b *resource.Resource) *resource.Resource {
	out, err := resource.Merge(a, b)
	if out == nil || err != nil && out.Len() == 0 {
		return b
	}
	return out
}

// fromEnv reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME through the configured environment. Entries that are no
// key=value are warned of once and ignored.
func (t *Telemetry) fromEnv() []attribute.KeyValue {
	var out []attribute.KeyValue
	var bad []string
	raw := strings.TrimSpace(t.cfg.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
	for i, pair := range strings.Split(raw, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || key == "" || err != nil {
			bad = append(bad, strconv.Itoa(i+1))
			continue
		}
		out = append(out, attribute.String(key, decoded))
	}
	if len(bad) > 0 {
		t.badResource.Do(func() {
			t.log.Warn("telemetry: ignoring a part of OTEL_RESOURCE_ATTRIBUTES", "entries", strings.Join(bad, ", "), "reason", "want key=value, percent-encoded")
		})
	}
	if name := strings.TrimSpace(t.cfg.Getenv("OTEL_SERVICE_NAME")); name != "" {
		out = append(out, semconv.ServiceName(name))
	}
	return out
}

// soundEnvironment mends OTEL_RESOURCE_ATTRIBUTES in the process's environment, if it is no UTF-8: the SDK's providers put
// what they read there beside what they are given.
func soundEnvironment() error {
	const key = "OTEL_RESOURCE_ATTRIBUTES"
	raw := os.Getenv(key)
	if sound := text.Valid(raw); sound != raw {
		return os.Setenv(key, sound)
	}
	return nil
}

// newInstanceID is a random UUID (RFC 9562, version 4).
func newInstanceID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
