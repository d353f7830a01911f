package pods

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// reach are the destinations of a policy but for name lookup, in words: "443", "10.0.0.1/32:80", "pods of demo", "everywhere".
func reach(t *testing.T, keys string, cfg Config) (out []string) {
	t.Helper()
	o, err := Plan(read(t, head+"  components: [{name: a, "+keys+"}]"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range o.Policy.Spec.Egress[1:] {
		to, ports := "", []string{""}
		for _, peer := range rule.To {
			if peer.IPBlock != nil {
				to = peer.IPBlock.CIDR
			} else {
				to = "pods of " + peer.NamespaceSelector.MatchLabels[corev1.LabelMetadataName]
			}
		}
		if len(rule.Ports) > 0 {
			ports = nil
		}
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.String())
		}
		for _, p := range slices.Compact(ports) {
			out = append(out, strings.Trim(to+":"+p, ":"))
		}
		if len(rule.To) == 0 && len(rule.Ports) == 0 {
			out = append(out, "everywhere")
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// TestPolicy: pods reach what the document says, Services by their pods, and nothing for what is not understood.
func TestPolicy(t *testing.T) {
	image := `source: {image: "registry.example.com/a:1"}`
	http := func(grants string) string { return image + ", grants: {http: [" + grants + "]}" }
	endpoint := func(value string) Config {
		return Config{Environment: []corev1.EnvVar{{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: value}}}
	}
	for name, c := range map[string]struct {
		keys string
		cfg  Config
		want string
	}{
		"an image":                  {image, Config{}, "443"},
		"without TLS":               {image, Config{PlainHTTP: true}, "80"},
		"a registry's port":         {`source: {image: "registry.example.com:5000/a:1"}`, Config{}, "5000"},
		"a registry's address":      {`source: {image: "[2001:db8::1]:5000/a"}`, Config{}, "5000 2001:db8::1/128:5000"},
		"a registry in the cluster": {`source: {image: "registry.tools:5000/a"}`, Config{}, "5000 pods of tools"},
		"no port of a registry":     {`source: {image: "registry.example.com:x/a"}`, Config{}, ""},
		"any port of a registry":    {`source: {image: "registry.example.com:*/a"}`, Config{}, ""},
		"no host of a registry":     {`source: {image: "[::1]:x/a"}`, Config{}, ""},
		"no registry":               {`source: {image: "a:1"}`, Config{}, ""},
		"everything":                {http(`"*"`), Config{}, "everywhere"},
		"a name":                    {http(`"http://api.example.com:8080"`), Config{}, "443 8080"},
		"a Service":                 {http(`"http://cart"`), Config{}, "80 443 pods of demo"},
		"a Service elsewhere":       {http(`"http://Cart.Shop."`), Config{}, "80 443 pods of shop"},
		"a Service's whole name":    {http(`"http://cart.shop.svc.cluster.local"`), Config{}, "80 443 pods of shop"},
		"a pod of a Service":        {http(`"http://a-0.cart.shop.svc"`), Config{}, "80 443 pods of shop"},
		"loopback":                  {http(`"http://LOCALHOST.", "http://a.localhost", "http://[0:0:0:0:0:0:0:1]", "http://[::ffff:127.0.0.2]"`), Config{}, "443"},
		"a component":               {http(`"http://a.internal"`), Config{}, "443"},
		"a collector":               {image, endpoint("http://collector.monitoring:4318"), "443 4318 pods of monitoring"},
		"a collector with no URL":   {image, endpoint("collector.monitoring:4317"), "443 4317 pods of monitoring"},
		"a collector that is none":  {image, endpoint("http://%zz"), "443"},
		"a backend that is none":    {image + `, grants: {keyvalue: {d: {redis: {url: "redis://%zz"}}}}`, Config{}, "443"},
		"a scheme that is none":     {image + `, grants: {keyvalue: {d: {redis: {url: "what://a.b.c"}}}}`, Config{}, "443"},
		"a socket":                  {image + `, grants: {keyvalue: {d: {redis: "unix:///run/redis"}}}`, Config{}, "443"},
		"every port of an address":  {image + `, grants: {sockets: {connect: ["10.0.0.1:*"]}}`, Config{}, "443 10.0.0.1/32"},
	} {
		c.cfg.Image = "vitrine:1"
		if got := fmt.Sprint(strings.Join(reach(t, c.keys, c.cfg), " ")); got != c.want {
			text, _ := json.Marshal(c.keys)
			t.Errorf("%s: %q, want %q for %s", name, got, c.want, text)
		}
	}
}
