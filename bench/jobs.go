package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// job is one kind of request. Each server's response is compared before the measurement, and its length in each request.
type job struct {
	name, path string
	body       []byte
	want       []byte // the response; nil if it differs between servers
}

var (
	json16K = []byte("[" + strings.Repeat(`{"k":"vvvvvvv"},`, 1023) + `{"k":"vvvvvvv"}` + "]")
	// The guests' chunks: a line, padded with dots.
	mega = func() []byte {
		var b bytes.Buffer
		for i := range 16 {
			line := fmt.Sprintf("chunk %d\n", i)
			b.WriteString(line + strings.Repeat(".", 65536-len(line)))
		}
		return b.Bytes()
	}()
	counted = bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
)

// The jobs, by the routes of rust-http-full-p2 and rust-http-p3, which the net/http server has as well; compute is a rolling sum over 256 KiB.
// The Go, JavaScript and C guests have no streaming and no compute route.
var (
	jobHello   = job{"hello", "/hello", nil, nil}
	jobSmall   = job{"echo 13 B", "/echo", []byte("hello, world!"), []byte("hello, world!")}
	jobEcho    = job{"echo 16 KB", "/echo", json16K, json16K}
	jobStream  = job{"stream 1 MB", "/chunks?n=16&ms=0&size=65536", nil, mega}
	jobCompute = job{"compute", "/count", counted, []byte("bytes=262144 sum=" + rolling(counted) + " trailers=0\n")}
	allJobs    = []job{jobHello, jobSmall, jobEcho, jobStream, jobCompute}
)

func rolling(b []byte) string {
	var sum uint32
	for _, c := range b {
		sum = sum*31 + uint32(c)
	}
	return fmt.Sprintf("%08x", sum)
}

// jobsOf are the jobs of a guest; the others are listed as missing.
func jobsOf(guest string) []job {
	switch guest {
	case "rust", "rust-http-full-p2", "rust3", "rust-http-p3":
		return allJobs
	case "go3", "go126-http-async-p3", "c3", "c-http-p3":
		return []job{jobSmall, jobEcho} // its answers to other paths take 60 ms
	case "js3", "js-qjs-hello-http-p3":
		return []job{{"hello", "/hello", nil, []byte("hello p3 get /hello\nsecond chunk\n")}, jobSmall, jobEcho}
	case "go", "go126-http-p2":
		return []job{{"hello", "/hello", nil, []byte("hello from go1.26.8 /hello\n")}, jobSmall, jobEcho}
	case "js", "js-qjs-http-p2":
		return []job{{"hello", "/hello", nil, []byte("hello qjs p2 get /hello\n")}, jobSmall, jobEcho}
	case spansGuest:
		return []job{{"no spans", "/spans?n=0", nil, []byte("0 spans\n")}, {"10 spans", "/spans?n=10", nil, []byte("10 spans\n")}}
	}
	return []job{jobHello, jobEcho}
}

// mainJob is the job by which aims judge a guest: the shortest answer that it gives without waiting.
func mainJob(guest string) job {
	if isAsync(guest) {
		return jobSmall
	}
	return jobHello
}

// check sends one request and compares the response.
func (j job) check(base string) error {
	method, from := http.MethodGet, io.Reader(nil)
	if j.body != nil {
		method, from = http.MethodPost, bytes.NewReader(j.body)
	}
	req, err := http.NewRequest(method, base+j.path, from)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d with %.80q", resp.StatusCode, got)
	case j.want != nil && !bytes.Equal(got, j.want):
		return fmt.Errorf("%d bytes %.80q, want %d bytes %.80q", len(got), got, len(j.want), j.want)
	}
	return nil
}

// plain serves the jobs with net/http, as the upper bound of machine and client.
func plain(r *run, args []string) (any, error) {
	addr := r.flags.String("addr", "127.0.0.1:0", "where to listen")
	if err := r.flags.Parse(args); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello from net/http\n") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, req *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // else the server throws away what is unread when the answer begins
		_, _ = io.Copy(w, req.Body)
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		for chunk := range slices.Chunk(mega, 65536) {
			_, _ = w.Write(chunk)
		}
	})
	mux.HandleFunc("/count", func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "bytes=%d sum=%s trailers=0\n", len(b), rolling(b))
	})
	return nil, http.ListenAndServe(*addr, mux)
}
