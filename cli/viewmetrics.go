package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (p *process) metrics() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "metrics [QUERY…]",
		Short: "Print what a running viewer has of metrics",
		Long: `Asks a running viewer (vitrine up --view, vitrine view) for metrics, and prints the last value of each series; a histogram's are
the number of measurements and estimates of percentiles. With --follow it goes on with each value that comes; those that do
not change come once a minute.

A query is words, which must be in the metric's name, and qualifiers: service:shop @http.route:/cart since:1h; a minus before
one excludes, behind -- which ends the flags.`,
		Example: "  vitrine metrics http.server.request.duration\n  vitrine metrics --follow vitrine.traps service:shop",
	}
	s, f := p.options(cmd, []option{viewerOption}), &lineFlags{inOrder: true}
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with what comes")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line, as the viewer's API has it")
	cmd.Flags().UintVar(&f.last, "last", 1000, "how many series to print at most")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.printLines(cmd.Context(), s, f, "metrics", args, metricLine)
	}
	return cmd
}

// metricLine is a data point in a list: 10:21:03.123 [shop] http.server.request.duration{http.route="/cart"}  120 measured, p50 1.2ms, p99 9.8ms.
func metricLine(b []byte) (string, error) {
	var m struct {
		Time                      int64 `json:",string"`
		Service, Name, Unit, Kind string
		Attributes                map[string]string
		Value                     *float64
		Count                     int64
		P50, P90, P99             *float64
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return "", err
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		labels = append(labels, fmt.Sprintf("%s=%q", key, m.Attributes[key]))
	}
	set := ""
	if len(labels) > 0 {
		set = "{" + strings.Join(labels, ", ") + "}"
	}
	out := fmt.Sprintf("%s [%s] %s%s", clock(m.Time), m.Service, m.Name, set)
	if m.Kind != "histogram" {
		return out + "  " + amount(m.Value, m.Unit), nil
	}
	return fmt.Sprintf("%s  %d measured, p50 %s, p90 %s, p99 %s", out, m.Count, amount(m.P50, m.Unit), amount(m.P90, m.Unit), amount(m.P99, m.Unit)), nil
}

// amount is a value with its unit, as UCUM writes it.
func amount(v *float64, unit string) string {
	switch {
	case v == nil:
		return "-"
	case unit == "s":
		return brief(int64(*v * float64(time.Second)))
	case strings.HasPrefix(unit, "{"), unit == "", unit == "1":
		return strconv.FormatFloat(*v, 'g', 6, 64)
	}
	return strconv.FormatFloat(*v, 'g', 6, 64) + " " + unit
}
