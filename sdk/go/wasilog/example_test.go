package wasilog_test

import (
	"log/slog"
	"net/http"

	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/serve"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasilog"
)

// A component that answers requests, and logs by log/slog.
func Example() {
	slog.SetDefault(slog.New(wasilog.NewHandler(nil)))
	http.HandleFunc("GET /price", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "asked for a price", "item", r.URL.Query().Get("item"))
		w.Write([]byte("12\n"))
	})
	serve.Handle(nil)
}
