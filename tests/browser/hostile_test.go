package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestHostilePages: no page takes what programs say for more than text, or stops because of it.
func TestHostilePages(t *testing.T) {
	s := receiver(t)
	const html = `<img src=x onerror="document.title='owned'">`
	const backwards = "\u202egnp.exe\u2066"
	now := time.Now().UnixNano()
	name := html + backwards
	client := func(trace, span, parent uint64, name string, start, end int64) message {
		return wireSpan(trace, span, parent, name, start, end).number(6, 3).attributed(9, "server.address", "other "+html)
	}
	s.post(t, "/v1/traces", html, []message{
		wireSpan(1, 1, 0, name, now, now+1e6).attributed(9, "long", strings.Repeat("x", 10<<20)).attributed(9, html, html),
		client(1, 2, 1, name, now, now+1e6),
		wireSpan(2, 1, 2, "first of a circle", now, now+1e6), wireSpan(2, 2, 1, "second of a circle", now, now+1e6),
		wireSpan(3, 1, 0, "ends before it begins", now, now-1e9), wireSpan(3, 2, 1, "1970", 0, 0), wireSpan(3, 3, 1, "1960", -10*365*86400*1e9, -10*365*86400*1e9), wireSpan(3, 4, 1, "far away", now, math.MaxInt64),
		wireSpan(4, 1, 0, "not \xff\xfe UTF-8", now, now+1e6).attributed(9, "\xc3\x28", "\xed\xa0\x80"),
	})
	s.post(t, "/v1/logs", html, []message{message(nil).fixed(1, uint64(now)).number(2, 17).bytes(5, message(nil).text(1, name)).attributed(6, "exception.type", html).bytes(9, id(1, 16)).bytes(10, id(1, 8))})
	histogram := message(nil).fixed(2, uint64(now-1e9)).fixed(3, uint64(now)).fixed(4, 3).fixed(5, math.Float64bits(math.NaN())).
		bytes(6, message(nil).raw(1, 1, 1)).bytes(7, message(nil).raw(math.Float64bits(-1), math.Float64bits(math.Inf(1)))).attributed(9, html, name)
	gauge := message(nil).fixed(3, uint64(now)).fixed(4, math.Float64bits(1e308)).attributed(7, html, name)
	s.post(t, "/v1/metrics", html, []message{
		message(nil).text(1, name).text(2, html).text(3, html).bytes(9, message(nil).bytes(1, histogram).number(2, 2)),
		message(nil).text(1, "gauge"+html).text(3, html).bytes(5, message(nil).bytes(1, gauge)),
	})
	p := open(t, s.view+"/") // one tab: a browser has few connections to one server
	for path, want := range map[string]string{
		"/":                                      "<img src=x",
		"/traces":                                "<img src=x",
		"/logs":                                  "<img src=x",
		"/trace/" + fmt.Sprintf("%032x", 1):      "<img src=x",
		"/trace/" + fmt.Sprintf("%032x", 2):      "second of a circle",
		"/trace/" + fmt.Sprintf("%032x", 3):      "far away",
		"/trace/" + fmt.Sprintf("%032x", 4):      "UTF-8",
		"/metrics?name=" + url.QueryEscape(name): "<img src=x",
		"/metrics?name=" + url.QueryEscape("gauge"+html): "gauge<img",
		"/components": "<img src=x",
		"/components?component=" + url.QueryEscape(html):     "<img src=x",
		"/metrics?name=none&by=" + url.QueryEscape(html):     "nothing was measured",
		"/traces?q=" + url.QueryEscape(`@"`+html+`":"`+html): "trace",
	} {
		p.do(chromedp.Navigate(s.view + path))
		p.until(fmt.Sprintf("[...document.querySelectorAll('main')].some((e) => e.textContent.includes(%q))", want))
		if got := p.eval("document.title + document.images.length"); strings.Contains(got, "owned") || !strings.HasSuffix(got, "0") {
			t.Errorf("%s: a text is taken for HTML: %s", path, got)
		}
		p.shot(strings.NewReplacer("/", "-", "?", "-", "<", "", " ", "", "=", "", "%", "").Replace(path[:min(len(path), 30)]))
	}
	r, err := http.Post(s.view+"/v1/metrics", "application/x-protobuf", bytes.NewReader(bytes.Repeat([]byte{0x0a, 0xff}, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, _ := io.ReadAll(r.Body); r.StatusCode != 400 {
		t.Errorf("no message at all: %d %s", r.StatusCode, text)
	}
	p.do(chromedp.Navigate(s.view + "/metrics"))
	p.says(".instruments", "gauge<img")
}

// read reads an answer of the viewer.
func (s *server) read(t *testing.T, path string, into any) {
	t.Helper()
	r, err := http.Get(s.view + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestHostileGuest: a guest that emits a million spans in one request, and others that no tracer makes, takes neither much memory nor much of
// the disk; requests, page and store go on, and what was dropped is said.
func TestHostileGuest(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "up", "--listen", "127.0.0.1:0", "--view=127.0.0.1:0", "--view-dir", dir, "--deadline", "10m", "../../testdata/guests/prebuilt/rust-otel-p2.component.wasm")
	for _, path := range []string{"/flood?n=1000000", "/hostile", "/context"} {
		if code := s.request(t, path); code != 200 {
			t.Fatalf("%s: %d", path, code)
		}
	}
	type summary struct {
		TraceID string
		Spans   int
	}
	var flood, hostile summary
	for deadline := time.Now().Add(patience); flood.Spans < 1000 || hostile.Spans < 5; time.Sleep(100 * time.Millisecond) {
		var list struct{ Traces []summary }
		s.read(t, "/api/v1/traces?q=service:rust-otel-p2+name:GET", &list)
		for _, x := range list.Traces {
			if x.Spans > flood.Spans {
				flood = x
			}
			if x.Spans >= 5 && x.Spans < 100 {
				hostile = x
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the viewer has %+v", list)
		}
	}
	var status struct {
		Dropped []struct {
			Signal, Reason string
			Count          int64 `json:",string"`
		}
	}
	s.read(t, "/api/v1/status", &status)
	dropped := int64(0)
	for _, d := range status.Dropped {
		dropped += d.Count
	}
	var limit struct{ Logs []struct{ Body string } }
	s.read(t, "/api/v1/logs?q=limit+trace:"+flood.TraceID, &limit)
	if len(limit.Logs) == 0 {
		t.Error("no line of the trace says that spans were dropped")
	}
	size := int64(0)
	if err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if size > 64<<20 {
		t.Errorf("the store takes %d bytes", size)
	}
	most := 0
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid)); err == nil { // on Linux
		_, rest, _ := strings.Cut(string(b), "VmHWM:")
		if _, err := fmt.Sscan(rest, &most); err != nil || most > 600<<10 {
			t.Errorf("the process has had %d KiB, %v", most, err)
		}
	}
	t.Logf("of a million spans %d are stored, %d were dropped on the way; %d bytes of disk, %d KiB of memory at most", flood.Spans, dropped, size, most)

	p := open(t, s.view+"/trace/"+flood.TraceID)
	p.says("#spans .row", "reached its limit")
	p.says("nav", "dropped")
	p.shot("flood")
	p.do(chromedp.Navigate(s.view + "/trace/" + hostile.TraceID))
	for _, name := range []string{"<img src=x", "first of a circle", "its own parent", "far away", "many attributes"} {
		p.says("main", name)
	}
	if got := p.eval("document.title + document.images.length"); strings.Contains(got, "owned") || !strings.HasSuffix(got, "0") {
		t.Errorf("a text is taken for HTML: %s", got)
	}
	p.shot("spans")
	for _, path := range []string{"/", "/logs", "/metrics", "/components"} {
		p.do(chromedp.Navigate(s.view + path))
		p.until("document.querySelector('main') != null")
	}
	if code := s.request(t, "/context"); code != 200 {
		t.Errorf("then %d", code)
	}
}
