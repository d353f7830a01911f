package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/vitrine-wasm/vitrine/app"
	"github.com/vitrine-wasm/vitrine/cli/internal/build"
	"github.com/vitrine-wasm/vitrine/cli/internal/trial"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/host/hostwasi"
	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/telemetry/export"
	"github.com/vitrine-wasm/vitrine/trigger/http"
	"github.com/vitrine-wasm/vitrine/workload"
)

func (p *process) test() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [PATH]",
		Short: "Run a workload's tests: check answers, output and traces",
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
    - name: a command
      run: {args: [you], input: "", environment: {LANG: C}}   # as vitrine run does
      expect: {exit: 0, body: "hello you\n"}   # body: standard output; a trap is 134

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
	watched := cmd.Flags().Bool("watch", false, "build what has changed and run the tests again after each change, until Ctrl-C")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := append(args, ".")[0]
		choose, err := regexp.Compile(*only)
		if err != nil {
			return &Problem{What: "bad value of --run", Why: err.Error(), Do: "give a regular expression", Code: ExitUsage}
		}
		once := func(ctx context.Context) error {
			w, err := p.loadSpec(ctx, s, path)
			if err != nil {
				return err
			}
			d, err := loadTests(path, *file)
			if err != nil {
				return err
			}
			results, err := p.runTests(ctx, s, w, path, d, choose.MatchString, *asJSON)
			if err != nil {
				return err
			}
			return p.reportTests(w, results, *asJSON, *junit)
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		if !*watched {
			return once(ctx)
		}
		tests, err := testsFile(path, *file)
		if err != nil {
			return err
		}
		return p.testAgain(ctx, s, path, tests, once)
	}
	return cmd
}

