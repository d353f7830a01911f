package otel_test

import (
	"fmt"
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

// TestWasiOtel is the checks, each against what a collector has received.
func TestWasiOtel(t *testing.T) {
	for _, c := range checks() {
		t.Run(c.id(), c.run)
	}
}

func (c *check) id() string { return fmt.Sprintf("check-%03d-%s", c.n, c.name) }
