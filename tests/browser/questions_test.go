package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// question is what a user wants to know: the clicks, keys and links that answer it, and how long that takes.
type question struct {
	t     *testing.T
	text  string
	begun time.Time
	steps []string
}

func ask(t *testing.T, text string) *question {
	return &question{t: t, text: text, begun: time.Now()}
}

func (q *question) step(what string, do func()) {
	q.t.Helper()
	q.steps = append(q.steps, what)
	do()
}

// answered says what it took.
func (q *question) answered(answer string) {
	q.t.Logf("%s %s: %d steps (%s), %.1f s", q.text, answer, len(q.steps), strings.Join(q.steps, ", "), time.Since(q.begun).Seconds())
}

// TestQuestions asks what users ask, from a cold start, as one who reads the page: which component is slow, which line belongs to the request
// that failed, what has changed since the reload. The times are printed, and nothing depends on them.
func TestQuestions(t *testing.T) {
	guests, err := filepath.Abs("../../testdata/guests/prebuilt")
	if err != nil {
		t.Fatal(err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) }))
	defer slow.Close()
	dir := t.TempDir()
	manifest := filepath.Join(dir, "vitrine.yaml")
	write := func(second string) {
		t.Helper()
		text := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  components:\n" +
			fmt.Sprintf("    - {name: front, source: {file: %q}, grants: {http: [%q]}}\n    - {name: back, source: {file: %q}}\n", filepath.Join(guests, "rust-http-full-p2.component.wasm"), slow.URL, filepath.Join(guests, second)) +
			"  triggers:\n    - http: {path: /, component: front}\n    - http: {path: /go, component: back}\n"
		if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go126-http-p2.component.wasm")
	cold := ask(t, "How long until there is an answer?")
	var s *server
	cold.step("vitrine up --view", func() {
		s = start(t, "up", manifest, "--listen", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", filepath.Join(dir, "view"))
	})
	for range 10 {
		s.request(t, "/go")
	}
	for range 3 {
		s.request(t, "/fetch?url="+url.QueryEscape(slow.URL+"/"))
	}
	s.request(t, "/panic")
	var p *page
	cold.step("the link", func() { p = open(t, s.view+"/") })
	p.says("main", "front")
	cold.answered("The page has the requests")

	q := ask(t, "Which component is slow?")
	q.step("key o", func() { p.keys("o") })
	p.until("[...document.querySelectorAll('main tbody tr')].some((e) => e.innerText.includes('front') && /\\d ms|\\d s/.test(e.innerText))") // its p95
	q.step("click front's requests", func() { p.click("main tbody a", "GET /") })
	p.says("#traces .row", "GET /")
	q.step("click a slow one", func() {
		const slow = "[...document.querySelectorAll('#traces .row')].find((e) => !e.innerText.includes('500'))"
		p.until(slow + " != null")
		p.eval(slow + ".querySelector('a').click()")
	})
	p.says("#spans .row", "GET")
	p.until("document.querySelectorAll('#spans .critical').length > 0")
	p.shot("slow")
	q.answered("front, which waits for " + slow.URL)

	q = ask(t, "Which line belongs to the request that failed?")
	q.step("key o", func() { p.keys("o") })
	q.step("click front's share of errors", func() { p.click("main tbody td.bad a", "%") })
	p.until("document.querySelectorAll('#traces .row').length === 1")
	q.step("click the one that failed", func() { p.click("#traces a", "GET /") })
	p.says("main", "panicked at")
	p.shot("failed")
	q.answered("The panic's, below the span that failed")

	write("rust-http-full-p2.component.wasm")
	if err := s.process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(s.view + "/"))
	p.says(".marks li b", "reload")
	for range 10 {
		s.request(t, "/go")
	}
	q = ask(t, "What has changed since the reload?")
	q.step("key o", func() { p.keys("o") })
	q.step("what changed", func() {
		p.until("[...document.querySelectorAll('.marks li')].some((e) => e.innerText.includes('reload') && e.querySelector('button'))")
		p.eval("[...document.querySelectorAll('.marks li')].find((e) => e.innerText.includes('reload')).querySelector('button').click()")
	})
	p.says(".compared caption", "reload")
	p.says(".compared tbody", "back")
	p.shot("changed")
	q.answered("back's requests, by number, failures and durations before and after")
}
