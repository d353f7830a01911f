package clocks_test

import (
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/wasi/clocks"
)

// Times are as WASI has them: seconds and nanoseconds since 1970, and zones with their offset.
func Example() {
	d := clocks.FromTime(time.Date(2026, 7, 1, 12, 0, 0, 500, time.UTC))
	fmt.Println(d.Seconds, d.Nanoseconds)
	zone := clocks.ZoneAt(time.FixedZone("CEST", 2*60*60), d)
	fmt.Println(zone.Name, zone.Offset)
	monotonic := clocks.NewMonotonic()
	earlier := monotonic.Now()
	fmt.Println(earlier <= monotonic.Now())
	// Output:
	// 1782907200 500
	// CEST 7200
	// true
}
