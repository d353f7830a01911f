package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// peer is the server that components of TestGoTransport send requests to.
func peer(t *testing.T) (url string, left chan error) {
	left = make(chan error, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("/talk", func(w http.ResponseWriter, r *http.Request) { // answers each line before it reads the next
		control := http.NewResponseController(w)
		control.EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, lines.Text())
			control.Flush()
		}
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		http.Error(w, "no", http.StatusForbidden)
	})
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		left <- err
	})
	mux.HandleFunc("/begun", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begun")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		left <- nil
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(100 * time.Millisecond)
		fmt.Fprint(w, ".")
	})
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusExpectationFailed) })
	mux.HandleFunc("/what", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Back")
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, r.ContentLength, r.TransferEncoding, string(body), err, r.Trailer.Get("X-Sum"))
		w.Header().Set("X-Back", "back")
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscan(r.PathValue("code"), &code)
		if code == http.StatusOK {
			w.Header().Set("Content-Length", "0")
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/sized", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "7")
		io.WriteString(w, "seven77")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, left
}

// TestGoTransport: net/http's client in a component is net/http's client: bodies in both directions at once, answers before the body's end, contexts, deadlines, trailers,
// lengths and errors;
// by WASI 0.2 and by 0.3.
func TestGoTransport(t *testing.T) {
	for _, version := range []string{"p2", "p3"} {
		t.Run(version, func(t *testing.T) {
			app := goComponent(t, "go-transport", "-tags", version)
			// One instance, so that what one request leaves is there for the next.
			base := up(t, nil, "--allow-http", "*", "--isolation", "reuse", "--max-instances", "1", app).base
			peer, left := peer(t)
			for _, c := range []struct{ path, to, want string }{
				{"talk", "/talk", "line 0;line 1;line 2;0 <nil>"},
				{"early", "/early", "403 no\n<nil> closed"},
				{"cancel", "/never", "url true timeout false cancelled true deadline false eof false: context canceled"},
				{"deadline", "/never", "url true timeout true cancelled false deadline true eof false: context deadline exceeded"},
				{"deadline-body", "/begun", "begun url false timeout true cancelled false deadline true eof false: <nil>"},
				{"client-timeout", "/never", "url true timeout true cancelled false deadline true eof false: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
				{"stuck", "/never", "url true timeout true cancelled false deadline true eof false: context deadline exceeded closed"},
				{"broken", "/what", "url true timeout false cancelled false deadline false eof false: the body is broken closed"},
				{"refused", "", "url true timeout false host connection-refused closed"},
				{"close", "/begun", "begun<nil> wasihttp: the body is closed true"},
				{"at-once", "/slow", ".......... true"},
				{"expect", "/what", "200 7 []payload<nil><nil> closed"},
				{"expect", "/refuse", "417 <nil> closed"},
				{"trailers", "/what", "-1 [chunked]body<nil>4<nil> back"},
				{"known", "/what", "200 -1 false 5 []12345<nil><nil>"},
				{"bodiless", "/what", "200 -1 false 0 []<nil><nil>"},
				{"status", "/status/204", "204 0 true <nil>"},
				{"status", "/status/304", "304 0 true <nil>"},
				{"status", "/status/200", "200 0 true <nil>"},
				{"head", "/sized", "200 7 true <nil>"},
				{"proxy", "/what", "0 []<nil>"},
			} {
				t.Run(c.path+c.to, func(t *testing.T) {
					if got := fetched(base + "/" + c.path + "?url=" + peer + c.to); strings.TrimSpace(got) != strings.TrimSpace(c.want) {
						t.Errorf("%q, want %q", got, c.want)
					}
				})
			}
			for range 6 { // each request that was given up is so for its server: cancel, deadline, client-timeout, stuck, deadline-body, close
				select {
				case <-left:
				case <-time.After(10 * time.Second):
					t.Fatal("a server still has a request that was given up")
				}
			}
			t.Run("length", func(t *testing.T) {
				for _, c := range []struct {
					method string
					body   io.Reader
					want   string
				}{
					{"GET", nil, "0 true  <nil>"}, {"POST", nil, "0 true  <nil>"}, {"DELETE", nil, "0 true  <nil>"},
					{"GET", strings.NewReader("abc"), "3 false abc <nil>"}, {"POST", strings.NewReader("abc"), "3 false abc <nil>"},
					{"GET", struct{ io.Reader }{strings.NewReader("abc")}, "-1 false abc <nil>"}, {"POST", struct{ io.Reader }{strings.NewReader("abc")}, "-1 false abc <nil>"},
				} {
					r, err := http.NewRequest(c.method, base+"/length", c.body)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					got, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					if string(bytes.TrimSpace(got)) != c.want {
						t.Errorf("%s: %q, want %q", c.method, got, c.want)
					}
				}
			})
			t.Run("echo by proxy", func(t *testing.T) { // each part comes back before the next is sent, through a proxy of net/http's
				out, in := io.Pipe()
				resp := make(chan *http.Response, 1)
				go func() {
					r, err := http.Post(base+"/proxy?url="+peer+"/talk", "text/plain", out)
					if err != nil {
						t.Error(err)
					}
					resp <- r
				}()
				fmt.Fprintln(in, "line 0")
				r := <-resp
				if r == nil {
					return
				}
				defer r.Body.Close()
				lines := bufio.NewScanner(r.Body)
				for n := range 50 {
					want := fmt.Sprint("line ", n)
					if n > 0 {
						want += strings.Repeat("x", n*1000)
						fmt.Fprintln(in, want)
					}
					if !lines.Scan() || lines.Text() != want {
						t.Fatalf("part %d: %.100q, %v", n, lines.Text(), lines.Err())
					}
				}
				in.Close()
				if lines.Scan() {
					t.Errorf("%q after the end", lines.Text())
				}
			})
		})
	}
}
