package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/vitrine-wasm/vitrine/view/internal/forward"
	"github.com/vitrine-wasm/vitrine/view/internal/ingest"
	"github.com/vitrine-wasm/vitrine/view/internal/otlpjson"
	"github.com/vitrine-wasm/vitrine/view/internal/store"
)

// Drop is how many items of a signal were lost before they reached the store, and why.
type Drop struct {
	Signal, Reason string
	Count          int64
}

// Config of New.
type Config struct {
	Store *store.Store
	// Token has to be shown by each request; empty: none has to be, and only requests to names of loopback are answered.
	Token string
	// Page serves every path outside /api/ and /v1/; nil: none.
	Page http.Handler
	// Receiver gets the OTLP of other programs, which need the token, too: POST /v1/traces, /v1/logs and /v1/metrics; nil: none is taken.
	Receiver *ingest.Receiver
	// Forward says what the forwarder of OTLP is doing; nil: there is none.
	Forward func() forward.Status
	// InFlight returns spans that have begun and have not ended, at most as many as said, and how many there are; nil: nobody knows them.
	InFlight func(most int) (all []sdktrace.ReadOnlySpan, count int)
	// Workloads returns the list of the workloads that run, which encoding/json writes; nil: nobody knows them.
	Workloads func() any
	// Dropped returns the losses so far; nil: none.
	Dropped func() []Drop
	Version string
	// Title is what is served, for the page's title.
	Title string
}

type server struct {
	Config
	imports      *ingest.Receiver // takes what users import
	trafficCache trafficCache
}

// New makes the handler. It uses the store as long as it is served.
func New(c Config) http.Handler {
	s := &server{Config: c, imports: ingest.NewReceiver(c.Store, nil)}
	mux := http.NewServeMux()
	for _, one := range s.routes() {
		mux.Handle(one.pattern, one)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "there is no such path") })
	if c.Page != nil {
		mux.Handle("/", c.Page)
	}
	return &guard{c.Token, mux}
}

// fail answers with an error.
func fail(w http.ResponseWriter, status int, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(otlpjson.AppendString([]byte(`{"error":`), what), '}', '\n'))
}

// failed answers with an error of the store.
func failed(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		return // nobody is there any more
	}
	fail(w, http.StatusInternalServerError, err.Error())
}

// send answers with JSON, compressed if the client takes that.
func send(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if len(body) > 1400 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		_, _ = z.Write(body)
		_ = z.Close()
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// numberOf reads a parameter that is a number.
func numberOf(r *http.Request, name string, def, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errors.New(name + ": want a whole number")
	}
	return min(n, most), nil
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	st := s.Store.Stats()
	o := object(nil)
	o.str("version", s.Version)
	o.str("title", s.Title)
	o.int("traces", int64(st.Traces))
	o.time("logs", int64(st.Logs))
	o.time("bytes", st.Bytes)
	o.time("maxBytes", st.MaxBytes)
	o.time("maxAge", int64(st.MaxAge))
	o.int("segments", int64(st.Segments))
	o.time("evicted", st.Evicted)
	o.int("damagedFiles", int64(st.Damaged))
	o.int("newerFiles", int64(st.Newer))
	o.time("run", st.Run)
	o.time("oldest", st.Oldest)
	o.time("now", time.Now().UnixNano())
	var dropped []Drop
	if s.Dropped != nil {
		dropped = s.Dropped()
	}
	for _, d := range s.imports.Losses() {
		dropped = append(dropped, Drop(d))
	}
	o.raw("dropped", list(dropped, func(b []byte, d Drop) []byte {
		one := object(nil)
		one.str("signal", d.Signal)
		one.str("reason", d.Reason)
		one.time("count", d.Count)
		return append(b, one.end()...)
	}))
	if st.Problem.Text != "" {
		problem := object(nil)
		problem.str("text", st.Problem.Text)
		problem.time("since", st.Problem.Since)
		o.raw("problem", problem.end())
	}
	if s.Forward != nil {
		o.raw("forward", appendForward(nil, s.Forward()))
	}
	send(w, r, o.end())
}

func appendForward(b []byte, f forward.Status) []byte {
	o := object(nil)
	o.str("to", f.To)
	o.time("sent", f.Sent)
	o.int("waiting", int64(f.Waiting))
	if f.Problem != "" {
		o.str("problem", f.Problem)
	}
	return append(b, o.end()...)
}

