package app

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// maxChain bounds a chain: each of its components is in every instance.
const maxChain = 32

// checkChain reports what is wrong with a trigger's chain as a whole: its length, and links that lead back into it.
func (d *decoder) checkChain(m *v1alpha1.Workload, t *v1alpha1.Trigger, key string) {
	if len(t.Chain) > maxChain {
		d.failAt(key, "%d components: want at most %d", len(t.Chain), maxChain)
		return
	}
	if len(t.Chain) == 0 {
		return
	}
	c := chainWalk{steps: append(t.Chain[:len(t.Chain):len(t.Chain)], t.Component), links: map[v1alpha1.Name]map[string]v1alpha1.Name{}}
	for _, part := range m.Spec.Components {
		c.links[part.Name] = part.Links
	}
	if cycle := c.walk(place{0, c.steps[0]}, nil); cycle != nil {
		d.failAt(key, "the chain and the links form a cycle: %s", strings.Join(cycle, " → "))
	}
}

// place is a component and its index in the chain, or -1 if only links lead to it. A component may be in a chain more than once.
type place struct {
	step int
	name v1alpha1.Name
}

// chainWalk looks for cycles in a chain and the links of its components.
type chainWalk struct {
	steps []v1alpha1.Name
	links map[v1alpha1.Name]map[string]v1alpha1.Name
	done  map[place]bool
}

// linked is the place that a link to a component leads to: its first one in the chain.
func (c *chainWalk) linked(to v1alpha1.Name) place {
	for i, name := range c.steps {
		if name == to {
			return place{i, name}
		}
	}
	return place{-1, to}
}

// walk returns the names of the first cycle below p that has a step of the chain. checkCycles reports cycles of links alone.
func (c *chainWalk) walk(p place, trail []place) []string {
	for i, on := range trail {
		if on == p {
			return cycleOf(append(trail[i:len(trail):len(trail)], p))
		}
	}
	if c.done[p] {
		return nil
	}
	trail = append(trail, p)
	var next []place
	if p.step >= 0 && p.step+1 < len(c.steps) {
		next = append(next, place{p.step + 1, c.steps[p.step+1]})
	}
	for _, imp := range sortedKeys(c.links[p.name]) {
		next = append(next, c.linked(c.links[p.name][imp]))
	}
	for _, n := range next {
		if cycle := c.walk(n, trail); cycle != nil {
			return cycle
		}
	}
	if c.done == nil {
		c.done = map[place]bool{}
	}
	c.done[p] = true
	return nil
}

// cycleOf returns the names of a cycle; nil if it has no step of the chain.
func cycleOf(places []place) []string {
	var names []string
	inChain := false
	for i, p := range places {
		names = append(names, string(p.name))
		inChain = inChain || i > 0 && p.step > 0 && p.step == places[i-1].step+1
	}
	if !inChain {
		return nil
	}
	return names
}

// Mistake makes an error of a problem that is found after a manifest was read without errors, such as one in the contents of a component:
// [Errors] with the position of key in the file at path, if the file has that key.
func (f *Format) Mistake(path, key, problem string) error {
	e := &Error{Key: key, Problem: problem}
	file, bare, err := Resolve(path)
	if err != nil || bare {
		return Errors{e}
	}
	data, err := readManifest(file)
	if err != nil {
		return Errors{e}
	}
	d := f.decode(file, data, new(v1alpha1.Workload))
	d.errs = nil
	d.failAt(key, "%s", problem)
	return d.errs
}

// ChainKey is the key of an element of a trigger's chain in a manifest, or, with link -1, of the trigger's component.
func ChainKey(trigger int, kind string, link int) string {
	key := fmt.Sprintf("spec.triggers[%d].%s.", trigger, kind)
	if link < 0 {
		return key + "component"
	}
	return fmt.Sprintf("%schain[%d]", key, link)
}
