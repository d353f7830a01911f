package admin_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/vitrine-wasm/vitrine/admin"
	"github.com/vitrine-wasm/vitrine/host"
)

// An embedder serves the endpoint on a mux of its own; local would be its *host.Local.
func ExampleHandler() {
	local := &host.Local{}
	h := admin.Handler(admin.Config{Workloads: local.Workloads})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 no workload is running
}
