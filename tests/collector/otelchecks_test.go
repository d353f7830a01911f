package collector

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkGuests are the guests that the checks of wasi/otel/CHECKS.md play, and what each is.
var checkGuests = []struct{ name, is string }{
	{"guest", "both functions, 0.2"},
	{"p2-outer", "`outer-span-context`, 0.2"},
	{"p2-current", "`current-span-context`, 0.2"},
	{"p3-outer", "`outer-span-context`, 0.3"},
	{"p3-current", "`current-span-context`, 0.3"},
}

// checksTable is the document that says how each check ended.
const checksTable = "wasi/otel/CHECKS-RECEIVED.md"

const checksHead = `<!-- Written by go test -C tests/collector -run TestChecks -update. DO NOT EDIT. -->

# wasi:otel: the checks against a real Collector

How each check of [CHECKS.md](CHECKS.md) ends when telemetry passes through a real OpenTelemetry Collector, and what the check compares is
what the Collector has sent on: ` + "`go test -C tests/collector -run TestChecks/GUEST/check-NNN`" + `. One guest has the functions of both sets, which
bear the same version; the others have those of one set, and an export of WASI 0.2 or an asynchronous one of 0.3. An empty cell: the
check says nothing about that guest, because it asks for a function that the guest does not have, or names its own guests.

The Collector changes one thing: an identifier of zeros alone, which a link to no span has, is sent on as no identifier.

`

// TestChecks runs the checks of tests/otelchecks through a collector, for each guest, and compares how they end with the document.
func TestChecks(t *testing.T) {
	all := StartLanes(t, 8)
	lanes, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "otelchecks.test")
	compile := exec.Command("go", "test", "-c", "-o", binary, "./tests/otelchecks")
	compile.Dir = Root()
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ended := map[string]map[string]string{} // by guest and check
	for _, g := range checkGuests {
		t.Run(g.name, func(t *testing.T) {
			ended[g.name] = runChecks(t, binary, all, "VITRINE_OTELCHECKS_LANES="+string(lanes), "VITRINE_OTELCHECKS_GUEST="+g.name,
				"VITRINE_OTEL_REQUESTS=200") // go test ./tests/otelchecks has more of them
		})
	}
	if len(ended) == len(checkGuests) { // not if -run has selected some
		compareChecks(t, ended)
	}
}

var endOfCheck = regexp.MustCompile(`^ +--- (PASS|FAIL|SKIP): TestWasiOtel/(check-\d{3}-[a-z0-9-]+) `)

// runChecks runs all checks, makes each a subtest, and gives how they have ended.
func runChecks(t *testing.T, binary string, lanes []Lane, kv ...string) map[string]string {
	t.Helper()
	cmd := exec.Command(binary, "-test.run=^TestWasiOtel$", "-test.v")
	cmd.Dir = filepath.Join(Root(), "tests", "otelchecks")
	cmd.Env = append(os.Environ(), kv...)
	for _, lane := range lanes {
		cmd.ExtraFiles = append(cmd.ExtraFiles, lane.Sink)
	}
	out, failed := cmd.CombinedOutput()
	ended := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		if m := endOfCheck.FindStringSubmatch(lines.Text()); m != nil {
			ended[m[2]] = map[string]string{"PASS": "ok", "FAIL": "fails", "SKIP": "skipped"}[m[1]]
		}
	}
	for _, check := range slices.Sorted(maps.Keys(ended)) {
		t.Run(check, func(t *testing.T) {
			if ended[check] != "ok" {
				t.Error(ended[check])
			}
		})
	}
	if failed != nil {
		t.Errorf("%v\n%s", failed, out)
	}
	return ended
}

// compareChecks compares the table with the document, which has a row for each row of CHECKS.md.
func compareChecks(t *testing.T, ended map[string]map[string]string) {
	t.Helper()
	list, err := os.ReadFile(filepath.Join(Root(), "wasi", "otel", "CHECKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString(checksHead + "| check |")
	for _, g := range checkGuests {
		table.WriteString(" " + g.is + " |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(checkGuests)) + "\n")
	for _, row := range regexp.MustCompile(`(?m)^\| (check-\d{3}-[a-z0-9-]+) \|`).FindAllStringSubmatch(string(list), -1) {
		check, times := row[1], 0
		fmt.Fprintf(&table, "| %s |", check)
		for _, g := range checkGuests {
			got := ended[g.name][check]
			if got != "" {
				times++
			}
			delete(ended[g.name], check)
			table.WriteString(strings.TrimRight(" "+got, " ") + " |")
		}
		table.WriteString("\n")
		if times == 0 {
			t.Errorf("no test of %s has run", check)
		}
	}
	for guest, rest := range ended {
		for check := range rest {
			t.Errorf("%s with the guest %s is no row of CHECKS.md", check, guest)
		}
	}
	goldenFile(t, filepath.Join(Root(), filepath.FromSlash(checksTable)), table.String())
}
