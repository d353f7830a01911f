package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestNarrow: on a telephone no page is wider than the screen, and what a page is about can be seen.
func TestNarrow(t *testing.T) {
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
	p.do(chromedp.EmulateViewport(420, 800))
	for _, theme := range []string{"light", "dark"} {
		p.eval("localStorage.setItem('theme', '" + theme + "')")
		for _, one := range []struct{ path, seen string }{
			{"/", ".red tbody a"}, {"/traces", "#traces .row .name"}, {trace, "#spans .row .label"}, {"/logs", "#logs .row .text"},
			{"/metrics?name=http.server.request.duration", ".metrics h1"}, {"/components", ".map"}, {"/components?component=examples%2Fdemo%3Ahello-rust", ".details h2"},
		} {
			p.do(chromedp.Navigate(s.view + one.path))
			p.until("document.querySelector('" + one.seen + "') != null")
			p.until("document.documentElement.scrollWidth <= 420")
			const room = "(() => { const r = document.querySelector('%').getBoundingClientRect(); return r.width > 60 && r.height > 8 && r.left >= 0 && r.left < 360 && r.top < 800 })()"
			if p.eval(strings.ReplaceAll(room, "%", one.seen)) != "true" {
				t.Errorf("%s: %s has no room: %s", one.path, one.seen, p.eval("JSON.stringify(document.querySelector('"+one.seen+"').getBoundingClientRect())"))
			}
			p.shot(theme + strings.NewReplacer("/", "-", "?", "-", "&", "-", ":", "-").Replace(one.path[:min(len(one.path), 16)]))
		}
	}
	p.eval("localStorage.clear()")
}
