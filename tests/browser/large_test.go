package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// scrolled scrolls a list from end to end, a step each frame, and returns the most rows that were elements at once, and the time of a frame.
const scrolled = `(window.measured = '', (() => {
	const list = document.querySelector(%q), steps = 120;
	let most = 0, n = 0, from = performance.now();
	const step = () => {
		most = Math.max(most, list.querySelectorAll('.row').length);
		if (n++ === steps) { window.measured = most + ' rows, ' + ((performance.now() - from) / steps).toFixed(1) + ' ms a frame'; return }
		list.scrollTop = (list.scrollHeight - list.clientHeight) * n / steps;
		requestAnimationFrame(step);
	};
	requestAnimationFrame(step);
})(), 0)`

func (p *page) scroll(list string, most int) {
	p.t.Helper()
	p.eval(fmt.Sprintf(scrolled, list))
	p.until("window.measured !== ''")
	var rows int
	text := p.eval("window.measured")
	p.t.Logf("%s: %s", list, text)
	if n, err := fmt.Sscanf(text, "%d", &rows); n != 1 || err != nil || rows == 0 || rows > most {
		p.t.Errorf("%s has %s at once; want at most %d", list, text, most)
	}
}

// TestLarge: of a list of 100 000 traces, and of a trace of 20 000 spans, only the rows in sight are elements, wherever one scrolls.
func TestLarge(t *testing.T) {
	s := receiver(t)
	now := time.Now().UnixNano()
	const traces, batch, spans = 100_000, 2500, 20_000
	for from := 0; from < traces; from += batch {
		var all []message
		for i := from; i < from+batch; i++ {
			start := now - int64(traces-i)*1e6
			all = append(all, wireSpan(uint64(i+1), uint64(i+1), 0, fmt.Sprint("GET /", i%50), start, start+int64(i%1000)*1e5))
		}
		s.post(t, "/v1/traces", "many", all)
	}
	all := []message{wireSpan(1<<40, 1, 0, "root", now, now+1e9)}
	for i := range spans - 1 {
		parent := uint64(1)
		if i > 0 && i%10 != 0 {
			parent = uint64(i - i%10 + 2)
		}
		all = append(all, wireSpan(1<<40, uint64(i+2), parent, fmt.Sprint("call ", i), now+int64(i)*5e4, now+int64(i)*5e4+4e4))
	}
	s.post(t, "/v1/traces", "large", all)

	p := open(t, s.view+"/traces")
	p.says(".summary", "100\u202f001 traces")
	p.scroll("#traces", 120)
	p.until("[...document.querySelectorAll('#traces .row')].some((e) => e.innerText.includes('GET /0'))") // the first one is the last row
	p.shot("list")
	p.do(chromedp.Navigate(s.view + "/trace/" + fmt.Sprintf("%032x", uint64(1)<<40)))
	p.says("#spans .label", "call 0")
	p.scroll("#spans", 120)
	p.says("#spans .label", "call 19998")
	p.shot("trace")
	p.keys("f")
	p.eval("document.querySelector('.find input').select()") // the driver types the key, too
	p.keys("call 12345")
	p.says(".hits", "1 found")
}
