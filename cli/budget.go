package cli

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	sys "github.com/vitrine-wasm/vitrine/internal/process"
	"github.com/vitrine-wasm/vitrine/workload"
)

var memoryBudgetOption = option{name: "memory-budget", group: groupLimits, env: "VITRINE_MEMORY_BUDGET", arg: "SIZE",
	usage:   "how much memory all instances may have together, idle ones and what the host holds for them included; beyond it idle ones are given back, then requests wait, then they get 503; off is no bound (default: three quarters of what the control group or the machine has)",
	example: "--memory-budget 2Gi"}

// leastHeap is the least that Go's heap may have before the collector works harder for it: with less a host can hardly work.
const leastHeap = 64 << 20

// memoryBudget is the bound of all instances' memory; 0: none.
func (s *settings) memoryBudget() (uint64, error) {
	total := sys.MemoryLimit()
	budget := total / 4 * 3
	if text, from := s.text("memory-budget", ""); text == "off" {
		budget = 0
	} else if text != "" {
		var err error
		if budget, err = workload.ParseSize(text); err != nil || budget == 0 {
			return 0, badValue(from, fmt.Errorf("%q: want a size, such as 2Gi, or off", text))
		}
	}
	return budget, nil
}

// limitHeap leaves Go's heap what of the process's memory is not the budget, as a soft limit for the whole process, unless GOMEMLIMIT has set one.
func limitHeap(budget uint64) {
	total := sys.MemoryLimit()
	if os.Getenv("GOMEMLIMIT") != "" || total == 0 {
		return
	}
	rest := max(total-min(budget, total), total/8, leastHeap)
	debug.SetMemoryLimit(int64(min(rest, math.MaxInt64)))
}

// watchBudget has the host's metrics tell what the budget counts.
func watchBudget(i cm.Interceptor, e *component.Engine) {
	if i == nil || e.MemoryBudget().Limit == 0 {
		return
	}
	for name, g := range map[string]struct {
		unit, help string
		read       func(cm.BudgetStats) uint64
	}{
		"memory.budget.limit":   {"By", "How much memory all instances may have together.", func(s cm.BudgetStats) uint64 { return s.Limit }},
		"memory.budget.usage":   {"By", "Memory of all instances, idle ones and what the host holds for them included.", func(s cm.BudgetStats) uint64 { return s.Used }},
		"memory.budget.refused": {"{refusal}", "How often there was no room for an instance, its growth, or what the host would hold for it.", func(s cm.BudgetStats) uint64 { return s.Refused }},
	} {
		cm.AddGauge(i, "", cm.Gauge{Name: name, Unit: g.unit, Help: g.help,
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(min(g.read(e.MemoryBudget()), math.MaxInt64))) }})
	}
}

// budgeted is the engine's option for a budget.
func budgeted(budget uint64) []component.Option {
	if budget == 0 {
		return nil
	}
	return []component.Option{component.WithMemoryBudget(budget)}
}

// budgetOf is what admin shows of an engine's budget; nil: there is none.
func budgetOf(e *component.Engine) func() cm.BudgetStats {
	if e.MemoryBudget().Limit == 0 {
		return nil
	}
	return e.MemoryBudget
}
