package timer

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/workload"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCron: the times of an expression in its zone, across the days on which clocks change.
func TestCron(t *testing.T) {
	for _, c := range []struct{ name, cron, zone, after, want string }{
		{"UTC", "30 4 * * *", "", "2026-03-28T23:00:00Z", "2026-03-29T04:30:00Z 2026-03-30T04:30:00Z"},
		{"names", "0 9 * jan mon-fri", "", "2026-01-02T10:00:00Z", "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z"},
		{"Sunday is 0 and 7", "0 0 * * 0,7", "", "2026-01-02T10:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
		{"steps and lists", "1-9/4,30 12 * * *", "", "2026-01-02T12:02:00Z", "2026-01-02T12:05:00Z 2026-01-02T12:09:00Z 2026-01-02T12:30:00Z 2026-01-03T12:01:00Z"},
		{"either day", "0 0 13 * fri", "", "2026-03-31T00:00:00Z", "2026-04-03T00:00:00Z 2026-04-10T00:00:00Z 2026-04-13T00:00:00Z"},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"leap day that a century leaves out", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"a tick itself is past", "0 * * * *", "", "2026-01-01T05:00:00Z", "2026-01-01T06:00:00Z"},
		{"zone", "30 4 * * *", "Asia/Kolkata", "2026-03-28T00:00:00Z", "2026-03-28T23:00:00Z"},
		{"skipped hour", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z 2026-03-30T00:30:00Z"},
		{"hour that comes twice", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
		{"every half hour of it", "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z 2026-10-25T02:00:00Z"},
		{"hours by number", "0,30 1,2 * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z 2026-10-26T00:00:00Z"},
		{"half an hour back", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-04T14:45:00Z 2026-04-05T15:15:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _, err := parseCron(c.cron, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			last := at(t, c.after)
			for _, want := range strings.Fields(c.want) {
				if last = e.next(last); !last.Equal(at(t, want)) {
					t.Fatalf("%s, want %s", last.UTC().Format(time.RFC3339), want)
				}
			}
		})
	}
}

// TestMistakes: each mistake in a schedule is found, at its key, with the field of an expression that has it.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name      string
		s         Schedule
		key, want string
	}{
		{"neither", Schedule{}, "", "want every or cron, had neither"},
		{"both", Schedule{Every: time.Second, Cron: "* * * * *"}, "", "had both"},
		{"too often", Schedule{Every: time.Microsecond}, "every", "1µs: want 1ms or more"},
		{"backwards", Schedule{Every: -time.Second}, "every", "want 1ms or more"},
		{"zone of an interval", Schedule{Every: time.Second, Zone: "UTC"}, "zone", "for cron only"},
		{"unknown zone", Schedule{Cron: "* * * * *", Zone: "Mars/Olympus"}, "zone", "want the name of a time zone"},
		{"zone of this machine", Schedule{Cron: "* * * * *", Zone: "Local"}, "zone", "want the name of a time zone"},
		{"a path for the zone", Schedule{Cron: "* * * * *", Zone: "../../etc/passwd"}, "zone", "want the name of a time zone"},
		{"blank", Schedule{Cron: " "}, "cron", "has 0 fields; want 5"},
		{"four fields", Schedule{Cron: "* * * *"}, "cron", "has 4 fields; want 5"},
		{"seconds", Schedule{Cron: "0 * * * * *"}, "cron", "has 6 fields; want 5"},
		{"a descriptor", Schedule{Cron: "@daily"}, "cron", "has 1 fields; want 5"},
		{"a zone in it", Schedule{Cron: "TZ=UTC * * * *"}, "cron", "field 1 of"},
		{"a zone in its midst", Schedule{Cron: "* TZ=UTC * * *"}, "cron", "field 2 of"},
		{"minute", Schedule{Cron: "60 * * * *"}, "cron", `field 1 of "60 * * * *", the minute: `},
		{"hour", Schedule{Cron: "0 24 * * *"}, "cron", "field 2 of"},
		{"day", Schedule{Cron: "0 0 0 * *"}, "cron", "field 3 of"},
		{"month", Schedule{Cron: "0 0 1 foo *"}, "cron", "field 4 of"},
		{"day of the week", Schedule{Cron: "0 0 * * 8"}, "cron", "field 5 of"},
		{"no step", Schedule{Cron: "*/0 * * * *"}, "cron", "field 1 of"},
		{"long step", Schedule{Cron: "*/70 * * * *"}, "cron", "field 1 of"},
		{"empty in a list", Schedule{Cron: "1,,2 * * * *"}, "cron", "field 1 of"},
		{"a comma at the end", Schedule{Cron: "* 1, * * *"}, "cron", "field 2 of"},
		{"huge", Schedule{Cron: "99999999999999999999 * * * *"}, "cron", "field 1 of"},
		{"negative", Schedule{Cron: "-1 * * * *"}, "cron", "field 1 of"},
		{"never", Schedule{Cron: "0 0 30 2 *"}, "cron", "never comes"},
		{"long", Schedule{Cron: strings.Repeat("1,", 1000) + "1 * * * *"}, "cron", "want 1000 at most"},
		{"queue", Schedule{Every: time.Second, Queue: -1}, "queue", "want 0 or more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Type().Check([]workload.TriggerSpec{{Config: Schedule{Every: time.Second}}, {Config: c.s}})
			if len(found) != 1 || found[0].Trigger != 1 || found[0].Key != c.key || !strings.Contains(found[0].Problem, c.want) {
				t.Errorf("%+v, want %s: %s", found, c.key, c.want)
			}
		})
	}
}

