package hosts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/vitrine-wasm/vitrine/operator/api"
	"github.com/vitrine-wasm/vitrine/operator/internal/pods"
)

// world is hosts by name, each "NAME reserved/memory what…", with what of dead, draining, closed, a label or -plugin.
func world(t *testing.T, all ...string) map[string]*Host {
	t.Helper()
	out := map[string]*Host{}
	for _, s := range all {
		words := strings.Fields(s)
		h := &Host{Host: &api.Host{ObjectMeta: metav1.ObjectMeta{Name: words[0], Labels: map[string]string{}}}, Alive: true}
		h.Spec.Plugins = []string{"trigger/http"}
		if _, err := fmt.Sscanf(words[1], "%d/%d", &h.Reserved, &h.Spec.Memory); err != nil {
			t.Fatal(err)
		}
		for _, w := range words[2:] {
			switch w {
			case "dead":
				h.Alive = false
			case "draining":
				h.Status.Draining = true
			case "closed":
				h.Spec.Unschedulable = true
			case "-plugin":
				h.Spec.Plugins = nil
			default:
				h.Labels[w] = ""
			}
		}
		out[h.Name] = h
	}
	return out
}

// replicas are assignments, each "HOST spec/status", with the digests of both; status "-" is one that answers nothing.
func replicas(all ...string) (out []api.Assignment) {
	for _, s := range all {
		host, digests, _ := strings.Cut(s, " ")
		spec, status, _ := strings.Cut(digests, "/")
		a := api.Assignment{ObjectMeta: metav1.ObjectMeta{Name: "w-" + host}, Spec: api.AssignmentSpec{Host: host, Digest: spec}}
		if status != "-" {
			a.Status = api.AssignmentStatus{Ready: true, Digest: status}
		}
		out = append(out, a)
	}
	return out
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		hosts                  []string
		have                   []string
		want, atOnce           int
		selector               string
		create, update, remove string
		why                    string
	}{
		"the emptiest":                     {hosts: []string{"a 50/100", "b 10/100", "c 0/10"}, want: 2, create: "c b"},
		"one on each":                      {hosts: []string{"a 0/100", "b 90/100"}, want: 2, create: "a b"},
		"no second on a host":              {hosts: []string{"a 0/100"}, have: []string{"a 1/1"}, want: 2, why: "1 of 2 replicas have no host, of 1 hosts: 1 have one"},
		"no memory":                        {hosts: []string{"a 95/100"}, want: 1, why: "1 have not the memory"},
		"no plugin":                        {hosts: []string{"a 0/100 -plugin"}, want: 1, why: "do not serve all of trigger/http"},
		"no label":                         {hosts: []string{"a 0/100"}, selector: "ssd", want: 1, why: "have not the labels"},
		"a label":                          {hosts: []string{"a 0/100", "b 50/100 ssd"}, selector: "ssd", want: 1, create: "b"},
		"closed":                           {hosts: []string{"a 0/100 closed"}, have: nil, want: 1, why: "take no workloads"},
		"closed keeps what it has":         {hosts: []string{"a 0/100 closed", "b 0/100"}, have: []string{"a 1/1"}, want: 1},
		"no hosts":                         {want: 1, why: "of 0 hosts"},
		"dead moves":                       {hosts: []string{"a 0/100 dead", "b 0/100"}, have: []string{"a 1/1"}, want: 1, create: "b", remove: "a"},
		"dead with nowhere to go":          {hosts: []string{"a 0/100 dead"}, have: []string{"a 1/1"}, want: 1, why: "do not answer"},
		"a host that is gone":              {hosts: []string{"b 0/100"}, have: []string{"a 1/1"}, want: 1, create: "b", remove: "a"},
		"draining waits":                   {hosts: []string{"a 0/100 draining", "b 0/100"}, have: []string{"a 1/1"}, want: 1, create: "b"},
		"draining still waits":             {hosts: []string{"a 0/100 draining", "b 0/100"}, have: []string{"a 1/1", "b 1/-"}, want: 1},
		"draining is left":                 {hosts: []string{"a 0/100 draining", "b 0/100"}, have: []string{"a 1/1", "b 1/1"}, want: 1, remove: "a"},
		"too many":                         {hosts: []string{"a 0/100", "b 90/100", "c 10/100"}, have: []string{"a 1/1", "b 1/1", "c 1/1"}, want: 1, remove: "c b"},
		"too many, some without an answer": {hosts: []string{"a 0/100", "b 90/100"}, have: []string{"a 1/-", "b 1/1"}, want: 1, remove: "a"},
		"none":                             {hosts: []string{"a 0/100"}, have: []string{"a 1/1"}, want: 0, remove: "a"},
		"one after another":                {hosts: []string{"a 0/100", "b 0/100", "c 0/100"}, have: []string{"a 0/0", "b 0/0", "c 0/0"}, want: 3, update: "a"},
		"two at once":                      {hosts: []string{"a 0/100", "b 0/100", "c 0/100"}, have: []string{"a 0/0", "b 0/0", "c 0/0"}, want: 3, atOnce: 2, update: "a b"},
		"the next when one is done":        {hosts: []string{"a 0/100", "b 0/100"}, have: []string{"a 1/1", "b 0/0"}, want: 2, update: "b"},
		"none while one is on its way":     {hosts: []string{"a 0/100", "b 0/100"}, have: []string{"a 1/0", "b 0/0"}, want: 2},
		"what answers nothing at once":     {hosts: []string{"a 0/100", "b 0/100"}, have: []string{"a 0/-", "b 0/-"}, want: 2, update: "a b"},
		"back":                             {hosts: []string{"a 0/100", "b 0/100"}, have: []string{"a 0/1", "b 1/1"}, want: 2, update: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			selector, err := labels.Parse(c.selector)
			if err != nil {
				t.Fatal(err)
			}
			p := &pods.Hosted{Replicas: c.want, AtOnce: max(1, c.atOnce), Needs: []string{"trigger/http"}, Selector: selector, Assignment: api.AssignmentSpec{Digest: "1", Memory: 10}}
			got := Decide(p, replicas(c.have...), world(t, c.hosts...))
			names := func(all []*api.Assignment) string {
				var out []string
				for _, a := range all {
					out = append(out, a.Spec.Host)
				}
				return strings.Join(out, " ")
			}
			if created := strings.Join(got.Create, " "); created != c.create || names(got.Update) != c.update || names(got.Delete) != c.remove || !strings.Contains(got.Why, c.why) || (got.Why == "") != (c.why == "") {
				t.Errorf("create %q, update %q, delete %q, why %q; want %q, %q, %q, %q", created, names(got.Update), names(got.Delete), got.Why, c.create, c.update, c.remove, c.why)
			}
		})
	}
}

// TestSpread: many workloads, one after another, come to hosts in equal parts.
func TestSpread(t *testing.T) {
	hosts := world(t, "a 0/100000", "b 0/100000", "c 0/100000")
	p := &pods.Hosted{Replicas: 1, AtOnce: 1, Selector: labels.Everything(), Assignment: api.AssignmentSpec{Memory: 10}}
	var all []int
	for range 300 {
		h := hosts[Decide(p, nil, hosts).Create[0]]
		h.Assigned++
		h.Reserved += 10
	}
	for _, h := range hosts {
		all = append(all, h.Assigned)
	}
	if slices.Max(all)-slices.Min(all) > 1 {
		t.Errorf("%v", all)
	}
}

// TestName: names of assignments differ by host, and are names.
func TestName(t *testing.T) {
	a, b := Name("shop", "host-1"), Name("shop", "host-2")
	if a == b || !strings.HasPrefix(a, "shop-") || len(Name(strings.Repeat("x", 300), "h")) > 253 {
		t.Errorf("%s %s", a, b)
	}
}
