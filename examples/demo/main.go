// Command demo starts `vitrine up --trace` on the workload of a manifest, sends a request to each component, and waits until
// the trace of each response is printed as a tree. It serves until it is interrupted; DEMO_ONCE=1 ends it after the last tree,
// with status 0 if every response and every tree was right.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vitrine-wasm/vitrine/tests/ending"
)

// visit is one request of the demo, its expected response, and names that its tree must have.
type visit struct {
	about, path, want string
	status            int
	spans             []string
}

func visits(base string) []visit {
	return []visit{
		{"a Rust component answers", "/hello", "hello from rust-http-full-p2", 200, []string{"GET /", "hello-rust wasi:http/incoming-handler"}},
		{"a Go component answers", "/go", "hello from go1.26.8 /go", 200, []string{"GET /go", "hello-go wasi:http/incoming-handler"}},
		{"Rust calls Go over HTTP: one trace across both", "/fetch?url=" + url.QueryEscape(base+"/go/neighbour"), "hello from go1.26.8 /go/neighbour", 200, []string{"GET /", "GET /go"}},
		{"three components in one file: every call between them is seen", "/total?items=3", "total 6.00", 200, []string{"GET /total", "shop:cart/cart", "shop:price/price"}},
		{"a trap in the third of them: the tree says where", "/total?items=13", "", 500, []string{"shop:price/price", "trap"}},
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo VITRINE-BINARY WORKLOAD-FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, workload string) error {
	cmd := exec.Command(binary, "up", "--listen", "127.0.0.1:0", "--trace", workload)
	ending.Prepare(cmd)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	out := &screen{ready: make(chan string, 1), done: make(chan struct{})}
	go out.copy(stderr)
	err = show(ctx, out)
	if err == nil && os.Getenv("DEMO_ONCE") != "1" {
		fmt.Println("\nstill serving; Ctrl-C ends it")
		select {
		case <-ctx.Done():
		case <-out.done:
		}
	}
	_ = ending.Terminate(cmd.Process)
	<-out.done
	return errors.Join(err, cmd.Wait())
}

// show makes the visits and waits for each tree.
func show(ctx context.Context, out *screen) error {
	var base string
	select {
	case base = <-out.ready:
	case <-out.done:
		return errors.New("vitrine ended before it was ready")
	case <-time.After(2 * time.Minute):
		return errors.New("vitrine was not ready after two minutes")
	case <-ctx.Done():
		return nil
	}
	client := &http.Client{Timeout: 30 * time.Second}
	for _, v := range visits(base) {
		fmt.Printf("\n── %s: GET %s\n", v.about, v.path)
		mark := out.mark()
		resp, err := client.Get(base + v.path)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", resp.StatusCode, strings.TrimSpace(string(body)))
		if resp.StatusCode != v.status || !strings.Contains(string(body), v.want) {
			return fmt.Errorf("GET %s: wanted %d with %q, got %d with %q", v.path, v.status, v.want, resp.StatusCode, body)
		}
		if err := out.wait(mark, v.spans); err != nil {
			return fmt.Errorf("GET %s: %w", v.path, err)
		}
	}
	return nil
}

// screen copies the server's stderr to this process's and keeps it.
type screen struct {
	ready chan string
	done  chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) copy(r io.Reader) {
	defer close(s.done)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		fmt.Fprintln(os.Stderr, line)
		if _, at, ok := strings.Cut(line, " on http://"); ok && strings.HasPrefix(line, "serving ") {
			select {
			case s.ready <- "http://" + at:
			default:
			}
		}
		s.mu.Lock()
		s.text.WriteString(line + "\n")
		s.mu.Unlock()
	}
}

func (s *screen) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Len()
}

// wait waits until all of want has been printed after mark.
func (s *screen) wait(mark int, want []string) error {
	var missing string
	for range 100 {
		s.mu.Lock()
		text := s.text.String()[mark:]
		s.mu.Unlock()
		missing = ""
		for _, w := range want {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("its trace does not show %q", missing)
}
