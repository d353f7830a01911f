package http

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload"
)

// TypeName is the type of the trigger: workload.TriggerSpec.Type, and the key in a manifest.
const TypeName = "http"

// Route is the config of an HTTP trigger in a workload: which requests reach the component. Of several routes that match a request, the one
// with the most specific host gets it, then the one with the most specific path: at the first segment that differs, a text comes before a
// parameter, and that before what matches everything; then one that names methods.
type Route struct {
	Path           string           `yaml:"path" required:"true" doc:"A prefix, /shop, which is for what is below it, too; or a whole path with parameters, /users/:id, where * stands for any segment and at the end, /files/*, for all that follows."`
	Host           string           `yaml:"host" doc:"The host that requests are for, shop.example.com or *.example.com; every host if it is not given."`
	Methods        []string         `yaml:"methods" doc:"The methods, [GET, POST]; every method if none is given. GET is for HEAD, too."`
	TLS            CertificateFiles `yaml:"tls" doc:"A certificate for https. Where a trigger has one, addresses that are listened on speak https, but for Unix sockets and those with http:// in front; the certificate is chosen by the name that the client asks for."`
	TrustedProxies []string         `yaml:"trustedProxies" reaches:"true" doc:"Proxies that are believed what they say of clients by Forwarded and X-Forwarded-For, -Proto and -Host: addresses, networks such as 10.0.0.0/8, and unix for those that connect to a Unix socket. From others these fields do not reach the component."`
	Static         string           `yaml:"static" path:"true" doc:"A folder whose files are served, in place of a component: GET and HEAD, with index.html for a folder. Files and folders whose names begin with a dot are not there."`
	SpinHeaders    bool             `yaml:"spinHeaders" doc:"Requests tell the component where it is mounted, by the fields of Spin: spin-path-info, spin-full-url, spin-matched-route and others."`
}

// Type describes the trigger to readers and writers of workloads.
func Type() workload.TriggerType {
	return workload.TriggerType{
		Name:         TypeName,
		Doc:          "Requests by host, path and method; the most specific trigger gets each.",
		Config:       Route{},
		Chains:       true,
		ComponentDoc: "The component that answers; it must be given, but for static files.",
		Alone:        func(config any) bool { return config.(Route).Static != "" },
		Default:      Route{Path: "/"},
		Summary:      func(config any) string { return config.(Route).summary() },
		Check:        checkRoutes,
	}
}

// summary is which requests the route gets, and the folder if it is of static files.
func (r Route) summary() string {
	s := r.Host + r.Path
	if len(r.Methods) > 0 {
		s = strings.Join(r.Methods, ",") + " " + s
	}
	if r.Static != "" {
		s += " (files of " + r.Static + ")"
	}
	return s
}

func checkRoutes(ts []workload.TriggerSpec) []workload.TriggerMistake {
	var found []workload.TriggerMistake
	var earlier []matcher
	for i := range ts {
		route, _ := ts[i].Config.(Route)
		wrong := route.check(i)
		found = append(found, wrong...)
		if len(wrong) > 0 || route.Path == "" {
			continue
		}
		m, _ := newMatcher(&route) // check has found no mistake
		if at := slices.IndexFunc(earlier, func(e matcher) bool { return m.conflicts(&e) }); at >= 0 {
			text := fmt.Sprintf("a second trigger for %q", route.Path)
			if e := &earlier[at]; e.String() != m.String() || m.host != "" || len(m.methods) > 0 {
				text = fmt.Sprintf("%s conflicts with another trigger, %s: no request could tell which of them it is for", &m, e)
			}
			found = append(found, workload.TriggerMistake{Trigger: i, Key: "path", Problem: text})
		}
		earlier = append(earlier, m)
	}
	return found
}

// check finds mistakes in the route of trigger i.
func (r *Route) check(i int) (found []workload.TriggerMistake) {
	add := func(key string, err error) {
		if err != nil {
			found = append(found, workload.TriggerMistake{Trigger: i, Key: key, Problem: err.Error()})
		}
	}
	if r.Path != "" {
		_, err := parsePattern(r.Path)
		add("path", err)
	}
	add("host", checkHost(r.Host))
	for k, s := range r.TrustedProxies {
		add(fmt.Sprintf("trustedProxies[%d]", k), new(proxies).parse(s))
	}
	if key, problem := r.TLS.check(); problem != "" {
		add("tls."+key, errors.New(problem))
	}
	for k, m := range r.Methods {
		key := fmt.Sprintf("methods[%d]", k)
		add(key, checkMethod(m))
		if slices.Contains(r.Methods[:k], m) {
			add(key, fmt.Errorf("%q is there twice", m))
		}
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
