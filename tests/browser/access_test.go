package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axeVersion is the version of axe-core that the pages are checked with.
const axeVersion = "4.14.1"

// axe is axe-core's script, which npm fetches once.
var axe = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("VITRINE_TEST_AXE"); path != "" {
		b, err := os.ReadFile(path)
		return string(b), err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "vitrine-tests", "axe-core-"+axeVersion)
	path := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(path); err != nil {
		if _, err := exec.LookPath("npm"); err != nil {
			return "", fmt.Errorf("axe-core is not there, and npm neither: %w", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		out, err := exec.Command("npm", "install", "--prefix", dir, "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "axe-core@"+axeVersion).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("npm install axe-core: %w: %s", err, out)
		}
	}
	b, err := os.ReadFile(path)
	return string(b), err
})

// accessible fails the test for each serious or critical finding of axe-core in the page as it is.
// Rules are those of axe-core to check; none: all.
func (p *page) accessible(what string, rules ...string) {
	p.t.Helper()
	only, _ := json.Marshal(rules)
	if rules == nil {
		only = []byte("undefined")
	}
	script, err := axe()
	if err != nil {
		p.t.Skip("npm cannot fetch axe-core: ", err)
	}
	p.eval("(() => {" + script + "; return 0})()")
	p.eval("(window.findings = undefined, axe.run(document, {resultTypes: ['violations'], runOnly: " + string(only) + "}).then((r) => { window.findings = JSON.stringify(r.violations.map((v) => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => n.html.slice(0, 200) + ' ' + n.any.map((a) => a.message).join(' '))}))) }, (e) => { window.findings = 'failed: ' + e }), 0)")
	p.until("typeof window.findings === 'string'")
	text := p.eval("window.findings")
	var all []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		p.t.Fatalf("%s: axe-core says %s", what, text)
	}
	for _, f := range all {
		if f.Impact == "serious" || f.Impact == "critical" {
			p.t.Errorf("%s: %s, %s: %s\n%s", what, f.Impact, f.ID, f.Help, strings.Join(f.Nodes, "\n"))
		} else {
			p.t.Logf("%s: %s, %s: %s", what, f.Impact, f.ID, f.Help)
		}
	}
}

// TestAccessible: every page, dark and light, has no serious finding of axe-core.
func TestAccessible(t *testing.T) {
	s := demo(t)
	s.request(t, "/go")
	s.request(t, "/total?items=3")
	if code := s.request(t, "/panic"); code != 500 {
		t.Fatalf("the component answers %d", code)
	}
	p := open(t, s.view+"/traces")
	p.says("#traces .row", "GET /total")
	p.click("#traces a", "GET /total")
	p.says("#spans .label", "shop:price/price")
	trace := p.eval("location.pathname")
	pages := []struct{ path, ready, text string }{
		{"/", ".red", "GET /go"}, {"/traces", "#traces .row", "GET /total"}, {"/traces?q=duration:>1h", ".empty", "No trace"}, {trace, "#spans .label", "shop:price/price"}, {"/logs", "#logs .row", "stderr: /go"},
		{"/metrics?name=http.server.request.duration", ".series", "/total"}, {"/metrics?name=vitrine.instances", ".series", "hello-go"}, {"/components?component=examples%2Fdemo%3Ahello-rust", ".details", "127.0.0.1"}, {"/nowhere", ".empty", "no such page"},
	}
	for theme, rules := range map[string][]string{"light": nil, "dark": {"color-contrast", "link-in-text-block"}} {
		p.eval("localStorage.setItem('theme', '" + theme + "')")
		for _, one := range pages {
			p.do(chromedp.Navigate(s.view + one.path))
			p.says(one.ready, one.text)
			p.accessible(theme+" "+one.path, rules...)
			p.shot(theme + strings.NewReplacer("/", "-", "?", "-", "&", "-", ":", "-", ">", "-").Replace(one.path[:min(len(one.path), 24)]))
		}
		p.keys("?")
		p.says(".help", "search in a trace")
		p.accessible(theme+" help", rules...)
	}
	p.eval("localStorage.clear()")
}

// TestKeyboard walks through all pages without a pointer.
func TestKeyboard(t *testing.T) {
	s := demo(t)
	s.request(t, "/go")
	s.request(t, "/total?items=3")
	if code := s.request(t, "/panic"); code != 500 {
		t.Fatalf("the component answers %d", code)
	}
	p := open(t, s.view+"/")
	p.says(".red", "GET /go")
	p.keys("t")
	p.says("#traces .row", "GET /total")
	p.keys("jj")
	p.until("document.querySelectorAll('#traces .row.selected').length === 1")
	p.keys(kb.Enter)
	p.says(".trace h1", "")
	p.until("location.pathname.startsWith('/trace/')")
	p.keys(kb.Escape)
	p.until("location.pathname === '/traces'")
	p.keys("l")
	p.says("#logs .row", "stderr: /go")
	p.keys("m")
	p.says(".metrics h1", "http.server.request.duration")
	p.keys("j")
	p.until("new URLSearchParams(location.search).get('name') !== null")
	p.keys("c")
	p.says(".map .node", "hello-rust")
	// By Tab to a component, and to the links in the table behind it.
	p.until("document.querySelectorAll('.map .node[tabindex]').length > 3")
	for range 40 {
		if p.eval("document.activeElement.matches('.map .node')") == "true" {
			break
		}
		p.keys(kb.Tab)
	}
	p.keys(kb.Enter)
	p.says(".details h3", "Grants")
	p.keys("o")
	p.says(".red", "GET /go")
	p.keys("?")
	p.says(".help", "next and previous error")
	p.keys(kb.Escape)
	p.until("!document.querySelector('.help')")
}
