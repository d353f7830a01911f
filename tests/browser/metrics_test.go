package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestMetrics goes from an instrument to its percentiles, to one of its labels, and to the trace of a measurement.
func TestMetrics(t *testing.T) {
	s := demo(t)
	for range 5 {
		s.request(t, "/go")
		s.request(t, "/total?items=3")
	}
	p := open(t, s.view+"/metrics")
	p.says(".instruments", "http.server.request.duration")
	p.click(".instruments a", "http.server.request.duration")
	p.says(".metrics h1", "http.server.request.duration")
	p.says(".series", "/total")
	p.says(".series", "hello-go")
	p.until("(document.querySelector('.plot canvas')?.width ?? 0) > 300")
	p.until(`/\d (ns|µs|ms|s) \d\d:/.test(document.querySelector('.exemplars')?.innerText)`)
	p.shot("histogram")

	p.click(".series button", "/total") // a filter
	p.says(".facts .chip", "@http.route:/total")
	p.until("!document.querySelector('.series').innerText.includes('hello-go')")
	p.click(".exemplars a", "")
	p.says("#spans .label", "GET /total")

	p.do(chromedp.Navigate(s.view + "/metrics?name=vitrine.invocations&by=service"))
	p.says(".series", "hello-go")
	p.until("document.querySelectorAll('.series tbody tr').length === 2")
	p.click(".series .dot-button", "")
	p.until("document.querySelectorAll('.series .faded').length === 1")
	p.shot("counter")
	p.do(chromedp.Navigate(s.view + "/metrics?name=vitrine.instances"))
	p.says(".series", "busy")
	p.shot("gauge")
	if got := p.eval("document.querySelector('.facts h1').innerText"); !strings.Contains(got, "updown, instance") {
		t.Errorf("the head says %s", got)
	}
}
