package wast

import (
	"encoding/json"
	"fmt"
	"io"
)

// Outcome is the outcome of one command.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Result is the result of one command. Why is empty if there is nothing to say about a success.
type Result struct {
	Line    int     `json:"line"`
	Form    string  `json:"form"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`
	// Wording says whether the message of an expected failure has the script's text. It does not affect the outcome.
	Wording *bool `json:"wording,omitempty"`

	Listed bool `json:"listed,omitempty"` // gaps.txt has it
	Gated  bool `json:"gated,omitempty"`  // it needs a feature that was off
}

// File is the result of one script.
type File struct {
	Path    string   `json:"path"`
	Results []Result `json:"results"`
}

// Counts adds up results.
type Counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	// Worded of Messages expected failures have the script's text in their message.
	Worded   int `json:"worded"`
	Messages int `json:"messages"`
}

// Add counts the results of a file.
func (c *Counts) Add(f *File) {
	for _, r := range f.Results {
		switch r.Outcome {
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
		default:
			c.Skipped++
		}
		if r.Wording != nil {
			c.Messages++
			if *r.Wording {
				c.Worded++
			}
		}
	}
}

// String is "N passed, N failed, N skipped".
func (c Counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// Report is the result of a run.
type Report struct {
	Files []*File `json:"files"`
	Counts
}

// Add adds a file.
func (r *Report) Add(f *File) {
	r.Files = append(r.Files, f)
	r.Counts.Add(f)
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteText writes a line for each file, under it the failures and reasons (with skips: the skipped commands as well), and the
// sums last.
func (r *Report) WriteText(w io.Writer, skips bool) error {
	for _, f := range r.Files {
		var c Counts
		c.Add(f)
		if _, err := fmt.Fprintf(w, "%s: %s\n", f.Path, c); err != nil {
			return err
		}
		for _, x := range f.Results {
			if x.Outcome == Failed || skips && x.Outcome == Skipped {
				if _, err := fmt.Fprintf(w, "  %s:%d: %s %s: %s\n", f.Path, x.Line, x.Form, x.Outcome, x.Why); err != nil {
					return err
				}
			}
		}
	}
	if r.Messages > 0 {
		if _, err := fmt.Fprintf(w, "%d of %d expected failures have the script's words\n", r.Worded, r.Messages); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, r.Counts)
	return err
}
