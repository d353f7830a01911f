package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/attribution"
)

// goAsync is the component of testdata/go-async.
func goAsync(t *testing.T) string { return goComponent(t, "go-async") }

// goComponent builds the component of a folder of testdata by Go and this binary alone.
func goComponent(t *testing.T, folder string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	module, component := filepath.Join(dir, "app.core.wasm"), filepath.Join(dir, "app.wasm")
	build := exec.Command("go", append([]string{"build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w -checklinkname=0", "-o", module}, append(flags, ".")...)...)
	build.Dir = filepath.Join("testdata", folder)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code, _, problem := run(t, "", "component", "new", module, "-o", component); code != 0 {
		t.Fatal(problem)
	}
	return component
}

// TestGoAsync: a component in plain Go serves WASI 0.3: several requests at once in one instance, bodies that are sent while they are read, trailers, ends of
// contexts; and each span and line is in the trace of its own request.
func TestGoAsync(t *testing.T) {
	app := goAsync(t)
	base := up(t, nil, "--allow-http", "*", "--isolation", "reuse", "--max-instances", "1", app).base
	for _, path := range []string{"/echo", "/proxy?url=" + base + "/echo"} {
		t.Run("echo by "+path[1:5], func(t *testing.T) { echoWhileSending(t, base+path) })
	}
	t.Run("at once", func(t *testing.T) { // 20 requests of which each waits, by the host's timers and by Go's
		answers := make(chan string, 20)
		for n := range cap(answers) {
			path, want := fmt.Sprintf("/sleep/%d", 50+n), fmt.Sprintf("slept %d ms\n", 50+n)
			if n%2 == 0 {
				path, want = fmt.Sprintf("/timer/%d", 50+n), "slept\n"
			}
			go func() {
				if got := fetched(base + path); got != want {
					answers <- path + ": " + got
				} else {
					answers <- ""
				}
			}()
		}
		for range cap(answers) {
			if wrong := <-answers; wrong != "" {
				t.Error(wrong)
			}
		}
	})
	t.Run("meeting", func(t *testing.T) { // one request waits for what another one does, whose goroutine wakes its own
		answers := make(chan string)
		for _, name := range []string{"a", "b"} {
			go func() { answers <- fetched(base + "/meet?name=" + name) }()
		}
		got := []string{<-answers, <-answers}
		slices.Sort(got)
		if all := strings.Join(got, ""); all != "a\nthe first\n" && all != "b\nthe first\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("events", func(t *testing.T) { // a handler that has begun its answer waits for timers and for other requests, and not for its host
		resp, err := http.Get(base + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for n, want := range []string{"event 0", "event 1", "more", "end"} {
			if n > 1 {
				if got := fetched(base + "/tell?" + want); got != "" {
					t.Fatal(got)
				}
			}
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%q, %v, want %s", lines.Text(), lines.Err(), want)
			}
		}
		if lines.Scan() || lines.Err() != nil {
			t.Errorf("%q, %v after the end", lines.Text(), lines.Err())
		}
	})
	t.Run("a client that leaves", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", base+"/gone", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		resp.Body.Close()
		if got := fetched(base + "/gone?how"); got != "context canceled\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("a response that is cut", func(t *testing.T) { // is so for the client of a proxy, too
		for _, path := range []string{"/cut", "/reverse/cut"} {
			if got := fetched(base + path); !strings.HasPrefix(got, "200 OK begun\n") || !strings.HasSuffix(got, "unexpected EOF") {
				t.Errorf("%s: %q", path, got)
			}
		}
	})
	t.Run("a deadline", func(t *testing.T) { // of a handler that has begun its answer ends its context, and no other request
		short := up(t, nil, "--isolation", "reuse", "--max-instances", "1", "--deadline", "2s", app)
		over := make(chan string)
		go func() { over <- fetched(short.base + "/gone") }()
		for cut := ""; cut == ""; {
			if got := fetched(short.base + "/timer/50"); got != "slept\n" {
				t.Fatal(got)
			}
			select {
			case cut = <-over:
				if !strings.HasSuffix(cut, "unexpected EOF") {
					t.Errorf("%q", cut)
				}
			default:
			}
		}
		if got := fetched(short.base + "/gone?how"); got != "context canceled\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("what handlers leave", func(t *testing.T) { // timers of goroutines, in any number of tasks that end; and handlers that end their goroutine
		alone := up(t, nil, "--isolation", "reuse", "--max-instances", "1", "--max-uses", "100000", app)
		wrong := make(chan string, 8)
		for range cap(wrong) {
			go func() {
				for range 250 {
					if got := fetched(alone.base + "/leave"); got != "" {
						wrong <- "/leave: " + got
						return
					}
					if got := fetched(alone.base + "/exit"); got != "ended\n" {
						wrong <- "/exit: " + got
						return
					}
				}
				wrong <- ""
			}()
		}
		for range cap(wrong) {
			if w := <-wrong; w != "" {
				t.Error(w)
			}
		}
	})
	for name, c := range map[string]attribution.Config{"calm": {}, "all": {Traps: 100, Leaves: 20, Lates: 80}} {
		t.Run("attribution/"+name, func(t *testing.T) {
			b, err := attribution.NewBench()
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			c.Guest, c.Total = "go126-http-async-p3", 160 // whose routes it has
			load := b.NewLoad(c)
			t.Run("load", func(t *testing.T) { // the server's end exports the rest
				flags := attributionFlags(t, c.Guest, c)
				flags[len(flags)-1] = app
				load.Run(context.Background(), up(t, attributionEnv(b), flags...).base)
			})
			r := load.Result()
			t.Log(r)
			if !r.Holds() || c.Traps == 0 && r.Instances != 1 {
				t.Error("what requests caused was not kept apart")
			}
		})
	}
}

// fetched is the body of an answer, or why there is none.
func fetched(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.Status, " ", string(body), err)
	}
	return string(body)
}

// echoWhileSending sends 8 MiB, of which each part is read back before the next one is sent, and a trailer.
func echoWhileSending(t *testing.T, url string) {
	out, in := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, out)
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sent": nil}
	begin := make(chan struct{})
	go func() { // the first part has the head sent
		in.Write([]byte("first"))
		close(begin)
	}()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-begin
	back := make([]byte, 1<<20)
	if _, err := io.ReadFull(resp.Body, back[:5]); err != nil || string(back[:5]) != "first" {
		t.Fatalf("%q, %v", back[:5], err)
	}
	for n := range 8 {
		part := bytes.Repeat([]byte{byte(n)}, 1<<20)
		sent := make(chan error, 1)
		go func() { _, err := in.Write(part); sent <- err }()
		if _, err := io.ReadFull(resp.Body, back); err != nil || !bytes.Equal(back, part) {
			t.Fatalf("part %d: %v", n, err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	r.Trailer.Set("X-Sent", "all")
	in.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("%d bytes more, %v", len(rest), err)
	}
	if resp.Trailer.Get("X-Length") != fmt.Sprint(8<<20+5) || resp.Trailer.Get("X-Sent") != "all" {
		t.Errorf("trailers %v", resp.Trailer)
	}
}
