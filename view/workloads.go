package view

import "time"

// Workload is a running workload as the page shows it: what it was started with, who calls whom, and the states of its instances. Its JSON
// is the API's. Texts may hold anything but secrets.
type Workload struct {
	ID         string      `json:"id"`
	State      string      `json:"state"`
	Since      time.Time   `json:"since"`
	Triggers   []Trigger   `json:"triggers"`
	Components []Component `json:"components"`
	Calls      []Call      `json:"calls"`
}

// Trigger is what events come from.
type Trigger struct {
	Type      string   `json:"type"`
	Detail    string   `json:"detail,omitempty"` // its settings: a path, an interval
	Chain     []string `json:"chain,omitempty"`  // the components that events pass through before Component
	Component string   `json:"component,omitempty"`
}

// Component is one component of a workload.
type Component struct {
	Name      string `json:"name"`
	Source    string `json:"source"`
	Service   string `json:"service,omitempty"` // the state of a service
	Grants    []Fact `json:"grants"`
	Limits    []Fact `json:"limits"`
	Instances []Fact `json:"instances"` // how many there are in each state; none: events do not reach it
	Exports   []Fact `json:"exports"`
}

// Fact is a line of a list.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	// Problem is what is wrong with it; empty: nothing.
	Problem string `json:"problem,omitempty"`
}

// Call is that one component calls an interface of another, or of the host.
type Call struct {
	From      string `json:"from"`         // a component's path: shop, or shop/cart for one that is composed into shop
	To        string `json:"to,omitempty"` // another's; empty: the host
	Interface string `json:"interface"`    // empty: functions of no interface
	Functions int    `json:"functions"`
}

// ShowWorkloads has the viewer show workloads. f is called for each request of the page, from several goroutines.
func (v *Viewer) ShowWorkloads(f func() []Workload) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.workloads = f
}

func (v *Viewer) running() any {
	v.mu.Lock()
	f := v.workloads
	v.mu.Unlock()
	if f == nil {
		return []Workload{}
	}
	return f()
}
