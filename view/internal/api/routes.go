package api

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// document describes the API, for people and for programs: OpenAPI 3.1. A test compares it with the routes and with what they answer.
//
//go:embed openapi.json
var document []byte

// route is a path of the API.
type route struct {
	pattern string   // as http.ServeMux has it
	params  []string // of its query
	handle  http.HandlerFunc
}

// routes are all paths of the API, and of OTLP if that is taken.
func (s *server) routes() []route {
	all := []route{
		{"GET /api/v1", nil, func(w http.ResponseWriter, r *http.Request) { send(w, r, document) }},
		{"GET /api/v1/status", nil, s.status},
		{"GET /api/v1/traces", []string{"q", "limit", "offset", "follow", "since"}, s.traces},
		{"GET /api/v1/traces/{id}", nil, s.trace},
		{"GET /api/v1/traces/{id}/logs", nil, s.traceLogs},
		{"GET /api/v1/logs", []string{"q", "limit", "before", "format", "follow", "since"}, s.logs},
		{"GET /api/v1/metrics", []string{"q", "from", "to", "limit", "follow", "since"}, s.metrics},
		{"GET /api/v1/metrics/{name...}", []string{"q", "from", "to", "steps", "by"}, s.chart},
		{"GET /api/v1/instruments", []string{"q", "from", "to"}, s.instruments},
		{"GET /api/v1/components", nil, s.components},
		{"GET /api/v1/marks", nil, s.marks},
		{"GET /api/v1/inflight", []string{"trace"}, s.inFlight},
		{"GET /api/v1/events", nil, s.events},
		{"POST /api/v1/import", nil, s.importing},
	}
	if s.Receiver != nil {
		for _, signal := range []string{"traces", "logs", "metrics"} {
			all = append(all, route{"/v1/" + signal, nil, s.Receiver.ServeHTTP}) // which answers other methods than POST, too
		}
	}
	return all
}

// ServeHTTP refuses parameters that there are not: one that is misspelled would change an answer unnoticed.
func (o route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.URL.Query() {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/"): // OTLP's, whose senders may have reasons
		case name == "token": // of a link from a viewer that needs none
		case !slices.Contains(o.params, name):
			want := "none"
			if len(o.params) > 0 {
				want = strings.Join(o.params, ", ")
			}
			fail(w, http.StatusBadRequest, fmt.Sprintf("there is no parameter %.40q here: want %s", name, want))
			return
		case name == "follow" && !slices.Contains([]string{"true", "false", ""}, values[0]), name == "format" && !slices.Contains([]string{"otlp", ""}, values[0]):
			fail(w, http.StatusBadRequest, fmt.Sprintf("%s: there is no %.40q: want %s", name, values[0], map[string]string{"follow": "true", "format": "otlp"}[name]))
			return
		}
	}
	o.handle(w, r)
}