// TestDue: ticks that have come at once are counted, and the newest of them are kept, however many they are.
func TestDue(t *testing.T) {
	from := at(t, "2026-01-01T00:00:00Z")
	cron, _, err := parseCron("* * * * *", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		t      ticks
		after  time.Duration
		most   int
		n      int
		newest []time.Duration
		latest time.Duration
	}{
		{"none", interval(time.Minute), time.Minute - 1, 3, 0, nil, 0},
		{"one", interval(time.Minute), time.Minute, 3, 1, []time.Duration{time.Minute}, time.Minute},
		{"some", interval(time.Minute), 150 * time.Second, 3, 2, []time.Duration{time.Minute, 2 * time.Minute}, 2 * time.Minute},
		{"more than are kept", interval(time.Minute), 5 * time.Minute, 2, 5, []time.Duration{4 * time.Minute, 5 * time.Minute}, 5 * time.Minute},
		{"none is kept", interval(time.Minute), 5*time.Minute + 1, 0, 5, nil, 5 * time.Minute},
		{"a century", interval(time.Millisecond), 100 * 365 * 24 * time.Hour, 1, 100 * 365 * 24 * 3600 * 1000, []time.Duration{100 * 365 * 24 * time.Hour}, 100 * 365 * 24 * time.Hour},
		{"cron", cron, 3*time.Minute + 1, 1, 3, []time.Duration{3 * time.Minute}, 3 * time.Minute},
		{"cron, none is kept", cron, time.Hour, 0, 60, nil, time.Hour},
		{"cron, too many", cron, 100 * 365 * 24 * time.Hour, 0, maxTicks, nil, 100 * 365 * 24 * time.Hour},
		{"the clock was set back", cron, -time.Hour, 1, 0, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, newest, latest := due(c.t, from, from.Add(c.after), c.most)
			if n != c.n || len(newest) != len(c.newest) || !latest.Equal(from.Add(c.latest)) {
				t.Fatalf("%d ticks, kept %v, the last %s", n, newest, latest)
			}
			for i, at := range newest {
				if !at.Equal(from.Add(c.newest[i])) {
					t.Errorf("kept %s", at)
				}
			}
		})
	}
}

// FuzzCron: no text panics or takes long; what is accepted has a tick after each tick.
func FuzzCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "*/5 1-3,7 1 jan mon", "0 0 30 2 *", "TZ=UTC * * * *", "1,, 2 3 4 5", "@daily", "? ? ? ? ?", "0 0 29 2 1"} {
		f.Add(s, "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, text, zone string) {
		e, _, err := parseCron(text, zone)
		if err != nil {
			return
		}
		last := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 3 {
			next := e.next(last)
			if !next.After(last) {
				t.Fatalf("%q in %q: %s comes after %s", text, zone, next, last)
			}
			last = next
		}
	})
}
