// Package hosts decides which host runs which replica of a workload, and in which order replicas come to run another document. It is a function of its
// arguments: nothing here asks or changes a cluster.
package hosts

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// Host is a host as the decision sees it.
type Host struct {
	*api.Host
	Alive    bool
	Reserved int64 // bytes of what is assigned to it, of all workloads
	Assigned int   // how many are
}

// takes says whether new workloads may come to the host.
func (h *Host) takes() bool { return h.Alive && !h.Status.Draining && !h.Spec.Unschedulable }

// Plan is what is to be done for one workload.
type Plan struct {
	Create []string          // the hosts that get a replica
	Update []*api.Assignment // replicas that get the present document
	Delete []*api.Assignment // replicas that are not wanted any more
	// Lacking is how many replicas have no host, and Why says why.
	Lacking int
	Why     string
}

// Name is the name of the assignment of a workload to a host.
func Name(workload, host string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(host))
	return workload[:min(len(workload), 200)] + "-" + strconv.FormatUint(h.Sum64(), 36)
}

// Decide decides. all are the workload's assignments, hosts all that there are, by name.
func Decide(p *pods.Hosted, all []api.Assignment, hosts map[string]*Host) *Plan {
	out := &Plan{}
	var stay, leave []*api.Assignment // on hosts that go on, and on others
	for i := range all {
		a := &all[i]
		switch h := hosts[a.Spec.Host]; {
		case a.DeletionTimestamp != nil:
		case h == nil || !h.Alive || h.Status.Draining:
			leave = append(leave, a)
		default:
			stay = append(stay, a)
		}
	}
	out.place(p, all, len(stay), hosts)
	stay = out.shrink(p, stay, hosts)
	out.roll(p, stay)
	out.abandon(p, stay, leave, hosts)
	return out
}

// place chooses hosts for the replicas that are missing.
func (out *Plan) place(p *pods.Hosted, all []api.Assignment, have int, hosts map[string]*Host) {
	missing := p.Replicas - have
	if missing <= 0 {
		return
	}
	var fit []*Host
	why := map[string]int{}
	for _, h := range hosts {
		switch reason := refuses(h, p, all); reason {
		case "":
			fit = append(fit, h)
		default:
			why[reason]++
		}
	}
	slices.SortFunc(fit, func(a, b *Host) int {
		return cmp.Or(cmp.Compare(a.load(), b.load()), cmp.Compare(a.Assigned, b.Assigned), strings.Compare(a.Name, b.Name))
	})
	for _, h := range fit[:min(missing, len(fit))] {
		out.Create = append(out.Create, h.Name)
	}
	if out.Lacking = missing - len(out.Create); out.Lacking > 0 {
		var texts []string
		for reason, n := range why {
			texts = append(texts, fmt.Sprintf("%d %s", n, reason))
		}
		slices.Sort(texts)
		out.Why = fmt.Sprintf("%d of %d replicas have no host, of %d hosts", out.Lacking, p.Replicas, len(hosts))
		if len(texts) > 0 {
			out.Why += ": " + strings.Join(texts, ", ")
		}
	}
}

// refuses says why a host gets no replica of a workload, "" if it may.
func refuses(h *Host, p *pods.Hosted, all []api.Assignment) string {
	switch {
	case !h.Alive:
		return "do not answer"
	case !h.takes():
		return "take no workloads"
	case slices.ContainsFunc(all, func(a api.Assignment) bool { return a.Spec.Host == h.Name }):
		return "have one"
	case !p.Selector.Matches(labels.Set(h.Labels)):
		return "have not the labels that " + api.AnnotationHosts + " asks for"
	case slices.ContainsFunc(p.Needs, func(n string) bool { return !slices.Contains(h.Spec.Plugins, n) }):
		return "do not serve all of " + strings.Join(p.Needs, ", ")
	case h.Reserved+p.Assignment.Memory > h.Spec.Memory:
		return "have not the memory"
	}
	return ""
}

// load is how full a host is: by what is assigned to it or by what its instances have, whichever is more, in hundredths, so that the number of
// workloads decides between hosts that are about as full.
func (h *Host) load() int64 {
	return max(h.Reserved, h.Status.Memory) * 100 / max(h.Spec.Memory, 1)
}

// shrink removes replicas that are too many: those first that do not answer, then those on the fullest hosts.
func (out *Plan) shrink(p *pods.Hosted, stay []*api.Assignment, hosts map[string]*Host) []*api.Assignment {
	if len(stay) <= p.Replicas {
		return stay
	}
	slices.SortFunc(stay, func(a, b *api.Assignment) int {
		order := func(x *api.Assignment) int {
			if x.Status.Ready {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(hosts[a.Spec.Host].load(), hosts[b.Spec.Host].load()), strings.Compare(a.Name, b.Name))
	})
	out.Delete = append(out.Delete, stay[p.Replicas:]...)
	return stay[:p.Replicas]
}

// roll chooses the replicas that get the present document now. A host has a new document take the place of the one before without a failed request,
// and keeps the one before if the new one cannot be started, so that one after another is enough; and one that has failed stops all.
func (out *Plan) roll(p *pods.Hosted, stay []*api.Assignment) {
	free := p.AtOnce
	for _, a := range stay {
		if a.Spec.Digest == p.Assignment.Digest && a.Status.Digest != p.Assignment.Digest {
			free--
		}
	}
	slices.SortFunc(stay, func(a, b *api.Assignment) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range stay {
		if a.Spec.Digest == p.Assignment.Digest {
			continue
		}
		// One that runs nothing, or already the present document, as after going back, loses nothing.
		if free > 0 || !a.Status.Ready || a.Status.Digest == p.Assignment.Digest {
			out.Update = append(out.Update, a)
			free--
		}
	}
}

// abandon removes replicas on hosts that are gone or about to go: of a host that is gone once there is another one, or none is wanted, and of one
// that still answers when enough others do.
func (out *Plan) abandon(p *pods.Hosted, stay, leave []*api.Assignment, hosts map[string]*Host) {
	ready := 0
	for _, a := range stay {
		if a.Status.Ready {
			ready++
		}
	}
	for _, a := range leave {
		h := hosts[a.Spec.Host]
		answers := h != nil && h.Alive && a.Status.Ready
		if answers && ready < p.Replicas || !answers && len(stay)+len(out.Create) < p.Replicas {
			continue
		}
		out.Delete = append(out.Delete, a)
	}
}
