package http

import (
	"cmp"
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "http"

// Route is the config of an HTTP trigger in a workload: which requests reach the component.
type Route struct {
	Path string `yaml:"path" required:"true" doc:"The prefix, beginning with /."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name:         TypeName,
		Doc:          "Requests whose path begins with a prefix; the longest wins.",
		Config:       Route{},
		Chains:       true,
		ComponentDoc: "The component that answers.",
		Default:      Route{Path: "/"},
		Check:        checkRoutes,
	}
}

func checkRoutes(ts []workload.TriggerSpec) []workload.TriggerMistake {
	var found []workload.TriggerMistake
	paths := map[string]bool{}
	for i := range ts {
		route, _ := ts[i].Config.(Route)
		found = append(found, route.check(i)...)
		if paths[route.Path] && route.Path != "" {
			found = append(found, workload.TriggerMistake{Trigger: i, Key: "path", Problem: fmt.Sprintf("a second trigger for %q", route.Path)})
		}
		paths[route.Path] = true
	}
	return found
}

// check finds mistakes in the route of trigger i.
func (r *Route) check(i int) (found []workload.TriggerMistake) {
	if r.Path != "" && r.Path[0] != '/' {
		found = append(found, workload.TriggerMistake{Trigger: i, Key: "path", Problem: fmt.Sprintf("%q: want a path that begins with /", r.Path)})
	}
	return found
}

// configOf is what an HTTP trigger says, without mistakes; a trigger that says nothing is for every request.
func configOf(t *workload.TriggerSpec) (Route, error) {
	var r Route
	switch c := t.Config.(type) {
	case nil:
	case Route:
		r = c
	default:
		return r, fmt.Errorf("trigger http: the config for component %s is a %T; want an http.Route", t.Component, c)
	}
	r.Path = cmp.Or(r.Path, "/")
	for _, m := range r.check(0) {
		return r, fmt.Errorf("trigger http: component %s: %s: %s", t.Component, m.Key, m.Problem)
	}
	return r, nil
}
