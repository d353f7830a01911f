package browser

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestUnderWay: a request that waits for another server is seen while it does, as a bar without an end, and then with one.
func TestUnderWay(t *testing.T) {
	s := demo(t)
	asked, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		_, _ = w.Write([]byte("at last"))
	}))
	defer slow.Close()
	p := open(t, s.view+"/")
	p.says("nav button", "live")
	done := make(chan int, 1)
	go func() {
		r, err := http.Get(s.app + "/fetch?url=" + url.QueryEscape(slow.URL+"/"))
		if err != nil {
			done <- 0
			return
		}
		_ = r.Body.Close()
		done <- r.StatusCode
	}()
	<-asked
	p.says(".underway", "GET /")
	p.shot("overview")
	p.click(".underway a", "GET /")
	p.until("document.querySelectorAll('#spans .bar.running').length > 1")
	p.says(".facts", "under way")
	p.shot("trace")
	before := p.eval("document.querySelector('.facts dl div:nth-child(2) dd').innerText")
	p.until("document.querySelector('.facts dl div:nth-child(2) dd').innerText !== '" + before + "'") // it grows
	close(release)
	if code := <-done; code != 200 {
		t.Fatalf("the component answers %d", code)
	}
	p.until("document.querySelectorAll('#spans .bar').length > 1 && document.querySelectorAll('#spans .bar.running').length === 0")
	p.do(chromedp.Navigate(s.view + "/"))
	p.says(".red", "GET /")
	p.until("!document.querySelector('.underway')")
}

// TestMap: what calls what, by which grants and within which limits, with figures on the edges.
func TestMap(t *testing.T) {
	s := demo(t)
	neighbour := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer neighbour.Close()
	s.request(t, "/total?items=3")
	s.request(t, "/fetch?url="+url.QueryEscape(neighbour.URL+"/"))
	p := open(t, s.view+"/components")
	for _, name := range []string{"hello-rust", "hello-go", "cart", "price", "wasi:http"} {
		p.says(".map .node", name)
	}
	p.until("[...document.querySelectorAll('.components tbody tr')].some((e) => e.innerText.includes('shop:cart/cart@0.1.0') && /\\d\\/s/.test(e.innerText))")
	p.until("[...document.querySelectorAll('.components tbody tr')].some((e) => e.innerText.includes('127.0.0.1') && /\\d\\/s/.test(e.innerText))")
	p.eval("[...document.querySelectorAll('.map .node[role=button]')].find((e) => e.textContent.startsWith('hello-rust')).dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))")
	for _, text := range []string{"http://127.0.0.1:*", "30s", "1 GiB", "idle", "wasi:http/incoming-handler"} {
		p.says(".details", text)
	}
	p.shot("page")
	p.do(chromedp.Navigate(s.view + "/components?all=1"))
	p.says(".map .node", "wasi:io")
	p.shot("all")
}

// TestMapOfServices: other programs' spans say who calls whom.
func TestMapOfServices(t *testing.T) {
	s := receiver(t)
	s.send(t, calls())
	p := open(t, s.view+"/components")
	p.says(".map .node", "front")
	p.says(".map .node", "back")
	p.says(".map .node", "postgresql")
	p.says(".components tbody", "50.0 %")
	p.shot("page")
}

// TestReload: the marks of a reload and of an earlier run are there, and say what has changed.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	manifest := filepath.Join(dir, "vitrine.yaml")
	guests, err := filepath.Abs("../../testdata/guests/prebuilt")
	if err != nil {
		t.Fatal(err)
	}
	write := func(file string) {
		text := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: again}\nspec:\n  components:\n    - name: web\n      source: {file: " + filepath.Join(guests, file) + "}\n  triggers:\n    - http: {path: /, component: web}\n"
		if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rust-http-full-p2.component.wasm")
	args := []string{"up", manifest, "--listen", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", filepath.Join(dir, "view")}
	s := start(t, args...)
	s.request(t, "/hello")
	s.stop()

	s = start(t, args...)
	if code := s.request(t, "/hello"); code != 200 {
		t.Fatalf("the component answers %d", code)
	}
	write("go126-http-p2.component.wasm")
	if err := s.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p := open(t, s.view+"/")
	p.says(".marks li b", "reload")
	p.says(".marks li b", "start")
	if code := s.request(t, "/hello"); code != 200 {
		t.Fatalf("the new component answers %d", code)
	}
	p.do(chromedp.Navigate(s.view + "/?since=1h"))
	p.until("document.querySelectorAll('.marks li').length === 3")
	p.click(".marks li button", "what changed")
	p.says(".compared caption", "reload")
	p.says(".compared tbody", "GET /")
	p.until("[...document.querySelectorAll('.compared tbody tr')].some((e) => { const c = [...e.cells].map((x) => x.innerText); return c[1] === '1' && c[2] === '1' })")
	p.shot("compare")
	p.do(chromedp.Navigate(s.view + "/traces"))
	p.until("[...document.querySelectorAll('#traces .marked')].some((e) => e.dataset.mark.startsWith('reload'))")
	p.click(".facets button", "after")
	p.says(".summary", "trace")
	p.shot("traces")
	if got := p.eval("document.querySelectorAll('#traces .row').length"); got == "0" || strings.Contains(got, "-") {
		t.Errorf("after the reload there are %s traces", got)
	}
}

// TestManyWindows: a browser has six connections to a server, and more windows than that show what comes, also when the one is closed that is
// connected for all.
func TestManyWindows(t *testing.T) {
	s := demo(t)
	var windows []*page
	var ends []func()
	for range 9 {
		p, end := openUntil(t, s.view+"/traces")
		windows, ends = append(windows, p), append(ends, end)
		p.says("nav button", "live")
	}
	s.request(t, "/go")
	for _, p := range windows {
		p.says("#traces .row", "GET /go")
	}
	ends[0]()
	ends[1]()
	s.request(t, "/total?items=1")
	for _, p := range windows[2:] {
		p.says("#traces .row", "GET /total")
	}
}
