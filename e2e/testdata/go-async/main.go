// The component answers requests of WASI 0.3 by handlers of net/http: the routes that package attribution asks of the guest go126-http-async-p3, and more.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/sdk/go/async"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3"
	"github.com/vitrine-wasm/vitrine/sdk/go/wasihttp/p3/serve"
)

func main() {}

func init() {
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/sleep/{ms}", func(w http.ResponseWriter, r *http.Request) {
		if wait(r) == nil {
			fmt.Fprintf(w, "slept %s ms\n", r.PathValue("ms"))
		}
	})
	http.HandleFunc("/mix/{n}/{ms}/{to...}", mix)
	http.HandleFunc("/trap", func(http.ResponseWriter, *http.Request) { panic("told to trap") })
	http.HandleFunc("/proxy", func(w http.ResponseWriter, r *http.Request) { pass(w, r, r.URL.Query().Get("url")) })
	http.HandleFunc("/timer/{ms}", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.PathValue("ms"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		fmt.Fprintln(w, "slept")
	})
	http.HandleFunc("/gone", gone)
	http.HandleFunc("/meet", meet)
	http.HandleFunc("/events", events)
	http.HandleFunc("/tell", func(w http.ResponseWriter, r *http.Request) { told <- r.URL.RawQuery })
	serve.Handle(nil)
}

// echo answers with the body while it comes, its length as a trailer, and that of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Length")
	control := http.NewResponseController(w)
	b, n := make([]byte, 64<<10), 0
	for {
		got, err := r.Body.Read(b)
		w.Write(b[:got])
		control.Flush()
		if n += got; err != nil {
			break
		}
	}
	w.Header().Set("X-Length", strconv.Itoa(n))
	w.Header().Set(http.TrailerPrefix+"X-Sent", r.Trailer.Get("X-Sent"))
}

func wait(r *http.Request) error {
	ms, _ := strconv.Atoi(r.PathValue("ms"))
	ms = max(ms, 1) // or there is no call of the host
	return async.Sleep(r.Context(), time.Duration(ms)*time.Millisecond)
}

// mix is all that a host has to tell apart by request.
func mix(w http.ResponseWriter, r *http.Request) {
	n := r.PathValue("n")
	fmt.Printf("mix %s begins\n", n)
	if wait(r) != nil {
		return
	}
	fmt.Fprintf(os.Stderr, "mix %s waited\n", n)
	var all sync.WaitGroup
	all.Go(func() { fmt.Printf("mix %s asks\n", n) })
	all.Wait()
	pass(w, r, "http://"+r.PathValue("to"))
}

// pass sends the request to url, and answers with what comes.
func pass(w http.ResponseWriter, r *http.Request, url string) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, url, nil)
	if err == nil && r.Method == http.MethodPost {
		out.Body, out.Trailer = r.Body, r.Trailer
	}
	var in *http.Response
	if err == nil {
		in, err = (&http.Client{Transport: p3.Transport{}}).Do(out)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer in.Body.Close()
	control := http.NewResponseController(w)
	if _, err := io.Copy(flushing{w, control}, in.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range in.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

type flushing struct {
	io.Writer
	*http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	f.Flush()
	return n, err
}

var left = make(chan error, 100)

// gone waits for the end of the request's context; asked again, by /gone?how, it says why the other one ended.
func gone(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == "how" {
		fmt.Fprintln(w, <-left)
		return
	}
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
	left <- r.Context().Err()
}

var met = make(chan string)

// meet has two requests meet: the first waits for the second, which wakes it, and both go on to call the host.
func meet(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	other := ""
	select {
	case met <- name:
		other = "the first"
	case other = <-met:
	}
	async.Sleep(r.Context(), time.Millisecond)
	fmt.Fprintln(w, other)
}

var told = make(chan string)

// events answers with two events of its own, which it waits for by Go's timers, and then with what other requests tell it, until one says "end".
func events(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	for n := range 2 {
		fmt.Fprintf(w, "event %d\n", n)
		control.Flush()
		time.Sleep(5 * time.Millisecond)
	}
	for what := range told {
		fmt.Fprintln(w, what)
		if control.Flush(); what == "end" {
			fmt.Printf("events end, %v\n", r.Context().Err())
			return
		}
	}
}

func init() {
	http.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "begun")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	http.HandleFunc("/reverse/{path}", func(w http.ResponseWriter, r *http.Request) {
		to := &url.URL{Scheme: "http", Host: r.Host, Path: "/" + r.PathValue("path")}
		(&httputil.ReverseProxy{Transport: p3.Transport{}, Rewrite: func(p *httputil.ProxyRequest) { p.Out.URL = to }}).ServeHTTP(w, r)
	})
	http.HandleFunc("/leave", func(http.ResponseWriter, *http.Request) { go time.Sleep(20 * time.Millisecond) })
	http.HandleFunc("/exit", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ended")
		runtime.Goexit()
	})
}
