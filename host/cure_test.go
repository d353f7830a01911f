package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestCures: a failure that a limit or the host is to blame for says what an operator can do; one of the guest's own, a stop and a client that has
// gone do not.
func TestCures(t *testing.T) {
	budget := &cm.LimitError{Limit: cm.LimitBudget, Detail: "no room"}
	for _, c := range []struct {
		err  error
		want string // "" is no cure
	}{
		{&cm.Trap{Code: cm.TrapDeadline}, "give it more time with --deadline or limits.deadline"},
		{&cm.Trap{Code: cm.TrapFuel}, "let it do more work with --fuel or limits.fuel"},
		{&cm.Trap{Code: cm.TrapMemory}, "give it more memory with --memory or limits.memory"},
		{&cm.Trap{Code: cm.TrapMemory, Err: &cm.LimitError{Limit: "tables"}}, "let its tables be larger with --tables or limits.tables"},
		{&cm.Trap{Code: cm.TrapStackOverflow}, "give its calls more stack with --stack or limits.stack, if they do not recurse without end"},
		{&cm.Trap{Code: cm.TrapDepth}, "--call-depth or limits.callDepth"},
		{&cm.Trap{Code: cm.TrapHandlesFull}, "--handles or limits.handles"},
		{&cm.Trap{Code: cm.TrapHostMemory}, "--host-memory or limits.hostMemory"},
		{&cm.Trap{Code: cm.TrapHeaders}, "--headers or limits.headers"},
		{&cm.Trap{Code: cm.TrapBody}, "--body or limits.body"},
		{&cm.Trap{Code: cm.TrapOverload}, "--max-instances and --queue or instances.max and instances.queue"},
		{&cm.Trap{Code: cm.TrapOverload, Err: budget}, "--memory-budget, or let fewer run at once with --max-instances"},
		{noServiceTrap("service s is restarting"), "what the log says of the service"},
		{&cm.Trap{Code: cm.TrapPanic}, "please report this"},
		{&cm.Trap{Code: cm.TrapBug}, "please report this"},
		{&cm.Trap{Code: cm.TrapUnreachable}, ""},
		{&cm.Trap{Code: cm.TrapUnreachable, Err: &cm.LimitError{Limit: "memory"}}, "give it more memory with --memory or limits.memory"},
		{&cm.AnswerError{Reason: "no-response"}, ""},
		{&cm.Trap{Code: cm.TrapCancel}, ""},
		{cm.Trapf(cm.TrapOverload, "%w: takes no more", cm.ErrStopping), ""},
		{errors.New("x"), ""},
	} {
		line := failure(&Invocation{Trigger: "http", Name: "/"}, c.err)
		if before, do, ok := strings.Cut(line, "; "); ok != (c.want != "") || !strings.Contains(do, c.want) || before != "http /: "+c.err.Error() {
			t.Errorf("%v: %q, wanted %q", c.err, line, c.want)
		}
		if (Cure(c.err) == "") != (c.want == "") {
			t.Errorf("%v: %q", c.err, Cure(c.err))
		}
	}
	long := &cm.Trap{Code: cm.TrapDeadline, Detail: strings.Repeat("x", 1<<20)}
	if line := failure(&Invocation{}, long); len(line) > maxFailure+8 || !strings.HasSuffix(line, "limits.deadline") {
		t.Errorf("%d bytes, ending in %q", len(line), line[len(line)-40:])
	}
}
