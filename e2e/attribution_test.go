package e2e

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/attribution"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestAttribution: 16 requests at once in one instance, each with random waits, calls of the host, log lines and, as far as the guest can, an
// outgoing request: each span, line and outgoing header is in the trace of its own request, has its parent there, and none is
// missing; also where some requests trap, clients leave, or deadlines pass. VITRINE_ATTRIBUTION is how many requests a case sends in place of 160.
func TestAttribution(t *testing.T) {
	total := 160
	if s := os.Getenv("VITRINE_ATTRIBUTION"); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, guest := range attribution.Guests {
		for name, c := range map[string]attribution.Config{
			"calm": {}, "traps": {Traps: 100}, "leaves": {Leaves: 20}, "deadlines": {Lates: 80}, "all": {Traps: 100, Leaves: 20, Lates: 80},
		} {
			t.Run(guest+"/"+name, func(t *testing.T) {
				b, err := attribution.NewBench()
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				c.Guest, c.Total = guest, total
				load := b.NewLoad(c)
				t.Run("load", func(t *testing.T) { // the server's end exports the rest
					load.Run(context.Background(), up(t, attributionEnv(b), attributionFlags(t, guest, c)...).base)
				})
				r := load.Result()
				t.Log(r)
				if !r.Holds() || c.Traps == 0 && r.Instances != 1 {
					t.Error("what requests caused was not kept apart")
				}
				if name == "deadlines" && r.Late == 0 {
					t.Error("no request was late")
				}
			})
		}
	}
}

func attributionEnv(b *attribution.Bench) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + b.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_MAX_QUEUE_SIZE=262144",
		"OTEL_BLRP_MAX_QUEUE_SIZE=262144", "OTEL_BSP_SCHEDULE_DELAY=500", "OTEL_BLRP_SCHEDULE_DELAY=500"}
}

func attributionFlags(t *testing.T, guest string, c attribution.Config) []string {
	deadline := "1m"
	if c.Lates > 0 {
		deadline = "4s"
	}
	return []string{"--allow-http", "*", "--isolation", "reuse", "--max-instances", "1", "--max-uses", "1000000000", "--deadline", deadline, "--log-level", "error", "--detail", "all",
		"--output-lines-per-second", "1000000", "--output-bytes-per-second", "1Gi", testref.File(t, guest)}
}