// testAgain builds what is not built, runs the tests, and does so again after each change until ctx ends. What goes wrong is printed.
func (p *process) testAgain(ctx context.Context, s *settings, path, tests string, once func(context.Context) error) error {
	tests, err := filepath.Abs(tests)
	if err != nil {
		return err
	}
	d := newSources(path, tests)
	defer d.close()
	for {
		err := p.buildStale(ctx, s, d)
		if err == nil {
			err = once(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if d.watcher == nil { // the manifest has never been readable: there is nothing to watch
			return err
		}
		var failed statusError
		if err != nil && !errors.As(err, &failed) {
			explain(err).print(p.stderr)
		}
		d.watcher.Built()
		fmt.Fprintln(p.stderr, "waiting for a change")
		files, since, err := d.watcher.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return &Problem{What: "the files cannot be watched any more", Whys: lines(err), Code: ExitFailed}
		}
		d.note(change{files: files, since: since})
	}
}

// buildStale builds the components that are not as their files are.
func (p *process) buildStale(ctx context.Context, s *settings, d *sources) error {
	w, err := p.loadUnbuilt(s, d.path)
	if err != nil {
		return err
	}
	if err := d.watch(w); err != nil {
		return &Problem{What: "the files cannot be watched", Where: d.path, Whys: lines(err), Code: ExitFailed}
	}
	stale := d.stale(w)
	if len(stale) == 0 {
		return nil
	}
	c := d.choose(w, stale)
	c.Line = func(name, line string) { fmt.Fprintln(p.stderr, text.Printable(name+" | "+line)) }
	if err := build.Run(ctx, w, c); err != nil {
		return buildProblem(err)
	}
	return nil
}

// testsFile is where the tests of the workload at path are.
func testsFile(path, file string) (string, error) {
	if file != "" {
		return file, nil
	}
	manifest, _, err := app.Resolve(path)
	return filepath.Join(filepath.Dir(manifest), trial.FileName), err
}

// loadTests reads the tests of the workload at path.
func loadTests(path, file string) (*trial.Document, error) {
	if file == "" {
		var err error
		if file, err = testsFile(path, file); err != nil {
			return nil, err
		}
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

// runTests runs tests: requests while the workload is served, and commands each in a process's place of its own.
func (p *process) runTests(ctx context.Context, s *settings, w *workload.Spec, path string, d *trial.Document, choose func(string) bool, quiet bool) (results []trial.Result, err error) {
	ignoreBrokenPipe()
	spans := trial.NewSpans()
	runner := trial.Runner{Spans: spans, Command: func(ctx context.Context, r *trial.Run) (trial.Ran, error) {
		return p.runCommandTest(ctx, s, path, r, spans)
	}}
	if d.Requests(choose) {
		served, err := p.serveTests(ctx, s, w, path, &runner)
		if served != nil {
			defer func() { err = errors.Join(err, served()) }()
		}
		if err != nil {
			return nil, err
		}
	}
	err = runner.Run(ctx, d, choose, func(r trial.Result) {
		results = append(results, r)
		if !quiet {
			r.Print(text.Writer(p.stdout))
		}
	})
	if interrupted := interruption(ctx); interrupted != nil {
		err = interrupted
	}
	return results, err
}

// serveTests serves the workload at an address that runner gets. end, which is not nil, ends that, also where there is an error.
func (p *process) serveTests(ctx context.Context, s *settings, w *workload.Spec, path string, runner *trial.Runner) (end func() error, err error) {
	var triggers []host.Trigger
	session, err := p.open(ctx, s, sessionOptions{workload: w, consumers: testConsumers(runner.Spans), triggers: func(log *slog.Logger, _ rejectedFunc) (_ []host.Trigger, err error) {
		triggers, err = p.ships.triggers(TriggerConfig{Workload: w, Listen: []string{"http://127.0.0.1:0"}, Logger: log})
		return triggers, err
	}})
	end = func() error {
		if session == nil {
			return nil
		}
		return session.close(ctx)
	}
	if err != nil {
		return end, err
	}
	session.stderr.release("")
	if _, err := session.host.Start(ctx, w); err != nil {
		return end, startProblem(w, p.placed(path, err))
	}
	for _, t := range triggers {
		if l, ok := t.(*http.Trigger); ok && len(l.Addrs()) > 0 {
			runner.Base = "http://" + l.Addr().String()
		}
	}
	if runner.Base == "" {
		return end, &Problem{What: "nothing takes the requests of the tests", Where: path, Why: "the workload has no http trigger",
			Do: "give it one; a command is tested by run in place of request", Code: ExitUsage}
	}
	runner.Flush = session.tel.Flush
	running, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() { failed <- session.host.Run(running) }()
	return func() error {
		cancel()
		return errors.Join(<-failed, session.close(ctx))
	}, nil
}

func testConsumers(spans *trial.Spans) []export.Consumer {
	return []export.Consumer{{Destination: "the tests", Spans: spans}}
}

// runCommandTest runs the command of the workload at path as vitrine run does.
func (p *process) runCommandTest(ctx context.Context, s *settings, path string, r *trial.Run, spans *trial.Spans) (ran trial.Ran, err error) {
	w, err := p.loadSpec(ctx, s, path)
	if err != nil {
		return ran, err
	}
	main, err := commandOf(w, path)
	if err != nil {
		return ran, err
	}
	if r.Args != nil {
		main.Args = r.Args
	}
	main.Environment = maps.Clone(main.Environment)
	if main.Environment == nil {
		main.Environment = map[string]string{}
	}
	maps.Copy(main.Environment, r.Environment)
	out := &boundedBuffer{max: trial.MaxOutput}
	err = p.runOnce(ctx, s, w, main, commandOptions{consumers: testConsumers(spans),
		streams: hostwasi.Config{Stdin: strings.NewReader(r.Input), Stdout: out, Stderr: p.stderr}})
	ran.Output = out.bytes()
	var status statusError
	switch {
	case err == nil:
	case errors.As(err, &status):
		ran.Exit = int(status)
	default:
		why := explain(err)
		if why.Code != ExitTrap && why.Code != ExitDeadline {
			return ran, err
		}
		ran.Exit, ran.Why = why.Code, why.What
	}
	return ran, nil
}

// boundedBuffer keeps the first bytes that are written to it. Safe for concurrent use.
type boundedBuffer struct {
	max int
	mu  sync.Mutex
	all []byte
}

// Write is io.Writer's. It never fails.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, p[:min(len(p), b.max-len(b.all))]...)
	return len(p), nil
}

func (b *boundedBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all
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
