package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/trial"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) test() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [PATH]",
		Short: "Send a workload the requests of its tests, and check answers and traces",
		Long: `Serves a workload in this process, sends it the requests of vitrine.test.yaml beside its manifest, one after the other, and
compares answers and traces with what the file expects.

  apiVersion: vitrine.dev/v1alpha1
  kind: Test
  tests:
    - name: a total
      request: {method: GET, path: "/total?items=3", headers: {accept: text/plain}, body: ""}
      expect:
        status: 200                        # default: any 2xx
        headers: {content-type: text/plain}
        headersMatch: {x-id: "^[0-9]+$"}
        noHeaders: [set-cookie]
        body: "total 6.00"                 # also contains: [text], matches: REGEX, json: '{"a": 1}'
        trace:
          - {span: "price *", under: "GET /", times: 3, error: false,
             attributes: {vitrine.component: price}}
        noErrors: true                     # no span of the trace has failed

A span is meant by its name, in which * stands for any text; without times there is one at least.

Exit status: 0 all tests pass, 1 some do not, 2 the tests or the manifest have mistakes.`,
		Example: "  vitrine test shop/ --junit report.xml",
		Args:    cobra.MaximumNArgs(1),
	}
	s := p.options(cmd, workloadOptions, outputOptions, []option{allowGrantsOption}, registryOptions)
	file := cmd.Flags().String("file", "", "the tests (default: vitrine.test.yaml beside the manifest)")
	junit := cmd.Flags().String("junit", "", "write a JUnit report to this file, too")
	asJSON := cmd.Flags().Bool("json", false, "print the results as JSON")
	only := cmd.Flags().String("run", "", "run only tests whose names match this regular expression")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := append(args, ".")[0]
		w, err := p.loadSpec(cmd.Context(), s, path)
		if err != nil {
			return err
		}
		choose, err := regexp.Compile(*only)
		if err != nil {
			return &Problem{What: "bad value of --run", Why: err.Error(), Do: "give a regular expression", Code: ExitUsage}
		}
		d, err := loadTests(path, *file)
		if err != nil {
			return err
		}
		results, err := p.runTests(cmd.Context(), s, w, path, d, choose.MatchString, *asJSON)
		if err != nil {
			return err
		}
		return p.reportTests(w, results, *asJSON, *junit)
	}
	return cmd
}

// loadTests reads the tests of the workload at path.
func loadTests(path, file string) (*trial.Document, error) {
	if file == "" {
		manifest, _, err := app.Resolve(path)
		if err != nil {
			return nil, err
		}
		file = filepath.Join(filepath.Dir(manifest), trial.FileName)
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return nil, &Problem{What: "there are no tests", Where: file, Why: "the file does not exist", Do: "write it, as vitrine test --help shows, or name another by --file", Code: ExitUsage}
		}
	}
	d, err := trial.Load(file)
	var mistakes app.Errors
	if errors.As(err, &mistakes) {
		return nil, &Problem{What: "the file of tests has " + counted(len(mistakes), "mistake"), Where: file, Whys: lines(mistakes), Do: "correct them; vitrine test --help shows the form", Code: ExitUsage}
	}
	return d, err
}

// runTests serves the workload for the time of its tests.
func (p *process) runTests(ctx context.Context, s *settings, w *workload.Spec, path string, d *trial.Document, choose func(string) bool, quiet bool) (results []trial.Result, err error) {
	ignoreBrokenPipe()
	ctx, stop := interruptible(ctx)
	defer stop()
	spans := trial.NewSpans()
	var triggers []host.Trigger
	session, err := p.open(ctx, s, sessionOptions{workload: w, consumers: []export.Consumer{{Destination: "the tests", Spans: spans}}, triggers: func(log *slog.Logger) (_ []host.Trigger, err error) {
		triggers, err = p.ships.triggers(TriggerConfig{Workload: w, Listen: []string{"http://127.0.0.1:0"}, Logger: log})
		return triggers, err
	}})
	if session != nil {
		defer func() { err = errors.Join(err, session.close(ctx)) }()
	}
	if err != nil {
		return nil, err
	}
	session.stderr.release("")
	if _, err := session.host.Start(ctx, w); err != nil {
		return nil, startProblem(w, p.placed(path, err))
	}
	base := ""
	for _, t := range triggers {
		if l, ok := t.(*http.Trigger); ok && len(l.Addrs()) > 0 {
			base = "http://" + l.Addr().String()
		}
	}
	if base == "" {
		return nil, &Problem{What: "there is nothing to test", Where: path, Why: "the workload has no http trigger", Do: "give it one", Code: ExitUsage}
	}
	running, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() { failed <- session.host.Run(running) }()
	runner := trial.Runner{Base: base, Spans: spans, Flush: session.tel.Flush}
	err = runner.Run(ctx, d, choose, func(r trial.Result) {
		results = append(results, r)
		if !quiet {
			r.Print(text.Writer(p.stdout))
		}
	})
	cancel()
	if interrupted := interruption(ctx); interrupted != nil {
		err = interrupted
	}
	return results, errors.Join(err, <-failed)
}

// reportTests writes the reports, and says by the exit status whether all tests have passed.
func (p *process) reportTests(w *workload.Spec, results []trial.Result, asJSON bool, junit string) error {
	failed := 0
	for _, r := range results {
		if len(r.Failures) > 0 {
			failed++
		}
	}
	if junit != "" {
		f, err := os.Create(junit)
		if err == nil {
			err = errors.Join(trial.JUnit(f, string(w.ID()), results), f.Close())
		}
		if err != nil {
			return &Problem{What: "the JUnit report cannot be written", Where: junit, Why: err.Error(), Code: ExitFailed}
		}
	}
	var err error
	if asJSON {
		err = trial.JSON(p.stdout, results)
	} else {
		_, err = fmt.Fprintf(text.Writer(p.stdout), "%d of %s passed\n", len(results)-failed, counted(len(results), "test"))
	}
	if err == nil && failed > 0 {
		err = statusError(ExitFailed)
	}
	return err
}
