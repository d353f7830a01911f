package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/otlptest"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestStaticFiles: a folder's files are served as a web server does, and nothing else of the machine's.
func TestStaticFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for name, text := range map[string]string{
		"secret.txt": "secret", "public/index.html": "<p>root", "public/a b.txt": "0123456789", "public/sub/index.html": "<p>sub", "public/empty/x": "x", "public/none.txt": "",
		"public/app.js": "plain", "public/app.js.br": "brotli", "public/app.js.gz": "gzip", "public/old.css": "new", "public/.env": "hidden", "public/.git/config": "hidden",
		"public/big.bin": big, "public/é.json": "{}", "public/x.unknown-end": "?",
	} {
		write(name, text)
	}
	write("public/old.css.gz", "old")
	if err := os.Chtimes(filepath.Join(dir, "public", "old.css.gz"), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	links := runtime.GOOS != "windows"
	if links {
		for name, to := range map[string]string{"out": "../secret.txt", "dirout": "..", "in": "a b.txt", "gone": "nothing"} {
			if err := os.Symlink(to, filepath.Join(dir, "public", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(dir, "vitrine.yaml")
	text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: site}\nspec:\n  components: [{name: c, source: {file: %q}}]\n"+
		"  triggers:\n    - http: {path: /, component: c}\n    - http: {path: /assets, static: ./public}\n    - http: {path: /v/:version/*, static: public}\n", testref.File(t, "rust-http-p2"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	collector := otlptest.New(t)
	s := up(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50"}, file)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	ask := func(method, path string, header ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, s.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
		return resp, string(body)
	}
	const notFound = "no route\n"
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
		body, want   string // want: fields that the answer has, "name: value", with semicolons between
	}{
		{"GET", "/assets/", nil, 200, "<p>root", "Content-Type: text/html; charset=utf-8|Content-Length: 7|X-Content-Type-Options: nosniff"},
		{"GET", "/assets", nil, 308, "", "Location: ./assets/"},
		{"GET", "/assets?x=1", nil, 308, "", "Location: ./assets/?x=1"},
		{"GET", "/assets/sub", nil, 308, "", "Location: ./sub/"},
		{"GET", "/assets/sub/", nil, 200, "<p>sub", ""},
		{"GET", "/assets/empty/", nil, 404, notFound, ""},
		{"GET", "/assets/a%20b.txt", nil, 200, "0123456789", "Content-Type: text/plain; charset=utf-8|Accept-Ranges: bytes"},
		{"GET", "/assets/a%20b.txt/", nil, 404, notFound, ""},
		{"GET", "/assets/%C3%A9.json", nil, 200, "{}", "Content-Type: application/json"},
		{"GET", "/assets/none.txt", nil, 200, "", "Content-Length: 0"},
		{"GET", "/assets/x.unknown-end", nil, 200, "?", "Content-Type: application/octet-stream"},
		{"GET", "/v/17/sub/index.html", nil, 200, "<p>sub", ""},
		{"HEAD", "/assets/a%20b.txt", nil, 200, "", "Content-Length: 10"},
		{"POST", "/assets/a%20b.txt", nil, 405, "", "Allow: GET, HEAD"},
		{"GET", "/assets/a%20b.txt", []string{"Range", "bytes=2-4"}, 206, "234", "Content-Range: bytes 2-4/10"},
		{"GET", "/assets/a%20b.txt", []string{"Range", "bytes=-2"}, 206, "89", "Content-Range: bytes 8-9/10"},
		{"GET", "/assets/a%20b.txt", []string{"Range", "bytes=20-"}, 416, "", "Content-Range: bytes */10"},
		{"GET", "/assets/a%20b.txt", []string{"Range", "lines=1-2"}, 416, "", ""},
		{"GET", "/assets/a%20b.txt", []string{"If-None-Match", "*"}, 304, "", ""},
		{"GET", "/assets/app.js", nil, 200, "plain", "Vary: Accept-Encoding|Content-Encoding: "},
		{"GET", "/assets/app.js", []string{"Accept-Encoding", "gzip, deflate, br"}, 200, "brotli", "Content-Encoding: br|Content-Type: text/javascript; charset=utf-8|Content-Length: 6|Vary: Accept-Encoding"},
		{"GET", "/assets/app.js", []string{"Accept-Encoding", "gzip;q=0.5, br;q=0"}, 200, "gzip", "Content-Encoding: gzip|Content-Length: 4"},
		{"GET", "/assets/old.css", []string{"Accept-Encoding", "gzip"}, 200, "new", "Content-Encoding: |Vary: "},
		{"GET", "/assets/big.bin", nil, 200, big, "Content-Length: 1048576"},
		{"GET", "/assets/.env", nil, 404, notFound, ""},
		{"GET", "/assets/.git/config", nil, 404, notFound, ""},
		{"GET", "/assets/%2e%2e/secret.txt", nil, 404, notFound, ""},
		{"GET", "/assets/..%2fsecret.txt", nil, 404, notFound, ""},
		{"GET", "/assets/sub%2findex.html", nil, 404, notFound, ""},
		{"GET", "/assets/..%5csecret.txt", nil, 404, notFound, ""},
		{"GET", "/assets//a%20b.txt", nil, 404, notFound, ""},
		{"GET", "/assets/a%00b", nil, 404, notFound, ""},
		{"GET", "/assets/out", nil, 404, notFound, ""},
		{"GET", "/assets/dirout/secret.txt", nil, 404, notFound, ""},
		{"GET", "/assets/gone", nil, 404, notFound, ""},
		{"GET", "/assets/" + strings.Repeat("x", 300), nil, 404, notFound, ""},
	} {
		resp, body := ask(c.method, c.path, c.header...)
		if resp.StatusCode != c.status || body != c.body && (c.status == 200 || c.status == 206 || c.body != "") {
			t.Errorf("%s %s %v: %d %.100q", c.method, c.path, c.header, resp.StatusCode, body)
		}
		for _, field := range strings.Split(c.want, "|") {
			if name, value, ok := strings.Cut(field, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("%s %s %v: %s is %q, wanted %q", c.method, c.path, c.header, name, resp.Header.Get(name), value)
			}
		}
		if tag := resp.Header.Get("Etag"); tag != "" && c.status == 200 {
			if again, body := ask(c.method, c.path, append(c.header, "If-None-Match", tag)...); again.StatusCode != 304 || body != "" || again.Header.Get("Etag") != tag {
				t.Errorf("%s %s with its tag %s: %d %q", c.method, c.path, tag, again.StatusCode, body)
			}
		}
	}
	if links {
		if _, body := ask("GET", "/assets/in"); body != "0123456789" {
			t.Errorf("a link within the folder: %q", body)
		}
	}
	write("public/a b.txt", "another")
	if _, body := ask("GET", "/assets/a%20b.txt"); body != "another" {
		t.Errorf("after it has changed: %q", body)
	}
	s.stop()
	statuses := map[int64]int{}
	for _, r := range collector.Traces() {
		service := ""
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range r.ScopeSpans {
			for _, span := range scope.Spans {
				if span.Name != "GET /assets" {
					continue
				}
				if service != "site" {
					t.Errorf("the span is of %s", service)
				}
				for _, a := range span.Attributes {
					if a.Key == "http.response.status_code" {
						statuses[a.Value.GetIntValue()]++
					}
				}
			}
		}
	}
	for _, status := range []int64{200, 206, 304, 308, 404, 416} {
		if statuses[status] == 0 {
			t.Errorf("no span has the status %d: %v", status, statuses)
		}
	}
}

// TestStaticIsChecked: a folder that is missing, or a component that nobody would call, is found before anything runs.
func TestStaticIsChecked(t *testing.T) {
	for trigger, want := range map[string]string{
		"{path: /, static: ./nowhere}":       `static: the folder `,
		"{path: /, static: ./vitrine.yaml}":  `vitrine.yaml is no folder`,
		"{path: /, static: ., component: c}": `spec.triggers[0].http.component: the trigger calls no component; leave this out`,
		"{path: /, static: ., chain: [c]}":   `spec.triggers[0].http.chain: the trigger calls no component; leave this out`,
		"{path: /}":                          `spec.triggers[0].http.component: the key is missing`,
		"{path: /, static: [.]}":             `spec.triggers[0].http.static: want a text`,
	} {
		file := filepath.Join(t.TempDir(), "vitrine.yaml")
		text := fmt.Sprintf("apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: site}\nspec:\n  components: [{name: c, source: {file: %q}}]\n  triggers: [{http: %s}]\n", testref.File(t, "rust-http-p2"), trigger)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := run(t, "", "check", file); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d: %s", trigger, code, errs)
		}
	}
}
