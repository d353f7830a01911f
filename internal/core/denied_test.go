package core

import (
	"errors"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestTrapsAfterRefusal: a guest that aborts soon after a growth was refused has ended because of the limit; every other trap of its own says that there
// was a refusal and no more. One trap is told, of the same task, also where a smaller growth has succeeded meanwhile.
func TestTrapsAfterRefusal(t *testing.T) {
	type step struct {
		f    string
		args []uint64
	}
	grow, less, abort := step{"grow", []uint64{2}}, step{"grow", []uint64{1}}, step{"unreachable", nil}
	table, div := step{"grow_table", []uint64{9}}, step{"div", []uint64{1, 0}}
	const memory, tables = "memory.grow was refused: the memories of an instance may have 131072 bytes", "table.grow was refused: the tables of an instance may have 5 elements"
	each(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			steps         []step
			detail, limit string // of the last step's trap
		}{
			"nothing was refused":     {[]step{abort}, "", ""},
			"memory":                  {[]step{grow, abort}, memory, "memory"},
			"tables":                  {[]step{table, abort}, tables, "tables"},
			"memory, another trap":    {[]step{grow, div}, AfterRefusal, ""},
			"memory, then less of it": {[]step{grow, less, abort}, memory, "memory"},
			"memory, much before":     {[]step{grow, {"count", []uint64{abortFuel + 10}}, abort}, AfterRefusal, ""},
			"memory, a little before": {[]step{grow, {"count", []uint64{1000}}, abort}, memory, "memory"},
			"the second trap":         {[]step{grow, abort, abort}, "", ""},
		} {
			i := w.must(w.group(Limits{Memory: 2 * pageSize, Tables: 5}), "basics")
			task := begin(i.group, 0)
			var err error
			for _, s := range c.steps {
				_, err = callIn(task, i, s.f, s.args...)
			}
			var trap *cm.Trap
			if !errors.As(err, &trap) || trap.Detail != c.detail || trap.Limit() != c.limit || trap.Blame() != cm.BlameGuest {
				t.Errorf("%s: %v, of limit %q", name, err, trap.Limit())
			}
			task.thread.End(false)
		}
		// Another task in the same instance has nothing to do with it.
		i := w.must(w.group(Limits{Memory: 2 * pageSize}), "basics")
		one := begin(i.group, 0)
		if got, err := callIn(one, i, "grow", 2); err != nil || got != 0xffffffff {
			t.Fatal(got, err)
		}
		one.thread.End(false)
		two := begin(i.group, 0)
		_, err := callIn(two, i, "unreachable")
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Detail != "" || trap.Err != nil {
			t.Errorf("another task: %v", err)
		}
		two.thread.End(false)
	})
}
