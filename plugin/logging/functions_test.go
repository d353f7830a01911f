package logging_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/plugin/logging"
	"github.com/vitrine-wasm/vitrine/tests/functions"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/workload"
)

// lines keeps what was logged.
type lines []string

func (l *lines) Log(_ context.Context, line host.LogLine) {
	*l = append(*l, fmt.Sprint(int(line.Severity), " ", line.Context, " ", line.Text))
}

func table(test func(*functions.Guest)) *functions.Table {
	return &functions.Table{
		Plugin: "plugin/logging", Title: "The function of logging and its test", On: "with every level",
		Served: []functions.Served{{Of: surface.Logging, Reference: "wasi-logging@0.1.0-draft", Test: test}},
	}
}

// TestFunctions calls the function through the boundary of a component, with every level, and compares what was seen with FUNCTIONS.md.
func TestFunctions(t *testing.T) {
	var had lines
	tb := table(func(g *functions.Guest) {
		for _, level := range []string{"trace", "debug", "info", "warn", "error", "critical"} {
			g.Call("ok", "logging#log", level, "db", "said "+level+"\n")
		}
		g.Call("ok", "logging#log", "info", "", "\u00e4")
	})
	tb.Run(t, "", functions.Engine(t), functions.Plugin(logging.Plugin{}, workload.Component{}, &had))
	want := lines{"1 db said trace", "5 db said debug", "9 db said info", "13 db said warn", "17 db said error", "21 db said critical", "9  \u00e4"}
	if !slices.Equal(had, want) {
		t.Errorf("logged %q, wanted %q", had, want)
	}
	tb.Compare(t, nil)
}

// TestReference compares what the plugin serves with the WIT of record, both ways: names, and the function's signature.
func TestReference(t *testing.T) { table(nil).Reference(t, logging.Plugin{}.Serves()) }
