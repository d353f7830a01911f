package otelchecks

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// check is one of the checks of wasi/otel/CHECKS.md.
type check struct {
	n    int
	name string
	run  func(t *testing.T)
}

// checks are all of them, by the parts of the document.
func checks() []check {
	var all []check
	for _, part := range [][]check{linkingChecks, contextChecks, lifecycleChecks, parentChecks, fieldChecks, identifierChecks, valueChecks, logChecks, metricChecks, limitChecks, concurrencyChecks, exportChecks} {
		all = append(all, part...)
	}
	return all
}

// TestChecksDocument: the document has a row for each check, and a check for each row.
func TestChecksDocument(t *testing.T) {
	const path = "../../wasi/otel/CHECKS.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (check-\d{3}-[a-z0-9-]+) \| \S`).FindAllStringSubmatch(string(text), -1)
	var documented, tested []string
	for _, r := range rows {
		documented = append(documented, r[1])
	}
	for i, c := range checks() {
		tested = append(tested, c.id())
		if c.n != i+1 {
			t.Errorf("check %d is in the place of %d", c.n, i+1)
		}
	}
	if len(tested) != 105 {
		t.Errorf("%d checks", len(tested))
	}
	if !slices.Equal(documented, tested) {
		for _, id := range tested {
			if !slices.Contains(documented, id) {
				t.Errorf("%s does not have %s", path, id)
			}
		}
		for _, id := range documented {
			if !slices.Contains(tested, id) {
				t.Errorf("%s has %s, which is no test", path, id)
			}
		}
	}
}
