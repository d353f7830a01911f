// Package admin serves what operators ask a running host over HTTP: whether it lives and is ready, the states of its workloads, metrics
// for Prometheus, profiles of the process, the level of its log, and the detail of its traces. It is apart from what workloads serve, and for operators only: who
// reaches it can read names of workloads and stacks of the process, and change the log's level.
package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config is what a handler answers from. Workloads must be set; what is nil beside it is answered by 404.
type Config struct {
	// Workloads are those of the host, as host.Local.Workloads returns them.
	Workloads func() []host.WorkloadStatus
	// Loopback says that it listens on loopback. Then a request has to name such a host: a page in a browser could have its own name resolve
	// to this machine (DNS rebinding).
	Loopback bool
	// NotReady returns the reasons why the host takes no traffic now, beside the states of workloads; none if it does. Nil: there are none.
	NotReady func() []string
	// Memory returns what the memory budget of the host's engine counts.
	Memory func() cm.BudgetStats
	// Metrics answers /metrics.
	Metrics http.Handler
	// Level returns the least level of the host's log, and SetLevel changes it.
	Level    func() slog.Level
	SetLevel func(slog.Level)
	// Details returns the level of detail of each component that runs, and SetDetail changes it for a component, or all, of a workload, or all;
	// level is invocation, boundary or all, or default, which is what the components' specifications say. n is for how many components that run.
	Details   func() []Detail
	SetDetail func(id workload.ID, component, level string) (n int)
	// Reload has the workloads take the place of themselves, as their files are now; changed is false where they are what runs. The error is for
	// people: what was wrong, and that what runs goes on.
	Reload func() (changed bool, err error)
	// Endpoints returns where a workload that has an address of its own answers; nil: workloads have none of their own.
	Endpoints func(id workload.ID) []string
	// Put has a workload be what a document says: it is started, or takes the place of itself. ctx has the values of the request only: a start
	// goes on when who has asked for it has gone. header is the request's, in which the context of a trace may be. The error is for people.
	Put func(ctx context.Context, id workload.ID, document []byte, header http.Header) error
	// Delete stops a workload when what it answers has ended; one that there is not is stopped already.
	Delete func(ctx context.Context, id workload.ID) error
}

// Detail is the level of detail of a component that runs: which of its calls become spans.
type Detail struct {
	Workload  workload.ID
	Component string
	Level     string // invocation, boundary, all
}

