// Package web is the viewer's page: TypeScript in src, bundled into dist by go generate, and served from the binary.
//
// dist is checked in, so that building Vitrine needs neither Node.js nor a network. A test compares it with the sources.
package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:generate go run ./bundle

//go:embed dist
var files embed.FS

// Handler serves the page. Every path that is no file is the page itself, which looks at the path in the browser.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	name, cache := "index.html", "no-cache"
	if asset, ok := strings.CutPrefix(r.URL.Path, "/assets/"); ok { // their names have a digest of what is in them
		name, cache = asset, "public, max-age=31536000, immutable"
	}
	packed, err := fs.ReadFile(files, path.Join("dist", path.Base(name)+".gz"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(packed)))
		_, _ = w.Write(packed)
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text, err := io.ReadAll(z)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}
