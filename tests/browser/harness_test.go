package browser

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds each wait, on a machine that does other things as well.
const patience = time.Minute

// binary is vitrine, built once.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("VITRINE_TEST_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "vitrine-browser-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "vitrine")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/vitrine")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// output is what a process says. Safe for concurrent use.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// server is a running vitrine.
type server struct {
	app, view string // URLs, without a slash at the end
	process   *os.Process
	stop      func()
}

var (
	serving = regexp.MustCompile(`serving \S+ on (http://\S+)`)
	viewing = regexp.MustCompile(`viewer on (http://\S+?)/?\s`)
)

// start runs vitrine with arguments, and returns when its viewer serves.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out output
	cmd := exec.Command(path, args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OTEL_") && !strings.HasPrefix(e, "VITRINE_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	s := &server{process: cmd.Process, stop: sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("vitrine does not end; it said:\n%s", out.String())
		}
	})}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("vitrine said:\n%s", out.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if m := viewing.FindStringSubmatch(out.String()); m != nil {
			s.view = m[1]
			if m := serving.FindStringSubmatch(out.String()); m != nil {
				s.app = m[1]
			}
			return s
		}
		select {
		case <-done:
			t.Fatalf("vitrine has ended; it said:\n%s", out.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("vitrine does not serve; it said:\n%s", out.String())
		}
	}
}

// request asks a served component, and returns the status.
func (s *server) request(t *testing.T, path string) int {
	t.Helper()
	r, err := http.Get(s.app + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}

// page is a tab of the browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

var chromium = sync.OnceValue(func() string {
	for _, name := range []string{os.Getenv("VITRINE_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
})

// browser is one process for all tests.
var browser = sync.OnceValue(func() context.Context {
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium()), chromedp.NoSandbox, chromedp.WindowSize(1400, 860), chromedp.WSURLReadTimeout(patience))
	ctx, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ = chromedp.NewContext(ctx)
	return ctx
})

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium() != "" {
		_ = chromedp.Cancel(browser())
	}
	if path, err := binary(); err == nil && os.Getenv("VITRINE_TEST_BINARY") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// open opens a tab. It fails the test on an exception in the page, and on what the page's policy has blocked.
func open(t *testing.T, url string) *page {
	t.Helper()
	p, _ := openUntil(t, url)
	return p
}

// openUntil is open, and returns what closes the tab before the test's end.
func openUntil(t *testing.T, url string) (*page, func()) {
	t.Helper()
	if chromium() == "" {
		t.Skip("there is no chromium: install it, or name it in VITRINE_TEST_CHROMIUM")
	}
	if err := chromedp.Do(browser()); err != nil {
		t.Fatal(err)
	}
	tab, cancel := chromedp.NewContext(browser())
	t.Cleanup(cancel)
	if err := chromedp.Do(tab); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(tab, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page has thrown: %+v", e.ExceptionDetails.Exception)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				t.Errorf("the page has logged an error: %+v", e.Args)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	p := &page{t, tab}
	p.do(chromedp.Navigate(url))
	return p, cancel
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.shot("failure")
		p.t.Fatal(err)
	}
}

// eval is the value of an expression, as text.
func (p *page) eval(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// until waits until an expression is true.
func (p *page) until(expression string) {
	p.t.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if last = p.eval(expression); last == "true" {
			return
		}
	}
	p.shot("failure")
	p.t.Fatalf("%s is %s; the page says:\n%s", expression, last, p.eval("document.body.innerText"))
}

// says waits until the page, or what the selector finds, has a text.
func (p *page) says(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => (e.innerText ?? e.textContent).includes(%q))", selector, text))
}

// click clicks the first element that the selector finds and that has the text.
func (p *page) click(selector, text string) {
	p.t.Helper()
	p.says(selector, text)
	p.eval(fmt.Sprintf("[...document.querySelectorAll(%q)].find((e) => (e.innerText ?? e.textContent).includes(%q)).click()", selector, text))
}

// keys presses keys.
func (p *page) keys(text string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(text))
}

// shot writes a screenshot to be looked at.
func (p *page) shot(name string) {
	dir := os.Getenv("VITRINE_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Log(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+name+".png"), png, 0o644); err != nil {
		p.t.Log(err)
	}
}