// Bounds of lists.
const (
	defaultTraces, maxTraces = 200, 5000
	defaultLogs, maxLogs     = 500, 5000
	maxSpans                 = 20000 // of a trace
)

func (s *server) traces(w http.ResponseWriter, r *http.Request) {
	q, err := ParseTraces(r.URL.Query().Get("q"), time.Now(), s.Store.Stats().Run)
	if err == nil {
		q.Limit, err = numberOf(r, "limit", defaultTraces, maxTraces)
	}
	if err == nil {
		q.Offset, err = numberOf(r, "offset", 0, math.MaxInt32)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if follows(r) {
		s.followTraces(w, r, q)
		return
	}
	list, err := s.Store.Traces(r.Context(), q)
	if err != nil {
		failed(w, err)
		return
	}
	groups := groupsOf(list)
	if from, to, ok := timeOnly(r.URL.Query().Get("q"), time.Now()); ok {
		if groups, err = s.allRequests(r, groups, from, to); err != nil {
			failed(w, err)
			return
		}
	}
	send(w, r, appendTraceList(nil, list, groups))
}

func (s *server) trace(w http.ResponseWriter, r *http.Request) {
	id, err := store.ParseTraceID(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	records, sum, err := s.Store.Trace(r.Context(), id, maxSpans)
	switch {
	case err != nil:
		failed(w, err)
	case sum.Spans == 0:
		fail(w, http.StatusNotFound, "there is no trace "+id.String()+"; it may have been removed to make room")
	default:
		if omitted := sum.Spans - len(records); omitted > 0 {
			w.Header().Set("Vitrine-Omitted-Spans", strconv.Itoa(omitted))
		}
		send(w, r, appendTraces(nil, distinct(records)))
	}
}

// distinct are the records without those that are there again, to the byte: a sender has tried again, or a file was imported twice.
func distinct(records []store.Record) []store.Record {
	seen := make(map[string]bool, len(records))
	return slices.DeleteFunc(records, func(r store.Record) bool {
		again := seen[string(r.Encoded)]
		seen[string(r.Encoded)] = true
		return again
	})
}

func (s *server) traceLogs(w http.ResponseWriter, r *http.Request) {
	id, err := store.ParseTraceID(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	records, err := s.Store.Logs(r.Context(), store.LogQuery{Trace: id, Limit: maxLogs})
	if err != nil {
		failed(w, err)
		return
	}
	send(w, r, appendLogs(nil, records))
}

func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	q, err := ParseLogs(params.Get("q"))
	if err == nil {
		q.Limit, err = numberOf(r, "limit", defaultLogs, maxLogs)
	}
	if err == nil {
		q.Before, err = parseCursor(params.Get("before"))
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if follows(r) {
		s.followLogs(w, r, q)
		return
	}
	records, err := s.Store.Logs(r.Context(), q)
	switch {
	case err != nil:
		failed(w, err)
	case params.Get("format") == "otlp":
		send(w, r, appendLogs(nil, records))
	default:
		send(w, r, appendLogList(nil, records))
	}
}

// maxImport bounds what is imported at once, in bytes.
const maxImport = 256 << 20

// importing stores OTLP JSON: one message, or one a line.
func (s *server) importing(w http.ResponseWriter, r *http.Request) {
	in := bufio.NewReaderSize(http.MaxBytesReader(w, r.Body, maxImport), 64<<10)
	n, err := importAll(s.imports, in)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	o := object(nil)
	o.int("messages", int64(n))
	send(w, r, o.end())
}

// ImportFile stores the OTLP JSON of a file: one message, or one a line. It returns how many.
func ImportFile(to *store.Store, path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return importAll(ingest.NewReceiver(to, nil), bufio.NewReaderSize(f, 64<<10))
}

func importAll(to *ingest.Receiver, in *bufio.Reader) (n int, err error) {
	head, _ := in.Peek(64 << 10)
	first, _, several := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte{'\n'})
	lines := !several || json.Valid(first) // the first line is a whole message
	for {
		var text []byte
		var end error
		if lines {
			text, end = in.ReadBytes('\n')
		} else {
			text, end = io.ReadAll(in)
		}
		if end != nil && !errors.Is(end, io.EOF) {
			return n, end
		}
		if len(bytes.TrimSpace(text)) > 0 {
			if err := to.Import(text); err != nil {
				return n, err
			}
			n++
		}
		if end != nil || !lines {
			return n, nil
		}
	}
}
