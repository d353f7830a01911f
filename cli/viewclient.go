package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/view"
)

var viewerOption = option{name: "viewer", env: "VITRINE_VIEWER", arg: "URL",
	usage: "the viewer to ask, as up --view and view print it, with its token if it has one (default http://" + view.DefaultAddress + "/)", example: "--viewer http://127.0.0.1:8000/"}

// lineFlags are the flags of commands that print what a viewer has.
type lineFlags struct {
	follow, json bool
	last         uint
	inOrder      bool // the list is in the order to print it in, and not the newest first
}

func newLineFlags(cmd *cobra.Command) *lineFlags {
	f := &lineFlags{}
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with what comes")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line, as the viewer's API has it")
	cmd.Flags().UintVar(&f.last, "last", 20, "how many to print at first, of the newest")
	return f
}

func (p *process) trace() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace [QUERY…|TRACE_ID]",
		Short: "Print traces of a running viewer, or one trace",
		Long: `Asks a running viewer (vitrine up --view, vitrine view) for traces, and prints a line for each, the newest last. With the
identifier of a trace it prints that trace as a tree, or with --json as OTLP JSON, which vitrine view shows again.

A query is words, which must be in the name or a service, and qualifiers: service:shop status:error code:>=500
duration:>100ms spans:>10 since:5m run:previous @db.system.name:redis; a minus before one excludes, behind -- which ends
the flags.`,
		Example: "  vitrine trace status:error since:5m\n  vitrine trace --follow 'duration:>100ms'\n  vitrine trace 4bf92f3577b34da6a3ce929d0e0e4736 --json > trace.json",
	}
	s, f := p.options(cmd, []option{viewerOption}), newLineFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && traceID.MatchString(args[0]) {
			return p.printTrace(cmd.Context(), s, f, args[0])
		}
		return p.printLines(cmd.Context(), s, f, "traces", args, traceLine)
	}
	return cmd
}

func (p *process) logs() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs [QUERY…]",
		Short: "Print log lines of a running viewer",
		Long: `Asks a running viewer (vitrine up --view, vitrine view) for log lines, and prints them, the newest last.

A query is words, which must be in the line, and qualifiers: level:warn service:shop trace:TRACE_ID; a minus before a word
excludes, behind -- which ends the flags.`,
		Example: "  vitrine logs level:warn --follow\n  vitrine logs trace:4bf92f3577b34da6a3ce929d0e0e4736",
	}
	s, f := p.options(cmd, []option{viewerOption}), newLineFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.printLines(cmd.Context(), s, f, "logs", args, logLine)
	}
	return cmd
}

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// ask sends a request to the viewer. The caller closes the body.
func (s *settings) ask(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	address, from := s.text("viewer", "http://"+view.DefaultAddress+"/")
	whole := address
	if _, _, err := net.SplitHostPort(address); err == nil { // HOST:PORT without a scheme
		whole = "http://" + address
	}
	at, err := url.Parse(whole)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, badValue(from, fmt.Errorf("%q: want a URL such as http://%s/", address, view.DefaultAddress))
	}
	token := at.Query().Get("token")
	at.Path, at.RawQuery = path, query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, badValue(from, err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL
		}
		return nil, &Problem{What: "no viewer answers at " + at.Host, Why: err.Error(), Do: "start one, vitrine up --view or vitrine view, or name it with --viewer", Code: ExitFailed}
	}
	if a.StatusCode == http.StatusOK {
		return a.Body, nil
	}
	defer a.Body.Close()
	var said struct{ Error string }
	if err := json.NewDecoder(io.LimitReader(a.Body, 64<<10)).Decode(&said); err != nil {
		said.Error = a.Status + ": what answers is no viewer"
	}
	return nil, &Problem{What: "the viewer refuses", Where: at.Host, Why: said.Error, Do: "see --help for what a query may say", Code: ExitUsage}
}

// printLines prints the answer to a query, oldest first.
func (p *process) printLines(ctx context.Context, s *settings, f *lineFlags, what string, words []string, line func([]byte) (string, error)) error {
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	query := url.Values{"q": {strings.Join(words, " ")}, "limit": {strconv.FormatUint(uint64(f.last), 10)}}
	if f.follow {
		query.Set("follow", "true")
	}
	body, err := s.ask(ctx, "/api/v1/"+what, query)
	if err != nil {
		return err
	}
	defer body.Close()
	print := func(one []byte) error {
		if f.json {
			_, err := fmt.Fprintf(p.stdout, "%s\n", text.JSON(one))
			return err
		}
		out, err := line(one)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, text.Printable(out))
		return err
	}
	if f.follow {
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if err := print(lines.Bytes()); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil // a signal has ended it
		}
		return lines.Err()
	}
	var list map[string]json.RawMessage
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return err
	}
	var all []json.RawMessage
	if err := json.Unmarshal(list[what], &all); err != nil {
		return err
	}
	if !f.inOrder {
		slices.Reverse(all)
	}
	for _, one := range all {
		if err := print(one); err != nil {
			return err
		}
	}
	return nil
}

