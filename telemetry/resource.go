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
	"github.com/vitrine-wasm/vitrine/telemetry/internal/sanitize"
)

// hostService is service.name of the host itself.
const hostService = "vitrine"

// processResource is the part that all services' resources share: host, process, container, Kubernetes. It has no command line,
// which may hold secrets, and no user.
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
	if err != nil { // res has the rest
		t.log.Debug("telemetry: resource is incomplete", "error", err.Error())
	}
	if res == nil {
		return resource.Empty()
	}
	return res
}

// kubernetes reads the variables that usually hold the downward API's values, inside a cluster only.
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

// resource is the resource of one service of the process. The operator's OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME override
// attributes that are derived from the workload, in every service; the component's own name stays in vitrine.component.
func (t *Telemetry) resource(id identity) sanitize.Resource {
	if id.component == "" {
		id.version = t.cfg.Version
	}
	attrs := append(id.attributes(), semconv.ServiceInstanceID(newInstanceID()))
	if id.component == "" && namesService(t.cfg.Resource) {
		attrs = attrs[1:] // the embedder's resource names the service
	}
	res := merge(merge(t.process, t.cfg.Resource), resource.NewWithAttributes(semconv.SchemaURL, attrs...))
	return sanitize.NewResource(merge(res, resource.NewSchemaless(t.envAttributes()...)))
}

// namesService says whether r has a service.name other than the SDK's default.
func namesService(r *resource.Resource) bool {
	name, ok := r.Set().Value(semconv.ServiceNameKey)
	return ok && !strings.HasPrefix(name.AsString(), "unknown_service")
}

// merge merges resources; b's attributes win, and b's schema URL if they differ.
func merge(a, b *resource.Resource) *resource.Resource {
	out, err := resource.Merge(a, b)
	if out == nil || err != nil && out.Len() == 0 {
		return b
	}
	return out
}

// envAttributes reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME from the configured environment. It warns once of entries that
// are no key=value, and ignores them.
func (t *Telemetry) envAttributes() []attribute.KeyValue {
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

// sanitizeEnvironment makes OTEL_RESOURCE_ATTRIBUTES in the process's environment valid UTF-8: the SDK's providers merge it into
// their resources.
func sanitizeEnvironment() error {
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
