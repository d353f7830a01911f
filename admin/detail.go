package admin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload"
)

// chosen are the components that a request is for.
func (c *Config) chosen(r *http.Request) (id workload.ID, component string, all []Detail) {
	id, component = workload.ID(r.URL.Query().Get("workload")), r.URL.Query().Get("component")
	return id, component, slices.DeleteFunc(c.Details(), func(d Detail) bool {
		return id != "" && d.Workload != id || component != "" && d.Component != component
	})
}

// detail answers GET /detail.
func (c *Config) detail(w http.ResponseWriter, r *http.Request) {
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
	id, component, all := c.chosen(r)
	if len(all) == 0 { // nothing is changed by a mistyped name
		say(w, http.StatusNotFound, "no such component runs")
		return
	}
	c.SetDetail(id, component, level)
	_, _, all = c.chosen(r)
	say(w, http.StatusOK, detailText(all))
}
