package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/view/internal/web/internal/sources"
)

// TestNotStale: dist is what go generate makes of the sources, as far as that can be told without npm.
func TestNotStale(t *testing.T) {
	want, err := sources.Digest(".")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("dist/SOURCES")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("dist is not made of these sources: run go generate ./view/internal/web, which needs npm, and commit what it writes")
	}
}

// firstLoad bounds what a browser loads at first, compressed, in bytes.
const firstLoad = 60_000

// wholePage bounds all that there is, which is in the binary.
const wholePage = 600_000

// TestFirstLoad asks for the page, all that it names, and what its script imports, as a browser does.
func TestFirstLoad(t *testing.T) {
	get := func(target string) (packed int, text string) {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d, %v", target, w.Code, w.Header())
		}
		packed = w.Body.Len()
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		plain := httptest.NewRecorder()
		Handler().ServeHTTP(plain, httptest.NewRequest("GET", target, nil))
		if plain.Body.String() != string(b) || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is another one without compression", target)
		}
		return packed, string(b)
	}
	all, page := get("/trace/0123")
	named := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) != 2 {
		t.Fatalf("the page names %v", named)
	}
	imported := regexp.MustCompile(`(?:from|import)"\./([^"]+)"`)
	loaded := map[string]bool{}
	for next := []string{named[0][1], named[1][1]}; len(next) > 0; next = next[1:] {
		if loaded[next[0]] {
			continue
		}
		loaded[next[0]] = true
		n, text := get(next[0])
		t.Logf("%s: %d bytes, %d compressed", next[0], len(text), n)
		all += n
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			next = append(next, "/assets/"+m[1])
		}
	}
	t.Logf("first load: %d bytes compressed, of %d", all, firstLoad)
	if all > firstLoad {
		t.Errorf("the first load is %d bytes compressed; %d are allowed", all, firstLoad)
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, " style=") {
		t.Error("the page has scripts or styles in it, which its policy forbids")
	}
	there, err := fs.ReadDir(files, "dist")
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, f := range there {
		if name, ok := strings.CutSuffix(f.Name(), ".gz"); ok && name != "index.html" {
			n, _ := get("/assets/" + name)
			whole += n
		}
	}
	t.Logf("all: %d bytes compressed, of %d", whole, wholePage)
	if whole > wholePage || len(loaded) >= len(there)-2 {
		t.Errorf("all of the page is %d bytes compressed, %d are allowed; %d of %d files are loaded at first", whole, wholePage, len(loaded), len(there)-2)
	}
}

func TestServe(t *testing.T) {
	for target, want := range map[string]int{"/": 200, "/traces": 200, "/assets/none.js": 404, "/assets/../SOURCES": 404, "/assets/SOURCES": 404, "/favicon.ico": 200} {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
		if asset := strings.HasPrefix(target, "/assets/"); want == 200 && !asset && w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s may be kept: %s", path.Base(target), w.Header().Get("Cache-Control"))
		}
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}
