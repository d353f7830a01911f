package pods

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/workload"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// destination is what a grant lets pods reach, as far as a NetworkPolicy can say it: an address, or any (invalid) where the grant has a name,
// and a port, or any (0).
type destination struct {
	address netip.Addr
	port    int32
}

// policy lets in what comes to the workload's ports, and out what its grants allow: addresses by themselves, names by their ports, since a
// NetworkPolicy knows no names (the host checks those). Besides, pods ask for names, fetch their images, and send telemetry.
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
	to := map[destination]bool{}
	for i := range d.Components {
		componentDestinations(&d.Components[i], to)
	}
	for _, t := range d.Triggers {
		settingsDestinations(t.Type, t.Config, to)
	}
	for _, e := range cfg.Environment {
		if strings.HasSuffix(e.Name, "_ENDPOINT") {
			to[ofURL(e.Value)] = true
		}
	}
	p.Spec.Egress = append([]networkingv1.NetworkPolicyEgressRule{{Ports: []networkingv1.NetworkPolicyPort{
		policyPort(53, corev1.ProtocolUDP), policyPort(53, corev1.ProtocolTCP)}}}, egress(to)...)
	return p
}

func policyPort(n int32, protocol corev1.Protocol) networkingv1.NetworkPolicyPort {
	number := intstr.FromInt32(n)
	return networkingv1.NetworkPolicyPort{Port: &number, Protocol: &protocol}
}

// egress has a rule for each address, in order, and one for any address.
func egress(to map[destination]bool) (out []networkingv1.NetworkPolicyEgressRule) {
	if to[destination{}] {
		return []networkingv1.NetworkPolicyEgressRule{{}} // everywhere
	}
	byAddress := map[netip.Addr][]int32{}
	for d := range to {
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
	return out
}

func componentDestinations(c *v1alpha1.Component, to map[destination]bool) {
	for _, g := range c.Grants.HTTP {
		p, err := workload.ParseHTTP(string(g))
		if err != nil {
			continue
		}
		if _, within := workload.InternalComponent(p.Scheme, p.Host, p.Port); !within && !loopback(p.Host) {
			to[place(p.Host, p.Port)] = true
		}
	}
	for _, g := range c.Grants.Sockets.Connect {
		if a, err := workload.ParseAddress(string(g)); err == nil && !loopback(a.Host) {
			to[place(a.Host, a.Port)] = true
		}
	}
	for _, grants := range stores(&c.Grants) {
		for _, g := range grants {
			settingsDestinations(g.Type, g.Config, to)
		}
	}
	if c.Source.Image != "" {
		registry, _, _ := strings.Cut(c.Source.Image, "/")
		_, port, found := strings.Cut(registry, ":")
		if !found {
			port = "443"
		}
		to[place("*", port)] = true // a registry's blobs may come from other servers
	}
}

// settingsDestinations adds what the settings of a backend or a trigger name: each URL in them.
func settingsDestinations(kind string, config any, to map[destination]bool) {
	switch v := config.(type) {
	case string:
		for _, one := range strings.Split(v, ",") { // as NATS has several
			if strings.Contains(one, "://") && !strings.HasPrefix(one, "unix:") {
				to[ofURL(one)] = true
			}
		}
	case map[string]any:
		for _, e := range v {
			settingsDestinations(kind, e, to)
		}
		if kind == "s3" && v["endpoint"] == nil {
			to[place("*", "443")] = true
		}
	}
}

// defaultPorts are those of URLs that name none.
var defaultPorts = map[string]string{"http": "80", "https": "443", "nats": "4222", "tls": "4222", "redis": "6379", "rediss": "6379", "postgres": "5432",
	"postgresql": "5432", "mqtt": "1883", "mqtts": "8883"}

func ofURL(text string) destination {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return destination{}
	}
	port := u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	return place(u.Hostname(), port)
}

func place(host, port string) (d destination) {
	d.address, _ = netip.ParseAddr(host) // a name has none
	d.address = d.address.Unmap().WithZone("")
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		d.port = int32(n)
	}
	return d
}

// loopback says whether a host is the pod itself.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
