// The component sends requests by net/http's client to where the query's url says, and tells what became of them; by WASI 0.2, and with the build tag p3 by 0.3.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {}

var client = &http.Client{Transport: transport{}}

func init() {
	http.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.ContentLength, r.Body == http.NoBody, string(body), err)
	})
	for name, get := range map[string]func(context.Context, string) string{
		"talk": talk, "early": early, "cancel": cancelled, "deadline": deadline, "deadline-body": deadlineBody, "client-timeout": clientTimeout, "stuck": stuck, "broken": broken,
		"refused": refused, "close": closed, "at-once": atOnce, "expect": expect, "trailers": trailers, "known": known, "bodiless": bodiless, "status": status, "head": headOnly,
	} {
		http.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, get(r.Context(), r.URL.Query().Get("url")))
		})
	}
	http.HandleFunc("/proxy", func(w http.ResponseWriter, r *http.Request) {
		to, _ := url.Parse(r.URL.Query().Get("url"))
		(&httputil.ReverseProxy{Transport: transport{}, FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.Out.URL = to }}).ServeHTTP(w, r)
	})
}

// do sends a request, and gives the answer, or what there is to say about none.
func do(ctx context.Context, method, url string, body io.Reader, change ...func(*http.Request)) (*http.Response, string) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err.Error()
	}
	for _, f := range change {
		f(r)
	}
	resp, err := client.Do(r)
	return resp, kind(err)
}

// kind is what a program can ask of an error.
func kind(err error) string {
	var of *url.Error
	var host *failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &host):
		return fmt.Sprintf("url %v timeout %v host %s", errors.As(err, &of), os.IsTimeout(err), host.Code)
	}
	return fmt.Sprintf("url %v timeout %v cancelled %v deadline %v eof %v: %v", errors.As(err, &of), os.IsTimeout(err), errors.Is(err, context.Canceled),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF), strings.TrimSpace(fmt.Sprint(errors.Unwrap(err))))
}

// watched is a body that tells when it is closed.
type watched struct {
	io.Reader
	closed chan struct{}
}

func (w watched) Close() error {
	close(w.closed)
	if c, ok := w.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (w watched) wait() string {
	select {
	case <-w.closed:
		return "closed"
	case <-time.After(5 * time.Second):
		return "open"
	}
}

func watch(r io.Reader) watched { return watched{r, make(chan struct{})} }

// talk sends a line when the answer to the one before is there.
func talk(ctx context.Context, url string) string {
	out, in := io.Pipe()
	go fmt.Fprintln(in, "line 0")
	resp, problem := do(ctx, "POST", url, out)
	if resp == nil {
		return problem
	}
	defer resp.Body.Close()
	var all strings.Builder
	for n := range 3 {
		line := make([]byte, len("line 0\n"))
		if _, err := io.ReadFull(resp.Body, line); err != nil {
			return err.Error()
		}
		all.Write(line)
		if n == 2 {
			in.Close()
		} else {
			fmt.Fprintln(in, "line", n+1)
		}
	}
	rest, err := io.ReadAll(resp.Body)
	return fmt.Sprint(strings.ReplaceAll(all.String(), "\n", ";"), len(rest), err)
}

// early gets an answer though the body never ends.
func early(ctx context.Context, url string) string {
	out, in := io.Pipe()
	body := watch(out)
	go func() {
		for {
			if _, err := in.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}()
	resp, problem := do(ctx, "POST", url, body)
	if resp == nil {
		return problem
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	return fmt.Sprint(resp.StatusCode, " ", string(text), err, " ", body.wait())
}

func cancelled(ctx context.Context, url string) string {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	_, problem := do(ctx, "GET", url, nil)
	return problem
}

func deadline(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, problem := do(ctx, "GET", url, nil)
	return problem
}

func deadlineBody(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	resp, problem := do(ctx, "GET", url, nil)
	if resp == nil {
		return problem
	}
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprint(string(text), " ", kind(err))
}

func clientTimeout(ctx context.Context, url string) string {
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	_, err := (&http.Client{Transport: transport{}, Timeout: 20 * time.Millisecond}).Do(r)
	return kind(err)
}

// stuck has a body that nothing comes from.
func stuck(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	out, _ := io.Pipe()
	body := watch(out)
	_, problem := do(ctx, "POST", url, body)
	return problem + " " + body.wait()
}

// broken has a body that cannot be read to its end.
func broken(ctx context.Context, url string) string {
	body := watch(io.MultiReader(strings.NewReader("some"), failing{}))
	_, problem := do(ctx, "POST", url, body)
	return problem + " " + body.wait()
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the body is broken") }

func refused(ctx context.Context, _ string) string {
	body := watch(strings.NewReader("x"))
	_, problem := do(ctx, "POST", "http://127.0.0.1:1/", body)
	return problem + " " + body.wait()
}

// closed leaves an answer that goes on.
func closed(ctx context.Context, url string) string {
	resp, problem := do(ctx, "GET", url, nil)
	if resp == nil {
		return problem
	}
	b := make([]byte, 5)
	_, err := io.ReadFull(resp.Body, b)
	reading := make(chan error)
	go func() { _, err := resp.Body.Read(b); reading <- err }()
	time.Sleep(10 * time.Millisecond)
	resp.Body.Close()
	again := <-reading
	_, after := resp.Body.Read(b)
	return fmt.Sprint(string(b), err, " ", again, " ", after != nil)
}

// atOnce has ten requests under way.
func atOnce(ctx context.Context, url string) string {
	begin, results := time.Now(), make(chan string)
	for range 10 {
		go func() {
			resp, problem := do(ctx, "GET", url, nil)
			if resp != nil {
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				problem = string(text)
			}
			results <- problem
		}()
	}
	all := ""
	for range 10 {
		all += <-results
	}
	return fmt.Sprint(all, " ", time.Since(begin) < 10*100*time.Millisecond)
}

func expect(ctx context.Context, url string) string {
	body := watch(strings.NewReader("payload"))
	resp, problem := do(ctx, "POST", url, body, func(r *http.Request) { r.Header.Set("Expect", "100-continue"); r.ContentLength = 7 })
	if resp == nil {
		return problem
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(text), err, " ", body.wait())
}

func trailers(ctx context.Context, url string) string {
	var r *http.Request
	out, in := io.Pipe()
	go func() {
		io.WriteString(in, "body")
		r.Trailer.Set("X-Sum", "4")
		in.Close()
	}()
	resp, problem := do(ctx, "POST", url, out, func(made *http.Request) { r = made; r.Trailer = http.Header{"X-Sum": nil} })
	if resp == nil {
		return problem
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprint(string(text), err, " ", resp.Trailer.Get("X-Back"))
}

func known(ctx context.Context, url string) string {
	resp, problem := do(ctx, "PUT", url, strings.NewReader("12345"))
	return show(resp, problem)
}

func bodiless(ctx context.Context, url string) string {
	resp, problem := do(ctx, "GET", url, nil)
	return show(resp, problem)
}

func headOnly(ctx context.Context, url string) string {
	resp, problem := do(ctx, "HEAD", url, nil)
	return show(resp, problem)
}

func status(ctx context.Context, url string) string {
	resp, problem := do(ctx, "GET", url, nil)
	return show(resp, problem)
}

func show(resp *http.Response, problem string) string {
	if resp == nil {
		return problem
	}
	text, err := io.ReadAll(resp.Body)
	defer resp.Body.Close()
	return fmt.Sprint(resp.StatusCode, " ", resp.ContentLength, " ", resp.Body == http.NoBody, " ", string(text), err)
}
