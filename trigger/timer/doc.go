// Package timer calls components at the times that a workload names: at an interval or by a cron expression.
//
// Each time that comes due, a tick, is one run: an invocation that calls wasi:cli/run, of WASI 0.3 or 0.2, or a function that the
// schedule names, with its own instance, limits and event. Ticks are counted from a fixed time, so that a run that takes long does not move the ticks after it.
//
// Runs of one timer do not overlap. Ticks that come while a run is under way are missed, but for the last Schedule.Queue of them, which run
// after it, the oldest first. The event of the next run says how many were missed (host.TimerSubject), and the log does so once, until a
// run has missed none. A run that fails is an event that failed, and nothing else: the next tick comes as if it had succeeded.
//
// Intervals are measured by the monotonic clock: the first tick comes one interval after the trigger runs. Cron expressions are read by the
// wall clock in the schedule's zone. A time that the zone's clock skips comes as much later as the clock skips; a time that comes twice, as
// the clock is set back, comes once, unless the expression is for every hour. If the wall clock is set forward, or the machine has slept, what
// lies between is missed but for the last tick; if it is set back, no time comes twice.
package timer
