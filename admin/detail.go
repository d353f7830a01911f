package admin

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload"
)

// misspelled says which parameter of a request's query there is not, or is there twice: it would silently choose all components. "" where all is well.
func misspelled(r *http.Request) string {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "the query is malformed: want ?workload=ID&component=NAME"
	}
	for name, values := range query {
		if name != "workload" && name != "component" || len(values) != 1 || values[0] == "" {
			return fmt.Sprintf("%.40q: want ?workload=ID&component=NAME, each once and not empty, or neither for all components", name)
		}
	}
	return ""
}

// chosen are the components that a request is for.
func (c *Config) chosen(r *http.Request) (id workload.ID, component string, all []Detail) {
	id, component = workload.ID(r.URL.Query().Get("workload")), r.URL.Query().Get("component")
	return id, component, slices.DeleteFunc(c.Details(), func(d Detail) bool {
		return id != "" && d.Workload != id || component != "" && d.Component != component
	})
}

// detail answers GET /detail.
func (c *Config) detail(w http.ResponseWriter, r *http.Request) {
	if why := misspelled(r); why != "" {
		say(w, http.StatusBadRequest, why)
		return
	}
	if _, _, all := c.chosen(r); len(all) > 0 {
		say(w, http.StatusOK, detailText(all))
		return
	}
	say(w, http.StatusNotFound, "no such component runs")
}

// detailText is the level that all have, or a line for each.
func detailText(all []Detail) string {
	var lines []string
	same := true
	for _, d := range all {
		same = same && d.Level == all[0].Level
		lines = append(lines, fmt.Sprintf("%s %s %s", d.Workload, d.Component, d.Level))
	}
	if same {
		return all[0].Level
	}
	return strings.Join(lines, "\n")
}

// setDetail answers PUT /detail.
func (c *Config) setDetail(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLevel))
	level := strings.ToLower(strings.TrimSpace(string(body)))
	if err != nil || !slices.Contains([]string{"invocation", "boundary", "all", "default"}, level) {
		say(w, http.StatusBadRequest, "want invocation, boundary, all or default as the body")
		return
	}
	if why := misspelled(r); why != "" {
		say(w, http.StatusBadRequest, why)
		return
	}
	id, component, all := c.chosen(r)
	if len(all) == 0 { // nothing is changed by a mistyped name
		say(w, http.StatusNotFound, "no such component runs")
		return
	}
	c.SetDetail(id, component, level)
	_, _, all = c.chosen(r)
	say(w, http.StatusOK, detailText(all))
}
