package timer

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a zone is known, and the same, on every machine

	"github.com/netresearch/go-cron"
)

// ticks are the times at which a timer is due.
type ticks interface {
	// now is the time by the clock that the ticks are on.
	now() time.Time
	// next is the first tick after a time, which is a tick or the timer's start; zero: there is none.
	next(after time.Time) time.Time
	// wait is how long to sleep at most before it is asked again whether a tick is due.
	wait(d time.Duration) time.Duration
}

// interval is a tick each so often, by the monotonic clock.
type interval time.Duration

func (interval) now() time.Time                     { return time.Now() }
func (i interval) next(after time.Time) time.Time   { return after.Add(time.Duration(i)) }
func (interval) wait(d time.Duration) time.Duration { return d }

// fields are those of an expression, in their order.
var fields = [...]string{"minute", "hour", "day of the month", "month", "day of the week"}

// parser reads expressions as crontab(5) has them: where day of the month and day of the week are both restricted, either will do.
var parser = cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom).WithMaxSearchYears(10) // February 29 may be eight years away

// maxCron bounds an expression, in bytes.
const maxCron = 1000

// expression is a cron expression in a zone, by the wall clock.
type expression struct {
	schedule cron.Schedule
	zone     *time.Location
	hourly   bool // its hour is *: every hour, also one that the clock has twice
}

// parseCron reads an expression. key is where a mistake is: cron or zone.
func parseCron(text, zone string) (_ ticks, key string, _ error) {
	e := expression{zone: time.UTC}
	if zone != "" {
		var err error
		if e.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
			return nil, "zone", fmt.Errorf("%q: want the name of a time zone, such as Europe/Berlin or UTC", cut(zone))
		}
	}
	parts := strings.Fields(text)
	switch {
	case len(text) > maxCron:
		return nil, "cron", fmt.Errorf("the expression has %d bytes; want %d at most", len(text), maxCron)
	case len(parts) != len(fields):
		return nil, "cron", fmt.Errorf("%q has %d fields; want 5: minute, hour, day of the month, month, day of the week, as in \"30 4 * * mon-fri\"", cut(text), len(parts))
	}
	for i, part := range parts {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = part
		_, err := parser.Parse(strings.Join(alone, " "))
		if err == nil && (strings.HasPrefix(part, ",") || strings.HasSuffix(part, ",") || strings.Contains(part, ",,")) {
			err = fmt.Errorf("there is nothing beside a comma")
		}
		if err == nil && strings.Contains(part, "=") {
			err = fmt.Errorf("the zone has a key of its own")
		}
		if err != nil {
			return nil, "cron", fmt.Errorf("field %d of %q, the %s: %w", i+1, cut(text), fields[i], err)
		}
	}
	var err error
	if e.schedule, err = parser.Parse(strings.Join(parts, " ")); err != nil {
		return nil, "cron", fmt.Errorf("%q: %w", cut(text), err)
	}
	e.hourly = strings.HasPrefix(parts[1], "*")
	if e.next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, "cron", fmt.Errorf("%q: that day never comes", cut(text))
	}
	return &e, "", nil
}

func cut(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// recheck bounds a sleep: the wall clock may be set meanwhile.
const recheck = 30 * time.Second

func (e *expression) now() time.Time                   { return time.Now().Round(0).In(e.zone) }
func (*expression) wait(d time.Duration) time.Duration { return min(d, recheck) }

func (e *expression) next(after time.Time) time.Time {
	t := e.schedule.Next(after.In(e.zone))
	for !e.hourly && !t.IsZero() && again(t) {
		t = e.schedule.Next(t)
	}
	return t
}

// again says whether the zone's clock has shown t's time before, and was set back since.
func again(t time.Time) bool {
	_, now := t.Zone()
	_, before := t.Add(-3 * time.Hour).Zone()
	if before <= now {
		return false
	}
	earlier := t.Add(-time.Duration(before-now) * time.Second)
	return earlier.Hour() == t.Hour() && earlier.Minute() == t.Minute()
}

// maxTicks bounds how many ticks of an expression are counted that have come due at once.
const maxTicks = 100_000

// due returns the ticks after last and until now: how many there are, the newest of them, most at most, and the last.
func due(t ticks, last, now time.Time, most int) (n int, newest []time.Time, latest time.Time) {
	latest = last
	if i, ok := t.(interval); ok { // the machine may have stood still for years
		if skip := now.Sub(last)/time.Duration(i) - time.Duration(most); skip > 0 {
			n, latest = int(skip), last.Add(skip*time.Duration(i))
		}
	}
	for range maxTicks {
		next := t.next(latest)
		if next.IsZero() || next.After(now) {
			return n, newest, latest
		}
		n++
		latest = next
		if newest = append(newest, next); len(newest) > most {
			newest = newest[1:]
		}
	}
	return n, newest, now
}
