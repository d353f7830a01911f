package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// demo serves the components of examples/demo: one of Rust, one of Go, and three in one file.
func demo(t *testing.T) *server {
	t.Helper()
	return start(t, "up", "../../examples/demo/vitrine.yaml", "--listen", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", "off")
}

// TestWaterfall goes from a request to why it took as long as it did: the list, the trace, the span.
func TestWaterfall(t *testing.T) {
	s := demo(t)
	if code := s.request(t, "/total?items=3"); code != 200 {
		t.Fatalf("the component answers %d", code)
	}
	p := open(t, s.view+"/traces")
	p.says("#traces .row", "GET /total")
	p.shot("list")
	p.click("#traces a", "GET /total")
	for _, text := range []string{"GET /total", "shop:cart/cart", "shop:price/price"} {
		p.says("#spans .row .label", text)
	}
	p.says(".facts dd", "6") // spans
	p.shot("trace")

	// Spans are below their callers, in the order in which they began.
	labels := p.eval("JSON.stringify([...document.querySelectorAll('#spans .label')].map((e) => e.innerText))")
	if http, cart, price := strings.Index(labels, "GET /total"), strings.Index(labels, "shop:cart/cart"), strings.Index(labels, "shop:price/price"); http < 0 || cart < http || price < cart {
		t.Errorf("the spans are %s", labels)
	}
	if got := p.eval("document.querySelectorAll('#spans .bar.split').length > 0 && document.querySelectorAll('#spans .critical').length > 0"); got != "true" {
		t.Error("no call has its time split, or no critical path is marked")
	}

	p.keys("jj")
	p.says(".details h2", "shop:cart/cart")
	p.says(".details .splits", "guest")
	p.says(".details .attributes", "code.function.name")
	p.shot("span")
	p.keys(kb.ArrowLeft) // folds it
	p.until("![...document.querySelectorAll('#spans .label')].some((e) => e.innerText.includes('shop:price/price'))")
	p.keys(kb.ArrowRight)
	p.says("#spans .label", "shop:price/price")

	p.keys("f")
	p.eval("document.querySelector('.find input').select()") // the driver types the key, too
	p.keys("shop:price")
	p.says(".hits", "found")
	p.keys(kb.Enter)
	p.says(".details h2", "shop:price/price")
	p.shot("search")
}

// TestLogsInPlace: a component's line is inside its span in the trace, and leads there from the page of logs.
func TestLogsInPlace(t *testing.T) {
	s := demo(t)
	s.request(t, "/go")
	p := open(t, s.view+"/logs")
	p.says("#logs .row", "stderr: /go")
	p.shot("logs")
	p.click("#logs .row a", "trace")
	p.says("#spans .note", "stderr: /go")
	p.shot("trace")

	p = open(t, s.view+"/logs?q=level:warn")
	p.says("#logs .row", "stderr: /go")
	p.until("![...document.querySelectorAll('#logs .row')].some((e) => e.innerText.includes('stdout: /go'))")
}

// TestLive: the list grows without a reload, and stands still while it is paused.
func TestLive(t *testing.T) {
	s := demo(t)
	p := open(t, s.view+"/traces")
	p.says("nav button", "live")
	s.request(t, "/go")
	p.says("#traces .row", "GET /go")
	p.keys("p")
	p.says("nav button", "paused")
	s.request(t, "/total?items=1")
	other := open(t, s.view+"/traces") // has it, so that it is there
	other.says("#traces .row", "GET /total")
	if got := p.eval("document.querySelector('#traces').innerText.includes('GET /total')"); got != "false" {
		t.Error("a paused list has changed")
	}
	p.keys("p")
	p.says("#traces .row", "GET /total")
}

// TestSearch: what is typed filters, and mistakes are told.
func TestSearch(t *testing.T) {
	s := demo(t)
	s.request(t, "/go")
	s.request(t, "/total?items=2")
	s.request(t, "/basket")
	p := open(t, s.view+"/traces")
	p.says("#traces .row", "GET /total")
	search := func(q string) {
		p.keys("/")
		p.eval("document.querySelector('nav input').select()") // the driver types the key, too
		p.keys(q + kb.Enter)
	}
	search("service:hello-go")
	p.until("document.querySelectorAll('#traces .row').length > 0 && ![...document.querySelectorAll('#traces .row')].some((e) => e.innerText.includes('GET /total'))")
	search("@http.route:/total")
	p.says("#traces .row", "GET /total")
	p.until("![...document.querySelectorAll('#traces .row')].some((e) => e.innerText.includes('GET /go'))")
	search("servce:shop")
	p.says(".summary", "did you mean service:")
	p.shot("mistake")
	search("duration:>1h")
	p.says(".empty", "No trace matches")
}

// TestOverview: what is asked for, how often and how fast.
func TestOverview(t *testing.T) {
	s := demo(t)
	for range 3 {
		s.request(t, "/go")
	}
	p := open(t, s.view+"/")
	p.says(".red tr", "GET /go")
	p.shot("page")
	p.click(".red a", "GET /go")
	p.says("#traces .row", "GET /go")
}
