package host

import (
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
)

// cure is what an operator can do about a failure: in words that end with flags of the command line, the manifest's keys for the same, and
// what else may be the reason.
type cure struct{ do, keys, unless string }

// cures are those of traps, by their codes. Other traps are faults of the guest, which the trap's message and stack tell of.
var cures = map[cm.TrapCode]cure{
	cm.TrapDeadline:      {"give it more time with --deadline", "limits.deadline", ""},
	cm.TrapMemory:        {"give it more memory with --memory", "limits.memory", ""},
	cm.TrapStackOverflow: {"give its calls more stack with --stack", "limits.stack", ", if they do not recurse without end"},
	cm.TrapFuel:          {"let it do more work with --fuel", "limits.fuel", ""},
	cm.TrapDepth:         {"allow more nested calls with --call-depth", "limits.callDepth", ""},
	cm.TrapHostMemory:    {"let the host hold more for it with --host-memory", "limits.hostMemory", ", if it does not leak resources or recurse without end"},
	cm.TrapHandlesFull:   {"let it hold more resources with --handles", "limits.handles", ", if it does not leak them"},
	cm.TrapHeaders:       {"let headers be larger with --headers", "limits.headers", ""},
	cm.TrapBody:          {"let bodies be larger with --body", "limits.body", ""},
	cm.TrapOverload:      {"let more of them run or wait with --max-instances and --queue", "instances.max and instances.queue", ""},
	cm.TrapPanic:         {"please report this, with what the log says of it", "", ", if the host function is one of vitrine's own"},
	cm.TrapBug:           {"please report this: it is a fault of vitrine", "", ""},
}

// limitCures are those of limits that a trap names and that its code does not tell apart, by [cm.Trap.Limit].
var limitCures = map[string]cure{
	"memory":       cures[cm.TrapMemory],
	"tables":       {"let its tables be larger with --tables", "limits.tables", ""},
	cm.LimitBudget: {"give all components together more memory with --memory-budget", "", ", or let fewer run at once with --max-instances"},
}

// errNoService is the cause of traps of calls of a service that cannot take them.
var errNoService = errors.New("the service cannot be called")

func noServiceTrap(format string, args ...any) *cm.Trap {
	t := cm.Trapf(cm.TrapOverload, format, args...)
	t.Err = errNoService
	return t
}

// noService is the cure of such a trap.
var noService = cure{"see what the log says of the service, and how spec.services has it restarted", "", ""}

// cureOf finds the cure of a failure.
func cureOf(err error) cure {
	var trap *cm.Trap
	switch {
	case !errors.As(err, &trap) || errors.Is(err, cm.ErrStopping):
		return cure{}
	case errors.Is(err, errNoService):
		return noService
	}
	if c, ok := limitCures[trap.Limit()]; ok {
		return c
	}
	return cures[trap.Code]
}

// Cure says what an operator can do about a failed invocation: the flag of the command line with which the guest gets more of what it has
// used up, for one. It is empty where only the component can be corrected, and where nothing is wrong: the host stops, a client has gone.
func Cure(err error) string {
	c := cureOf(err)
	return c.do + c.unless
}

// inFull is the cure with the manifest's keys.
func (c cure) inFull() string {
	if c.keys != "" {
		return c.do + " or " + c.keys + c.unless
	}
	return c.do + c.unless
}
