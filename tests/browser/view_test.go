package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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

	s.request(t, "/panic")
	p = open(t, s.view+"/logs?q=level:warn")
	p.says("#logs .row", "panicked at")
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

// TestFailure: the next error is one key away, and says what happened, with the stack and the component's last words.
func TestFailure(t *testing.T) {
	s := demo(t)
	if code := s.request(t, "/panic"); code != 500 {
		t.Fatalf("the component answers %d", code)
	}
	p := open(t, s.view+"/traces?q=status:error")
	p.says("#traces .row", "GET /")
	p.shot("list")
	p.click("#traces a", "GET /")
	p.says("#spans .note", "exception")
	p.until("document.querySelectorAll('#spans .bar.failed').length === 2") // the whole trace is there
	p.keys("e")
	p.says(".details h2", "incoming-handler")
	p.says(".details .bad", "trap")
	p.says(".details .notes", "unreachable")
	p.shot("trace")
}

// otlp is OTLP JSON of a trace: lines of a span each, "id parent name start end" in nanoseconds.
func otlp(service, trace string, attributes string, spans [][5]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[`, service)
	for i, s := range spans {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(s[2])
		fmt.Fprintf(&b, `{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":%s,"startTimeUnixNano":%q,"endTimeUnixNano":%q,"attributes":[%s]}`, trace, s[0], s[1], name, s[3], s[4], attributes)
	}
	b.WriteString("]}]}]}")
	return b.String()
}

func (s *server) send(t *testing.T, body string) {
	t.Helper()
	r, err := http.Post(s.view+"/v1/traces", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, _ := io.ReadAll(r.Body); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, text)
	}
}

func receiver(t *testing.T) *server {
	t.Helper()
	return start(t, "view", "--listen", "127.0.0.1:0", "--otlp-http", "off", "--otlp-grpc", "off", "--view-dir", "off")
}

// TestHostile: what programs say is text, whatever it is, and a trace that is none, or a very large one, is shown as far as it can be.
func TestHostile(t *testing.T) {
	s := receiver(t)
	html := `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	now := time.Now().UnixNano()
	at := func(d int64) string { return strconv.FormatInt(now+d, 10) }
	value, _ := json.Marshal(html)
	const text, circle, large, times = "00000000000000000000000000000001", "00000000000000000000000000000002", "00000000000000000000000000000003", "00000000000000000000000000000004"
	s.send(t, otlp(html, text, fmt.Sprintf(`{"key":%s,"value":{"stringValue":%s}},{"key":"__proto__","value":{"stringValue":"x"}},{"key":"long","value":{"stringValue":%q}}`, value, value, strings.Repeat("x", 1<<20)),
		[][5]string{{"00000000000000a1", "", html, at(0), at(1000)}}))
	s.send(t, otlp("circle", circle, "", [][5]string{{"00000000000000a1", "00000000000000b1", "first", at(0), at(1000)}, {"00000000000000b1", "00000000000000c1", "second", at(0), at(1000)},
		{"00000000000000c1", "00000000000000a1", "third", at(0), at(1000)}, {"00000000000000d1", "00000000000000d1", "itself", at(0), at(1000)}}))
	s.send(t, otlp("times", times, "", [][5]string{{"00000000000000a1", "", "1970", "0", "1"}, {"00000000000000b1", "00000000000000a1", "future", "18446744073709551615", "18446744073709551615"}}))
	all := [][5]string{{"00000000000000a1", "", "root", at(0), at(1e9)}}
	for n := range 19_999 {
		all = append(all, [5]string{fmt.Sprintf("%016x", n+1000), "00000000000000a1", fmt.Sprint("call ", n), at(int64(n) * 5e4), at(int64(n)*5e4 + 4e4)})
	}
	s.send(t, otlp("large", large, "", all))

	p := open(t, s.view+"/traces")
	p.says("#traces .row", "<img src=x")
	p.says("#traces .row", "large")
	p.shot("list")
	p.do(chromedp.Navigate(s.view + "/trace/" + text))
	p.says(".details h2", "<script>")
	p.says(".details td", "<img")
	p.shot("text")
	if got := p.eval("document.title + document.images.length"); strings.Contains(got, "owned") || !strings.HasSuffix(got, "0") {
		t.Errorf("the page has taken a text for HTML: %s", got)
	}
	p.do(chromedp.Navigate(s.view + "/trace/" + circle))
	for _, name := range []string{"first", "second", "third", "itself"} {
		p.says("#spans .label", name)
	}
	p.do(chromedp.Navigate(s.view + "/trace/" + times))
	p.says("#spans .label", "future")
	p.do(chromedp.Navigate(s.view + "/trace/" + large))
	p.says("#spans .label", "call 0")
	p.shot("large")
	if got := p.eval("document.querySelectorAll('#spans .row').length < 100"); got != "true" {
		t.Error("rows out of sight are elements")
	}
	p.eval("document.querySelector('#spans').scrollTop = 1e9")
	p.says("#spans .label", "call 19998")
	p.shot("end")
}

// TestToken: at an address that other machines reach, the printed link opens the page, and leaves no token in the address.
func TestToken(t *testing.T) {
	s := start(t, "view", "--listen", "0.0.0.0:0", "--otlp-http", "off", "--otlp-grpc", "off", "--view-dir", "off")
	at, token, ok := strings.Cut(s.view, "?token=")
	if !ok {
		t.Fatalf("the link is %s", s.view)
	}
	port := at[strings.LastIndexByte(at, ':')+1:]
	here := "http://127.0.0.1:" + strings.TrimSuffix(port, "/")
	p := open(t, here+"/traces")
	p.says("body", "open the link")
	p.do(chromedp.Navigate(here + "/traces?token=" + token))
	p.says("nav button", "live")
	if got := p.eval("location.href + document.cookie"); strings.Contains(got, token) {
		t.Errorf("the page can read the token: %s", got)
	}
}

// TestColours: dark and light, by a key of the page that is kept.
func TestColours(t *testing.T) {
	s := demo(t)
	s.request(t, "/total?items=3")
	p := open(t, s.view+"/traces")
	p.says("#traces .row", "GET /total")
	colour := func() string { return p.eval("getComputedStyle(document.body).backgroundColor") }
	light := colour()
	p.eval("document.querySelector('button[aria-label^=Colours]').click()")
	p.eval("document.querySelector('button[aria-label^=Colours]').click()")
	p.until("document.documentElement.dataset.theme === 'dark'")
	if colour() == light {
		t.Error("the colours are the same")
	}
	p.click("#traces a", "GET /total")
	p.says("#spans .label", "shop:price/price")
	p.shot("dark")
	p.do(chromedp.Navigate(s.view + "/"))
	p.until("document.documentElement.dataset.theme === 'dark'")
	p.eval("localStorage.clear()")
}
