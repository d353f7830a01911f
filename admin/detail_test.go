package admin_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/workload"
)

// TestDetail: the level of all components, of those of a workload, or of one; a mistake changes nothing.
func TestDetail(t *testing.T) {
	all := []admin.Detail{
		{Workload: "demo/shop", Component: "cart", Level: "boundary"}, {Workload: "demo/shop", Component: "price", Level: "boundary"},
		{Workload: "other", Component: "cart", Level: "boundary"},
	}
	h := admin.Handler(admin.Config{
		Workloads: func() []host.WorkloadStatus { return nil },
		Details:   func() []admin.Detail { return append([]admin.Detail(nil), all...) },
		SetDetail: func(id workload.ID, component, level string) (n int) {
			for i := range all {
				if (id == "" || all[i].Workload == id) && (component == "" || all[i].Component == component) {
					all[i].Level = map[bool]string{true: "boundary", false: level}[level == "default"]
					n++
				}
			}
			return n
		},
	})
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/detail", "", 200, "boundary\n"},
		{"PUT", "/detail?workload=demo/shop&component=cart", "all\n", 200, "all\n"},
		{"GET", "/detail", "", 200, "demo/shop cart all\ndemo/shop price boundary\nother cart boundary\n"},
		{"GET", "/detail?workload=demo/shop", "", 200, "demo/shop cart all\ndemo/shop price boundary\n"},
		{"GET", "/detail?component=price", "", 200, "boundary\n"},
		{"POST", "/detail?workload=demo/shop", "INVOCATION", 200, "invocation\n"},
		{"PUT", "/detail?workload=demo%2Fshop", "default", 200, "boundary\n"},
		{"PUT", "/detail", "everything", 400, "want invocation, boundary, all or default as the body\n"},
		{"PUT", "/detail", "", 400, "want invocation, boundary, all or default as the body\n"},
		{"PUT", "/detail", strings.Repeat("all ", 100), 400, "want invocation, boundary, all or default as the body\n"},
		{"PUT", "/detail?workload=shop", "all", 404, "no such component runs\n"},
		{"PUT", "/detail?worklod=other", "all", 400, `"worklod": want ?workload=ID&component=NAME, each once and not empty, or neither for all components` + "\n"},
		{"PUT", "/detail?component=cart&component=price", "all", 400, `"component": want ?workload=ID&component=NAME, each once and not empty, or neither for all components` + "\n"},
		{"PUT", "/detail?workload=", "all", 400, `"workload": want ?workload=ID&component=NAME, each once and not empty, or neither for all components` + "\n"},
		{"PUT", "/detail?workload=other;component=cart", "all", 400, "the query is malformed: want ?workload=ID&component=NAME\n"},
		{"GET", "/detail?worklod=other", "", 400, `"worklod": want ?workload=ID&component=NAME, each once and not empty, or neither for all components` + "\n"},
		{"GET", "/detail?component=pear", "", 404, "no such component runs\n"},
		{"GET", "/detail", "", 200, "boundary\n"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.code || w.Body.String() != c.want {
			t.Errorf("%s %s %q: %d %q, wanted %d %q", c.method, c.path, c.body, w.Code, w.Body.String(), c.code, c.want)
		}
	}
}
