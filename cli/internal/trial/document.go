// Package trial tests workloads by requests: what they are answered, and what happens meanwhile, as the trace of each request shows it.
//
// The tests are a document of its own kind beside the manifest, which is read as that is, with a place for each mistake and for each
// expectation that does not hold.
package trial

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/app"
)

// FileName is the name of a workload's tests, beside its manifest.
const FileName = "vitrine.test.yaml"

// kind is the kind of the document.
const kind = "Test"

// Document is a file of tests. They run in its order, against one start of the workload.
type Document struct {
	APIVersion string `yaml:"apiVersion" required:"true"`
	Kind       string `yaml:"kind" required:"true" enum:"Test"`
	Tests      []Test `yaml:"tests" required:"true"`

	place func(key string) string
}

// Test is one request, or one run of a command, and what is expected of it.
type Test struct {
	Name    string   `yaml:"name" required:"true"`
	Request *Request `yaml:"request"`
	Run     *Run     `yaml:"run"`
	Expect  Expect   `yaml:"expect"`
}

// Run is one run of the workload's command.
type Run struct {
	Args        []string          `yaml:"args"` // nil: those of the manifest
	Environment map[string]string `yaml:"environment"`
	Input       string            `yaml:"input"` // standard input
}

// Request is what is sent.
type Request struct {
	Method  string            `yaml:"method"` // GET by default
	Path    string            `yaml:"path" required:"true"`
	Host    string            `yaml:"host"` // of the address by default
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}

// Expect is what is expected. Of what it leaves out nothing is, but of the status that it is 2xx, and of the exit status of a run that it is 0.
type Expect struct {
	Status       *int              `yaml:"status" max:"599"`
	Exit         *int              `yaml:"exit" max:"255"`
	Headers      map[string]string `yaml:"headers"`      // the whole value
	HeadersMatch map[string]string `yaml:"headersMatch"` // a regular expression
	NoHeaders    []string          `yaml:"noHeaders"`
	Body         *string           `yaml:"body"` // the whole body; of a run, all that it has written to standard output
	Contains     []string          `yaml:"contains"`
	Matches      string            `yaml:"matches"` // a regular expression
	JSON         *string           `yaml:"json"`    // the same value, however it is written
	Trace        []Span            `yaml:"trace"`
	NoErrors     bool              `yaml:"noErrors"` // no span of the trace has failed
}

// Span is an expectation of the spans of the request's trace.
type Span struct {
	Span string `yaml:"span" required:"true"` // the name; * stands for any text
	// Under is the name of a span that the span is below, at any depth.
	Under string `yaml:"under"`
	// Times is how many such spans there are, 0: none; nil: one or more.
	Times *int `yaml:"times"`
	// Error says whether all of them have failed, or none; nil: nothing.
	Error *bool `yaml:"error"`
	// Attributes are ones that all of them have, as texts.
	Attributes map[string]string `yaml:"attributes"`
}

// maxFile bounds a file of tests in bytes.
const maxFile = 1 << 20

// Load reads a file of tests. Mistakes in it are [app.Errors].
func Load(file string) (*Document, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, app.Errors{{File: file, Line: 1, Column: 1, Problem: "the file is too large to be one of tests"}}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := &Document{}
	d.place, err = app.Decode(file, data, kind, d, d.check)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// check finds mistakes that types do not show.
func (d *Document) check(fail func(key, format string, args ...any)) {
	if len(d.Tests) == 0 {
		fail("tests", "there is no test")
	}
	names := map[string]bool{}
	for i := range d.Tests {
		t, key := &d.Tests[i], testKey(i)
		if names[t.Name] {
			fail(key+".name", "a second test named %q", t.Name)
		}
		names[t.Name] = true
		switch {
		case t.Request != nil && t.Run != nil:
			fail(key+".run", "a test is a request or a run, not both")
		case t.Request != nil:
			t.checkRequest(key, fail)
		case t.Run != nil:
			t.checkRun(key, fail)
		default:
			fail(key, "want a request or a run")
		}
		for name, pattern := range t.Expect.HeadersMatch {
			if _, err := regexp.Compile(pattern); err != nil {
				fail(key+".expect.headersMatch."+quoted(name), "%v", err)
			}
		}
		if _, err := regexp.Compile(t.Expect.Matches); err != nil {
			fail(key+".expect.matches", "%v", err)
		}
		if t.Expect.JSON != nil && !json.Valid([]byte(*t.Expect.JSON)) {
			fail(key+".expect.json", "this is no JSON")
		}
		for j, s := range t.Expect.Trace {
			at := spanKey(key, j)
			if s.Span == "" {
				fail(at+".span", "want the name of a span, in which * stands for any text")
			}
			if s.Times != nil && *s.Times == 0 && (s.Error != nil && s.Attributes == nil) {
				fail(at+".error", "no span is expected; leave the key out")
			}
		}
	}
}

func (t *Test) checkRequest(key string, fail func(key, format string, args ...any)) {
	if !strings.HasPrefix(t.Request.Path, "/") {
		fail(key+".request.path", "want a path that begins with /")
	} else if _, err := url.ParseRequestURI(t.Request.Path); err != nil {
		fail(key+".request.path", "this is no path of a URL")
	}
	if _, err := http.NewRequest(t.Request.Method, "http://localhost/", nil); err != nil {
		fail(key+".request.method", "this is no method of HTTP")
	}
	if t.Expect.Exit != nil {
		fail(key+".expect.exit", "a request has no exit status")
	}
}

func (t *Test) checkRun(key string, fail func(key, format string, args ...any)) {
	e := &t.Expect
	for name, has := range map[string]bool{"status": e.Status != nil, "headers": e.Headers != nil, "headersMatch": e.HeadersMatch != nil, "noHeaders": e.NoHeaders != nil} {
		if has {
			fail(key+".expect."+name, "a run has none: its exit status is exit, its output body")
		}
	}
}

// Requests says whether any test that choose accepts is a request.
func (d *Document) Requests(choose func(name string) bool) bool {
	return slices.ContainsFunc(d.Tests, func(t Test) bool { return t.Request != nil && choose(t.Name) })
}

// tracing says whether the test needs the trace.
func (t *Test) tracing() bool { return len(t.Expect.Trace) > 0 || t.Expect.NoErrors }

// Result is how a test has ended.
type Result struct {
	Name     string        `json:"name"`
	Place    string        `json:"place"` // of the test in its file
	Took     time.Duration `json:"-"`
	Seconds  float64       `json:"seconds"`
	Failures []Failure     `json:"failures,omitempty"`
	TraceID  string        `json:"traceId"`
}

// Failure is an expectation that does not hold.
type Failure struct {
	Place   string `json:"place"` // of the expectation in the file
	Message string `json:"message"`
}
