package http

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// localTo is a client whose requests to http://inside:80 a handler answers; all else is denied.
func localTo(h http.HandlerFunc) *Client {
	return NewClient(ClientConfig{Local: func(scheme, host, port string) LocalServer {
		if scheme != "http" || host != "inside" || port != "80" {
			return nil
		}
		return func(context.Context) http.Handler { return h }
	}})
}

func TestLocal(t *testing.T) {
	c := localTo(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Trailer", "X-Declared")
		w.Header().Set("X-Seen", strings.Join([]string{r.Method, r.Host, r.RequestURI, r.URL.Path, string(body), r.Header.Get("X-Sent"), r.Trailer.Get("X-End")}, " "))
		if r.Header.Get("User-Agent") != "" || len(r.Header["User-Agent"]) != 0 {
			t.Errorf("user agent %q", r.Header["User-Agent"])
		}
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "answer")
		w.Header().Set("X-Declared", "1")
		w.Header().Set(http.TrailerPrefix+"X-Marked", "2")
	})
	r := request(t, "POST", "http://INSIDE/a/b?c=d", "x-sent", "yes", "trailer", "x-end")
	body := r.Body()
	x, ends := begin(t, c, r, Options{})
	write(t, body.Stream(), "question")
	trailers := NewFields()
	if err := trailers.Append("x-end", "last"); err != nil {
		t.Fatal(err)
	}
	if err := body.Finish(trailers); err != nil {
		t.Fatal(err)
	}
	resp, err := result(t, x)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := resp.Headers().Get("x-seen"), "POST INSIDE /a/b?c=d /a/b question yes last"; resp.Status() != 202 || len(got) != 1 || string(got[0]) != want {
		t.Fatalf("%d %q, want 202 %q", resp.Status(), got, want)
	}
	if text, err := readAll(t.Context(), resp.Body()); text != "answer" || err != nil {
		t.Fatalf("%q %v", text, err)
	}
	resp.Body().Finish()
	got, err := resp.Body().Trailers(t.Context())
	if err != nil || string(got.Get("x-declared")[0]) != "1" || string(got.Get("x-marked")[0]) != "2" {
		t.Fatalf("trailers %v, %v", got, err)
	}
	if e := <-ends; e.status != 202 || e.err != nil {
		t.Fatalf("the exchange ended with %+v", e)
	}
}

func write(t *testing.T, s wasiio.OutputStream, text string) {
	t.Helper()
	if err := wasiio.WriteAndFlush(t.Context(), s, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// A request that the process answers asks for no grant; one to another authority, port or scheme does.
func TestLocalIsNoGrant(t *testing.T) {
	c := localTo(func(http.ResponseWriter, *http.Request) {})
	for to, granted := range map[string]bool{
		"http://inside/": true, "http://inside:80/x": true, "http://Inside/": true,
		"https://inside/": false, "http://inside:81/": false, "http://inside.example/": false, "http://outside/": false,
	} {
		var denied *Error
		err := c.Check(t.Context(), request(t, "GET", to))
		if granted != (err == nil) || !granted && (!errors.As(err, &denied) || denied.Code != RequestDenied) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestLocalEnds(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		method  string
		status  int
		head    Code // of the error in place of a head
		body    string
		broken  bool
	}{
		"nothing":        {handler: func(http.ResponseWriter, *http.Request) {}, status: 200},
		"status only":    {handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }, status: 418},
		"a status twice": {handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, status: 404},
		"panic":          {handler: func(http.ResponseWriter, *http.Request) { panic("told to") }, head: InternalError},
		"abort":          {handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, head: ConnectionTerminated},
		"abort in the body": {handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}, status: 200, body: "half", broken: true},
		"less than announced": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "half")
		}, status: 200, body: "half", broken: true},
		"more than announced": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			_, _ = io.WriteString(w, "half")
			if _, err := io.WriteString(w, "more"); !errors.Is(err, http.ErrContentLength) {
				t.Error(err)
			}
		}, status: 200, body: "half"},
		"head": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			_, _ = io.WriteString(w, "text")
		}, method: "HEAD", status: 200},
		"upgrade": {handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101) }, head: UpgradeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "GET"
			}
			x, ends := begin(t, localTo(c.handler), request(t, method, "http://inside/"), Options{})
			resp, err := result(t, x)
			if c.status == 0 {
				var e *Error
				if !errors.As(err, &e) || e.Code != c.head {
					t.Fatalf("%v, want %v", err, c.head)
				}
				<-ends
				return
			}
			if err != nil || resp.Status() != c.status {
				t.Fatalf("%v %v, want %d", resp, err, c.status)
			}
			text, err := readAll(t.Context(), resp.Body())
			if text != c.body || c.broken != (err != nil) {
				t.Fatalf("%q %v", text, err)
			}
			<-ends
		})
	}
}

// A guest that drops the exchange ends a handler that waits for its body, and one that writes; one that does not listen at all
// keeps nobody but itself.
func TestLocalCancelled(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"reading": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) },
		"writing": func(w http.ResponseWriter, _ *http.Request) {
			for buf := make([]byte, 4096); ; {
				if _, err := w.Write(buf); err != nil {
					return
				}
			}
		},
		"waiting": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"deaf":    func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := request(t, "POST", "http://inside/")
				r.Body()
				x, ends := begin(t, localTo(handler), r, Options{})
				synctest.Wait()
				start := time.Now()
				x.Cancel()
				<-ends
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v", took)
				}
				time.Sleep(2 * time.Hour) // for the deaf one
			}) // which fails if a goroutine is left
		})
	}
}

// The guest's timeouts hold for what is answered within the process.
func TestLocalTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localTo(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		wait := time.Second
		x, ends := begin(t, c, request(t, "GET", "http://inside/"), Options{FirstByte: &wait})
		_, err := result(t, x)
		var e *Error
		if !errors.As(err, &e) || e.Code != ConnectionReadTimeout {
			t.Errorf("%v", err)
		}
		<-ends
	})
}

// TestLocalRestAfterAnswer: a guest that has read the answer of a handler that did not read its request may send the rest of it, as to a server on the network.
func TestLocalRestAfterAnswer(t *testing.T) {
	c := localTo(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusUnsupportedMediaType) })
	r := request(t, "POST", "http://inside/")
	body := r.Body()
	x, ends := begin(t, c, r, Options{})
	resp, err := result(t, x)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := readAll(t.Context(), resp.Body()); text != "no\n" || err != nil {
		t.Fatalf("%q %v", text, err)
	}
	resp.Body().Finish()
	if _, err := resp.Body().Trailers(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, body.Stream(), "question")
	if err := body.Finish(nil); err != nil {
		t.Error(err)
	}
	if e := <-ends; e.status != 415 || e.err != nil {
		t.Errorf("the exchange ended with %+v", e)
	}
}
