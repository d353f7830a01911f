package pods

import (
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// destination is what a grant lets pods reach, as far as a NetworkPolicy can say it: an address, or any (invalid) where the grant has a name,
// and a port, or any (0); or all pods of a namespace.
type destination struct {
	address   netip.Addr
	port      int32
	namespace string
}

// destinations are a set of them.
type destinations struct {
	own string // the workload's namespace
	all map[destination]bool
}

// policy lets in what comes to the workload's ports, and out what its grants allow: addresses by themselves, names by their ports, and by the
// namespace of the Service that they may mean, since a NetworkPolicy knows no names (the host checks those). Besides, pods ask for names, fetch their images, and send telemetry.
// The endpoint for operators is closed but for the namespace that reads metrics; a kubelet's probes come from the pod's own node, which policies
// do not bound.
func policy(w *api.Workload, d *v1alpha1.Spec, listens []port, cfg Config) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: meta(w, w.Name)}
	p.Spec.PodSelector = metav1.LabelSelector{MatchLabels: Selector(w.Name)}
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if len(listens) > 0 {
		in := networkingv1.NetworkPolicyIngressRule{}
		for _, l := range listens {
			in.Ports = append(in.Ports, policyPort(l.target, l.protocol()))
		}
		p.Spec.Ingress = append(p.Spec.Ingress, in)
	}
	if cfg.Monitoring != "" {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{
			From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: cfg.Monitoring}}}},
			Ports: []networkingv1.NetworkPolicyPort{policyPort(adminPort, corev1.ProtocolTCP)},
		})
	}
	to := destinations{w.Namespace, map[destination]bool{}}
	for i := range d.Components {
		to.ofComponent(&d.Components[i], cfg.PlainHTTP)
	}
	for _, t := range d.Triggers {
		to.ofSettings(t.Config)
	}
	for _, e := range cfg.Environment {
		if strings.HasSuffix(e.Name, "_ENDPOINT") {
			to.addURL(e.Value)
		}
	}
	p.Spec.Egress = append([]networkingv1.NetworkPolicyEgressRule{{Ports: []networkingv1.NetworkPolicyPort{
		policyPort(53, corev1.ProtocolUDP), policyPort(53, corev1.ProtocolTCP)}}}, to.egress()...)
	return p
}

func policyPort(n int32, protocol corev1.Protocol) networkingv1.NetworkPolicyPort {
	number := intstr.FromInt32(n)
	return networkingv1.NetworkPolicyPort{Port: &number, Protocol: &protocol}
}

// egress has a rule for each address, in order, one for any address, and one for each namespace.
func (to destinations) egress() (out []networkingv1.NetworkPolicyEgressRule) {
	if to.all[destination{}] {
		return []networkingv1.NetworkPolicyEgressRule{{}} // everywhere
	}
	byAddress, namespaces := map[netip.Addr][]int32{}, []string{}
	for d := range to.all {
		if d.namespace != "" {
			namespaces = append(namespaces, d.namespace)
			continue
		}
		byAddress[d.address] = append(byAddress[d.address], d.port)
	}
	for _, a := range slices.SortedFunc(maps.Keys(byAddress), netip.Addr.Compare) {
		rule := networkingv1.NetworkPolicyEgressRule{}
		if a.IsValid() {
			rule.To = []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: netip.PrefixFrom(a, a.BitLen()).String()}}}
		}
		ports := byAddress[a]
		slices.Sort(ports)
		if ports[0] != 0 { // 0: every port
			for _, n := range ports {
				rule.Ports = append(rule.Ports, policyPort(n, corev1.ProtocolTCP), policyPort(n, corev1.ProtocolUDP))
			}
		}
		out = append(out, rule)
	}
	slices.Sort(namespaces)
	for _, n := range namespaces {
		out = append(out, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: n}}}}})
	}
	return out
}

func (to destinations) ofComponent(c *v1alpha1.Component, plainHTTP bool) {
	for _, g := range c.Grants.HTTP {
		p, err := workload.ParseHTTP(string(g))
		if err != nil {
			continue
		}
		if _, within := workload.InternalComponent(p.Scheme, p.Host, p.Port); !within {
			to.add(p.Host, p.Port)
		}
	}
	for _, g := range c.Grants.Sockets.Connect {
		if a, err := workload.ParseAddress(string(g)); err == nil {
			to.add(a.Host, a.Port)
		}
	}
	for _, grants := range stores(&c.Grants) {
		for _, g := range grants {
			to.ofSettings(g.Config)
		}
	}
	if registry, _, ok := strings.Cut(c.Source.Image, "/"); ok {
		host, port, err := net.SplitHostPort(registry)
		if err != nil {
			host, port = registry, "443"
			if plainHTTP {
				port = "80"
			}
		}
		if port != "*" {
			to.add(host, port)
			to.add("*", port) // a registry's blobs may come from other servers
		}
	}
}

// ofSettings adds what the settings of a backend or a trigger name: each URL in them.
func (to destinations) ofSettings(config any) {
	switch v := config.(type) {
	case string:
		for _, one := range strings.Split(v, ",") { // as NATS has several
			if strings.Contains(one, "://") {
				to.addURL(one)
			}
		}
	case map[string]any:
		for _, e := range v {
			to.ofSettings(e)
		}
	}
}

// defaultPorts are those of URLs that name none.
var defaultPorts = map[string]string{"http": "80", "https": "443", "nats": "4222", "tls": "4222", "redis": "6379", "rediss": "6379", "postgres": "5432",
	"postgresql": "5432", "mqtt": "1883", "mqtts": "8883"}

// addURL adds a URL's server, or that of HOST:PORT.
func (to destinations) addURL(text string) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return
	}
	port := u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	to.add(u.Hostname(), port)
}

// add adds a server. What is not understood is not let out: a policy that is too narrow is seen, one that is too wide is not.
func (to destinations) add(host, port string) {
	n, err := strconv.ParseUint(port, 10, 16)
	if port != "*" && (err != nil || n == 0) || host == "" || loopback(host) {
		return
	}
	address, _ := netip.ParseAddr(host) // a name has none
	to.all[destination{address: address.Unmap().WithZone(""), port: int32(n)}] = true
	if address.IsValid() {
		return
	}
	if n := namespaceOf(host, to.own); n != "" {
		to.all[destination{namespace: n}] = true
	}
}

// namespaceOf is the namespace whose Service a name may mean: shop, shop.demo, shop.demo.svc and what follows it. A policy is about the ports of
// pods, which a Service maps its own ports to, so that its port alone would not let anything through. "" means that it can be no Service.
func namespaceOf(host, own string) string {
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	namespace := ""
	switch svc := slices.Index(labels, "svc"); {
	case host == "*":
	case svc >= 2:
		namespace = labels[svc-1]
	case len(labels) == 1:
		namespace = own
	case len(labels) == 2:
		namespace = labels[1]
	}
	if len(validation.IsDNS1123Label(namespace)) > 0 {
		return ""
	}
	return namespace
}

// loopback says whether a host is the pod itself.
func loopback(host string) bool {
	if host = strings.TrimSuffix(strings.ToLower(host), "."); host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