// Handler serves:
//
//	GET /livez         200 as long as the process answers
//	GET /readyz        200 if every workload runs with its backends and nothing speaks against traffic, else 503 with a reason a line
//	GET /workloads     the states of workloads, their services, their backends and their components' pools, and the memory budget, as JSON
//	GET /metrics       metrics in Prometheus' format
//	GET /log-level     the level of the log; PUT or POST changes it: debug, info, warn or error
//	GET /detail        which calls become spans: the level that all components have, or a line for each; PUT or POST changes it: invocation,
//	                   boundary, all, or default, for ?workload=ID&component=NAME or all
//	PUT /workloads/NAMESPACE/NAME     has a workload be what the document in the body says: 200 when it answers, or 422 with what is wrong, and
//	                   what runs goes on
//	DELETE /workloads/NAMESPACE/NAME  stops it
//	POST /reload       reads manifests and components again: 200, or 409 with what is wrong, and what runs goes on
//	GET /debug/pprof/  profiles of the process
//
// A request with the header Origin, which browsers send with what pages ask of other servers, is refused.
func Handler(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", c.ready)
	mux.HandleFunc("GET /workloads", c.workloads)
	if c.Put != nil && c.Delete != nil {
		mux.HandleFunc("PUT /workloads/{namespace}/{name}", c.put)
		mux.HandleFunc("DELETE /workloads/{namespace}/{name}", c.delete)
	}
	if c.Metrics != nil {
		mux.Handle("GET /metrics", c.Metrics)
	}
	if c.Level != nil {
		mux.HandleFunc("GET /log-level", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, word(c.Level())) })
	}
	if c.SetLevel != nil {
		mux.HandleFunc("PUT /log-level", c.setLevel)
		mux.HandleFunc("POST /log-level", c.setLevel)
	}
	if c.Details != nil && c.SetDetail != nil {
		mux.HandleFunc("GET /detail", c.detail)
		mux.HandleFunc("PUT /detail", c.setDetail)
		mux.HandleFunc("POST /detail", c.setDetail)
	}
	if c.Reload != nil {
		mux.HandleFunc("POST /reload", c.reload)
	}
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusNotFound, "not served: arguments may hold secrets")
	})
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			say(w, http.StatusForbidden, "requests of pages in browsers are refused")
			return
		}
		if c.Loopback && !isLoopback(r.Host) {
			say(w, http.StatusForbidden, "it listens on loopback, and is asked by another name: say localhost or 127.0.0.1")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isLoopback says whether a Host header names this machine as it names itself.
func isLoopback(header string) bool {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = header
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that has gone needs no answer
}

// ready answers /readyz.
func (c *Config) ready(w http.ResponseWriter, _ *http.Request) {
	if reasons := c.reasons(); len(reasons) > 0 {
		say(w, http.StatusServiceUnavailable, strings.Join(reasons, "\n"))
		return
	}
	say(w, http.StatusOK, "ok")
}

// reasons are those for which the host is not ready. A workload that has stopped or completed is none: nobody waits for it.
func (c *Config) reasons() (reasons []string) {
	if c.NotReady != nil {
		reasons = c.NotReady()
	}
	serving := false
	for _, s := range c.Workloads() {
		switch s.State {
		case workload.Running:
			serving = true
			for _, b := range s.Backends {
				if b.State.Down() {
					reasons = append(reasons, fmt.Sprintf("workload %s: %s %s of component %s is down: %s", s.ID, b.Kind, b.Grant, b.Component, b.State))
				}
			}
		case workload.Stopped:
		default:
			reason := fmt.Sprintf("workload %s is %s", s.ID, s.State)
			if s.Reason != "" {
				reason += ": " + firstLine(s.Reason)
			}
			reasons = append(reasons, reason)
		}
	}
	if !serving && len(reasons) == 0 {
		reasons = append(reasons, "no workload is running")
	}
	return reasons
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// workloadJSON is a workload in the answer of /workloads.
type workloadJSON struct {
	ID         string          `json:"id"`
	State      string          `json:"state"`
	Reason     string          `json:"reason,omitempty"`
	Since      time.Time       `json:"since"`
	Services   []serviceJSON   `json:"services,omitempty"`
	Components []componentJSON `json:"components,omitempty"`
	Backends   []backendJSON   `json:"backends,omitempty"`
	Images     []imageJSON     `json:"images,omitempty"`
	Endpoints  []string        `json:"endpoints,omitempty"`
}

// imageJSON is what the image of a component, or the workload's own artifact, stood for when the workload was started.
type imageJSON struct {
	Component string `json:"component,omitempty"` // empty: the workload's own artifact
	Image     string `json:"image"`               // as the workload names it, or who has started the workload
	Exact     string `json:"exact"`               // with its digest
	Signer    string `json:"signer,omitempty"`
}

// memoryJSON is the memory budget of all workloads, in bytes, and how often it has refused something.
type memoryJSON struct {
	Limit   uint64 `json:"limit"`
	Used    uint64 `json:"used"`
	Refused uint64 `json:"refused"`
	Waiting int    `json:"waiting"` // invocations that wait for memory
}

// backendJSON is what serves a grant of a component.
type backendJSON struct {
	Component string     `json:"component"`
	Kind      string     `json:"kind"`
	Grant     string     `json:"grant"`
	Backend   string     `json:"backend"`
	State     string     `json:"state"` // up, or why it is down
	Since     *time.Time `json:"since,omitempty"`
}

type serviceJSON struct {
	Component string     `json:"component"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	Restarts  int        `json:"restarts"`
	Since     time.Time  `json:"since"`
	Next      *time.Time `json:"next,omitempty"` // when the next run begins
}

// componentJSON is what a component that events reach has under way.
type componentJSON struct {
	Name        string        `json:"name"`
	Invocations invocations   `json:"invocations"`
	Instances   instancesJSON `json:"instances"`
}

type invocations struct {
	Running int `json:"running"`
	Waiting int `json:"waiting"`
}

type instancesJSON struct {
	Busy      int `json:"busy"`
	Idle      int `json:"idle"`
	Resetting int `json:"resetting"`
	Leaving   int `json:"leaving"`
}

// workloads answers /workloads.
func (c *Config) workloads(w http.ResponseWriter, _ *http.Request) {
	out := struct {
		Workloads []workloadJSON `json:"workloads"`
		Memory    *memoryJSON    `json:"memory,omitempty"`
	}{Workloads: []workloadJSON{}}
	if c.Memory != nil {
		m := memoryJSON(c.Memory())
		out.Memory = &m
	}
	for _, s := range c.Workloads() {
		one := workloadJSON{ID: string(s.ID), State: string(s.State), Reason: s.Reason, Since: s.Since}
		for _, v := range s.Services {
			service := serviceJSON{Component: v.Component, State: string(v.State), Reason: v.Reason, Restarts: v.Restarts, Since: v.Since}
			if !v.Next.IsZero() {
				service.Next = &v.Next
			}
			one.Services = append(one.Services, service)
		}
		for _, p := range s.Components {
			one.Components = append(one.Components, componentJSON{p.Name, invocations{p.Pool.Running, p.Pool.Waiting},
				instancesJSON{p.Pool.Busy, p.Pool.Idle, p.Pool.Resetting, p.Pool.Leaving}})
		}
		for _, i := range s.Images {
			one.Images = append(one.Images, imageJSON{Component: i.Component, Image: i.Image, Exact: i.Exact, Signer: i.Key})
		}
		if c.Endpoints != nil {
			one.Endpoints = c.Endpoints(s.ID)
		}
		for _, b := range s.Backends {
			state := backendJSON{Component: b.Component, Kind: b.Kind, Grant: b.Grant, Backend: b.Backend, State: b.State.String()}
			if !b.State.Since.IsZero() {
				state.Since = &b.State.Since
			}
			one.Backends = append(one.Backends, state)
		}
		out.Workloads = append(out.Workloads, one)
	}
	slices.SortFunc(out.Workloads, func(a, b workloadJSON) int { return strings.Compare(a.ID, b.ID) })
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(out) // a client that has gone needs no answer
}

// maxDocument bounds the body of a request for a workload, in bytes.
const maxDocument = 2 << 20

// idOf is the workload that a request is about.
func idOf(r *http.Request) workload.ID {
	return workload.ID(r.PathValue("namespace") + "/" + r.PathValue("name"))
}

// put answers PUT /workloads/NAMESPACE/NAME.
func (c *Config) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	if err != nil {
		say(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the document did not arrive, or is larger than %d bytes", maxDocument))
		return
	}
	if err := c.Put(context.WithoutCancel(r.Context()), idOf(r), body, r.Header); err != nil {
		say(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	say(w, http.StatusOK, "ok")
}

// delete answers DELETE /workloads/NAMESPACE/NAME.
func (c *Config) delete(w http.ResponseWriter, r *http.Request) {
	if err := c.Delete(context.WithoutCancel(r.Context()), idOf(r)); err != nil {
		say(w, http.StatusConflict, err.Error())
		return
	}
	say(w, http.StatusOK, "ok")
}

// maxLevel bounds the body of a request for another level, in bytes.
const maxLevel = 64

// setLevel answers PUT /log-level.
func (c *Config) setLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLevel))
	var level slog.Level
	asked := strings.ToLower(strings.TrimSpace(string(body)))
	if err != nil || !slices.Contains([]string{"debug", "info", "warn", "error"}, asked) || level.UnmarshalText([]byte(asked)) != nil {
		say(w, http.StatusBadRequest, "want debug, info, warn or error as the body")
		return
	}
	c.SetLevel(level)
	say(w, http.StatusOK, word(level))
}

// reload answers POST /reload.
func (c *Config) reload(w http.ResponseWriter, _ *http.Request) {
	changed, err := c.Reload()
	switch {
	case err != nil:
		say(w, http.StatusConflict, err.Error())
	case changed:
		say(w, http.StatusOK, "reloaded")
	default:
		say(w, http.StatusOK, "nothing has changed")
	}
}

func word(l slog.Level) string { return strings.ToLower(l.String()) }
