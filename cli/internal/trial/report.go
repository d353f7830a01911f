package trial

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Print prints a result for people.
func (r *Result) Print(w io.Writer) {
	word := "ok  "
	if len(r.Failures) > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(w, "%s %s (%s)\n", word, text.Printable(r.Name), r.Took.Round(100*time.Microsecond))
	for _, f := range r.Failures {
		fmt.Fprintf(w, "     %s: %s\n", text.Printable(f.Place), text.Printable(f.Message))
	}
}

// JSON writes all results.
func JSON(w io.Writer, results []Result) error {
	failed := 0
	for _, r := range results {
		if len(r.Failures) > 0 {
			failed++
		}
	}
	e := json.NewEncoder(text.JSONWriter(w))
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Tests  []Result `json:"tests"`
		Passed int      `json:"passed"`
		Failed int      `json:"failed"`
	}{results, len(results) - failed, failed})
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes all results as a JUnit report of one suite.
func JUnit(w io.Writer, suite string, results []Result) error {
	out := junitSuite{Name: suite, Tests: len(results)}
	var sum time.Duration
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
	for _, r := range results {
		c := junitCase{Class: suite, Name: text.Printable(r.Name), File: r.Place, Time: seconds(r.Took)}
		sum += r.Took
		if len(r.Failures) > 0 {
			out.Failures++
			var lines []string
			for _, f := range r.Failures {
				lines = append(lines, text.Printable(f.Place+": "+f.Message))
			}
			c.Failure = &junitFailure{Message: text.Printable(r.Failures[0].Message), Text: strings.Join(lines, "\n")}
		}
		out.Cases = append(out.Cases, c)
	}
	out.Time = seconds(sum)
	b, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}