// traceLine is a trace in a list: 10:21:03.123 4bf92f35… shop GET /cart 200 12.3ms 14 spans.
func traceLine(b []byte) (string, error) {
	var t struct {
		TraceID, Name, Service string
		Start                  int64 `json:",string"`
		Duration               int64
		Spans, Errors, Code    int
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return "", err
	}
	out := fmt.Sprintf("%s %s %s %s", clock(t.Start), t.TraceID, t.Service, t.Name)
	if t.Code != 0 {
		out += " → " + strconv.Itoa(t.Code)
	}
	out += fmt.Sprintf("  %s  %d spans", brief(t.Duration), t.Spans)
	if t.Errors > 0 {
		out += fmt.Sprintf(", %d failed", t.Errors)
	}
	return out, nil
}

// logLine is a log record in a list: 10:21:03.123 WARN 4bf92f35/00f067aa [shop] text.
func logLine(b []byte) (string, error) {
	var l struct {
		Time            int64 `json:",string"`
		Severity        int
		Service         string
		Body            any
		TraceID, SpanID string
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return "", err
	}
	body, ok := l.Body.(string)
	if !ok {
		b, err := json.Marshal(l.Body)
		if err != nil {
			return "", err
		}
		body = string(b)
	}
	ids := ""
	if l.TraceID != "" {
		ids = " " + l.TraceID
	}
	return fmt.Sprintf("%s %s%s [%s] %s", clock(l.Time), severityWord(l.Severity), ids, l.Service, body), nil
}

func severityWord(n int) string {
	words := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	if n < 1 || n > 24 {
		return "-"
	}
	return words[(n-1)/4]
}

// clock is a time of day, and the date if it is not today's.
func clock(ns int64) string {
	t := time.Unix(0, ns)
	if t.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return t.Format("15:04:05.000")
	}
	return t.Format("2006-01-02T15:04:05.000")
}

// brief is a duration with three digits.
func brief(ns int64) string {
	d := time.Duration(ns)
	for unit := time.Duration(1); unit <= time.Second; unit *= 1000 {
		if d < 1000*unit || unit == time.Second {
			return d.Round(max(unit/100, 1)).String()
		}
	}
	return d.String()
}

// tracedSpan is the part of OTLP's JSON that a tree has.
type tracedSpan struct {
	SpanID, ParentSpanID, Name         string
	StartTimeUnixNano, EndTimeUnixNano uint64 `json:",string"`
	Status                             struct {
		Code    int
		Message string
	}
	Attributes []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
	service string
}

// what is the span's name, its URL or path unless the name has it, and the status of its response.
func (x *tracedSpan) what() string {
	of := map[string]string{}
	for _, a := range x.Attributes {
		of[a.Key] = cmp.Or(a.Value.StringValue, a.Value.IntValue)
	}
	out, target := x.Name, of["url.full"]
	if target == "" {
		target = of["url.path"]
		if q := of["url.query"]; q != "" {
			target += "?" + q
		}
	}
	if target != "" && !strings.HasSuffix(out, " "+target) {
		out += " " + target
	}
	if status := of["http.response.status_code"]; status != "" {
		out += " → " + status
	}
	if !strings.HasPrefix(out, x.service+" ") { // the host's names of calls have it
		out = x.service + " " + out
	}
	return out
}

// printTrace prints one trace as OTLP JSON, or as a tree.
func (p *process) printTrace(ctx context.Context, s *settings, f *lineFlags, id string) error {
	body, err := s.ask(ctx, "/api/v1/traces/"+id, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if f.json {
		b, err := io.ReadAll(body)
		if err == nil {
			_, err = fmt.Fprintf(p.stdout, "%s\n", text.JSON(b))
		}
		return err
	}
	var data struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []struct {
					Key   string
					Value struct{ StringValue string }
				}
			}
			ScopeSpans []struct{ Spans []*tracedSpan }
		}
	}
	if err := json.NewDecoder(body).Decode(&data); err != nil {
		return err
	}
	children, known := map[string][]*tracedSpan{}, map[string]bool{}
	var all []*tracedSpan
	for _, r := range data.ResourceSpans {
		service := ""
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.StringValue
			}
		}
		for _, scope := range r.ScopeSpans {
			for _, x := range scope.Spans {
				x.service = service
				known[x.SpanID] = true
				all = append(all, x)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *tracedSpan) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
	var roots []*tracedSpan
	for _, x := range all {
		if known[x.ParentSpanID] && x.ParentSpanID != x.SpanID {
			children[x.ParentSpanID] = append(children[x.ParentSpanID], x)
		} else {
			roots = append(roots, x)
		}
	}
	t := spanTree{p.stdout, children, map[*tracedSpan]bool{}}
	for _, r := range append(roots, all...) { // spans whose parents form a circle are below no root
		if err := t.print(r, 0); err != nil {
			return err
		}
	}
	return nil
}

type spanTree struct {
	w        io.Writer
	children map[string][]*tracedSpan
	printed  map[*tracedSpan]bool
}

func (t *spanTree) print(x *tracedSpan, depth int) error {
	if t.printed[x] {
		return nil
	}
	t.printed[x] = true
	failed := ""
	if x.Status.Code == 2 {
		failed = "  failed"
		if x.Status.Message != "" {
			failed += ": " + text.Cut(x.Status.Message, 1<<10)
		}
	}
	line := fmt.Sprintf("%s%s  %s%s", strings.Repeat("  ", min(depth, 40)), x.what(), brief(int64(x.EndTimeUnixNano-x.StartTimeUnixNano)), failed)
	if _, err := fmt.Fprintln(t.w, text.Printable(line)); err != nil {
		return err
	}
	for _, c := range t.children[x.SpanID] {
		if err := t.print(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}
