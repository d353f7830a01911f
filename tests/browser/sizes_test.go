package browser

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestSizes: on a telephone, a tablet and screens of two sizes no page is wider than the screen, nothing of the head lies upon another part of it, and
// what a page is about can be seen.
func TestSizes(t *testing.T) {
	const long = "GET /a/path/with/many/parts/:id/and/what/is/below/it/until/nobody/can/read/it/any/more/:name/at/all"
	s := demo(t)
	s.request(t, "/go")
	s.request(t, "/total?items=3")
	if code := s.request(t, "/panic"); code != 500 {
		t.Fatalf("the component answers %d", code)
	}
	now := time.Now().Add(-time.Second).UnixNano()
	spans := []message{wireSpan(7, 1, 0, long, now, now+400e6).attributed(9, "http.response.header.with-a-name-that-is-long-and-has-no-end", strings.Repeat("a value without a space to break at ", 20)+strings.Repeat("x", 400))}
	for i := range 299 {
		parent := uint64(1)
		if i%10 > 0 { // ten levels, again and again
			parent = uint64(i + 1)
		}
		from := now + int64(i)*1e6
		spans = append(spans, wireSpan(7, uint64(i+2), parent, fmt.Sprintf("step %d of <b>many</b> %s", i, long), from, from+int64(1+i%40)*1e6))
	}
	s.post(t, "/v1/traces", "a-service-of-a-name-that-is-longer-than-any-column-<b>is</b>-wide", spans)
	s.post(t, "/v1/logs", "<i>other</i>", []message{message(nil).fixed(1, uint64(now)).number(2, 17).bytes(5, message(nil).text(1, long+" \u202e "+strings.Repeat("y", 900))).bytes(9, id(7, 16)).bytes(10, id(1, 8))})
	p := open(t, s.view+"/traces")
	p.says("#traces .row", "GET /total")
	p.says("#traces .row", "GET /a/path")
	p.click("#traces a", "GET /total")
	p.says("#spans .label", "shop:price/price")
	trace := p.eval("location.pathname")
	p.do(chromedp.Navigate(s.view + "/traces"))
	const failing = "[...document.querySelectorAll('#traces .row')].find((e) => e.innerText.includes('500'))"
	p.until(failing + " != null")
	p.eval(failing + ".querySelector('a').click()")
	p.says("#spans .row", "panicked at")
	failed := p.eval("location.pathname")
	large := "/trace/" + fmt.Sprintf("%032x", 7)

	empty := receiver(t)
	themes := []string{"light"}
	if os.Getenv("VITRINE_SCREENSHOTS") != "" {
		themes = append(themes, "dark")
	}
	for _, one := range []struct{ name, path, seen, keys string }{
		{"overview", "/", ".red tbody a", ""},
		{"help", "/", "[role=dialog], .help", "?"},
		{"traces", "/traces", "#traces .row .name", ""},
		{"mistake", "/traces?q=servce%3Ashop", ".summary", ""},
		{"nothing", "/traces?q=duration%3A%3E1h", ".empty", ""},
		{"trace", trace, "#spans .row .label", ""},
		{"span", trace, ".details h2", "jj"},
		{"failed", failed, "#spans .row .label", "e"},
		{"large", large, "#spans .row .label", ""},
		{"large-span", large, ".details h2", "j"},
		{"no-trace", "/trace/" + strings.Repeat("ab", 16), ".empty", ""},
		{"logs", "/logs", "#logs .row .text", ""},
		{"histogram", "/metrics?name=http.server.request.duration", ".metrics h1", ""},
		{"counter", "/metrics?name=vitrine.traps", ".metrics h1", ""},
		{"components", "/components", ".map", ""},
		{"component", "/components?component=" + url.QueryEscape("examples/demo:hello-rust"), ".details h2", ""},
		{"no-page", "/nothing/here", "main", ""},
		{"empty-overview", "E/", ".empty", ""},
		{"empty-traces", "E/traces", ".empty", ""},
		{"empty-logs", "E/logs", ".empty", ""},
		{"empty-metrics", "E/metrics", ".empty", ""},
		{"empty-components", "E/components", ".empty", ""},
	} {
		base, path := s.view, one.path
		if rest, ok := strings.CutPrefix(path, "E"); ok {
			base, path = empty.view, rest
		}
		p.do(chromedp.EmulateViewport(1280, 800))
		p.do(chromedp.Navigate(base + path))
		p.until("document.querySelector('nav a') != null")
		if one.keys != "" {
			p.until("document.querySelector('#spans .row, .red tbody a') != null")
			p.keys(one.keys)
		}
		p.until("document.querySelector('" + one.seen + "') != null")
		for _, width := range []int64{360, 768, 1280, 1920} {
			p.do(chromedp.EmulateViewport(width, 800))
			p.until(fmt.Sprintf("innerWidth === %d", width))
			if wide := p.eval("[...document.querySelectorAll('body *')].filter((e) => document.documentElement.scrollWidth > innerWidth && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 60)).slice(0, 3).join('; ')"); wide != "" {
				t.Errorf("%s at %d is wider than the screen: %s", one.name, width, wide)
			}
			const room = "(() => { const r = document.querySelector('%').getBoundingClientRect(); return r.width > 60 && r.height > 8 && r.left >= 0 && r.left < innerWidth - 20 && r.top < 800 })()"
			if p.eval(strings.ReplaceAll(room, "%", one.seen)) != "true" {
				t.Errorf("%s at %d: %s has no room: %s", one.name, width, one.seen, p.eval("JSON.stringify(document.querySelector('"+one.seen+"').getBoundingClientRect())"))
			}
			// What is beside or below each other in the head of the page and of a trace does not overlap, and is not cut by the window.
			const laid = `(() => {
				for (const box of ["nav", ".facts"]) {
					const rs = [...document.querySelectorAll(box + " > *")].map((e) => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width > 0 && r.height > 0 && getComputedStyle(e).position === "static");
					for (const [e, r] of rs) {
						if (r.right > innerWidth + 1) return box + ": cut: " + e.outerHTML.slice(0, 80);
						for (const [f, q] of rs) if (e !== f && r.left < q.right - 1 && q.left < r.right - 1 && r.top < q.bottom - 1 && q.top < r.bottom - 1) return box + ": " + e.outerHTML.slice(0, 80) + " and " + f.outerHTML.slice(0, 80);
					}
				}
				return "";
			})()`
			if got := p.eval(laid); got != "" {
				t.Errorf("%s at %d: %s", one.name, width, got)
			}
			for _, theme := range themes {
				p.eval("document.documentElement.dataset.theme = '" + theme + "'")
				p.shot(fmt.Sprintf("%s-%d-%s", one.name, width, theme))
			}
		}
	}
}
