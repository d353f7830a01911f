package component_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// hostileCase is one thing that a guest tries, by name.
type hostileCase struct {
	name, file, fn string
	mode           uint32 // of testdata/hostile/hostile's realloc
	args           []cm.Val
	opts           []component.StoreOption
	within         time.Duration // its deadline; 0: none
	code           cm.TrapCode   // empty: the guest is told, and goes on
}

func fuel(n uint64) []component.StoreOption {
	return []component.StoreOption{component.WithFuel(n)}
}

func str(s string) []cm.Val { return []cm.Val{cm.StringVal(s)} }

func how(n uint32) []cm.Val { return []cm.Val{cm.U32Val(n)} }

var hostileCases = []hostileCase{
	{name: "loop, until its fuel is used up", file: "hostile", fn: "spin", opts: fuel(100_000), code: cm.TrapFuel},
	{name: "loop, until its deadline", file: "hostile", fn: "spin", within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "loop of host calls, fuel", file: "hostile", fn: "back-forever", opts: fuel(100_000), code: cm.TrapFuel},
	{name: "loop of host calls, deadline", file: "hostile", fn: "back-forever", within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "loop in start, fuel", file: "start", opts: fuel(100_000), code: cm.TrapFuel},
	{name: "loop in start, deadline", file: "start", within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "trap in start", file: "stops", code: cm.TrapUnreachable},
	{name: "recursion", file: "hostile", fn: "recurse", code: cm.TrapStackOverflow},
	{name: "mutual recursion, through a table", file: "hostile", fn: "mutual", code: cm.TrapStackOverflow},
	{name: "guest→guest calls too deep", file: "chain", fn: "f", opts: []component.StoreOption{component.WithCallDepth(4)}, code: cm.TrapDepth},
	{name: "memory.grow to the cap", file: "hostile", fn: "fill", opts: []component.StoreOption{component.WithMemory(64 << 20)}},
	{name: "memory of 4 GiB from the start", file: "huge", opts: []component.StoreOption{component.WithMemory(1 << 30)}, code: cm.TrapMemory},
	{name: "data beyond memory", file: "beyond", code: cm.TrapOutOfBounds},
	{name: "all memory filled again and again", file: "later", fn: "fill-all", opts: append(fuel(1_000_000), component.WithMemory(64<<20)), code: cm.TrapFuel},
	{name: "table.grow to the cap", file: "hostile", fn: "fill-table", opts: []component.StoreOption{component.WithTables(100_000)}},
	{name: "starts with more memory", file: "greedy", opts: []component.StoreOption{component.WithMemory(1 << 20)}, code: cm.TrapMemory},
	{name: "starts with more table", file: "greedy", opts: []component.StoreOption{component.WithTables(1000)}, code: cm.TrapMemory},
	{name: "unreachable", file: "hostile", fn: "unreachable", code: cm.TrapUnreachable},
	{name: "load out of bounds", file: "hostile", fn: "oob", code: cm.TrapOutOfBounds},
	{name: "division by zero", file: "hostile", fn: "divzero", code: cm.TrapDivideByZero},

	{name: "realloc: out of range", file: "hostile", fn: "take", mode: 1, args: str("abc"), code: cm.TrapBadRealloc},
	{name: "realloc: one byte too far", file: "hostile", fn: "take", mode: 9, args: str("abc"), code: cm.TrapBadRealloc},
	{name: "realloc: unaligned", file: "hostile", fn: "take-wide", mode: 2, args: []cm.Val{cm.ListVal([]cm.Val{cm.U64Val(1)})}, code: cm.TrapUnaligned},
	{name: "realloc: overlapping", file: "hostile", fn: "take-two", mode: 4, args: append(str("a"), str("b")...)},
	{name: "realloc: reentrant, calls an import", file: "hostile", fn: "take", mode: 3, args: str("abc"), code: cm.TrapCannotLeave},
	{name: "realloc: grows memory each time", file: "hostile", fn: "take-two", mode: 5, args: append(str("a"), str("b")...)},
	{name: "realloc: never returns, fuel", file: "hostile", fn: "take", mode: 6, args: str("abc"), opts: fuel(100_000), code: cm.TrapFuel},
	{name: "realloc: never returns, deadline", file: "hostile", fn: "take", mode: 6, args: str("abc"), within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "realloc: unreachable", file: "hostile", fn: "take", mode: 7, args: str("abc"), code: cm.TrapUnreachable},
	{name: "realloc: recursion", file: "hostile", fn: "take", mode: 8, args: str("abc"), code: cm.TrapStackOverflow},

	{name: "string: length of 2³²-1", file: "hostile", fn: "long", code: cm.TrapTooLong},
	{name: "string: broken UTF-8", file: "hostile", fn: "broken", code: cm.TrapBadString},
	{name: "string: lone surrogate in UTF-16", file: "hostile", fn: "surrogate", code: cm.TrapBadString},
	{name: "string: UTF-16 at an odd place", file: "hostile", fn: "odd", code: cm.TrapUnaligned},
	{name: "string: tag of UTF-16 on a length that lies", file: "hostile", fn: "tagged", code: cm.TrapBadPointer},
	{name: "string: its pointer pair unaligned", file: "hostile", fn: "unaligned", code: cm.TrapUnaligned},
	{name: "list: 2²⁸-1 elements beyond memory", file: "hostile", fn: "endless", code: cm.TrapTooLong},
	{name: "list: 4000 strings that are one", file: "hostile", fn: "aliases", opts: []component.StoreOption{component.WithMemory(1 << 20)}, code: cm.TrapHostMemory},
	{name: "char that is none", file: "hostile", fn: "not-a-char", code: cm.TrapBadChar},
	{name: "enum case that is none", file: "hostile", fn: "no-case", code: cm.TrapBadDiscrim},

	{name: "post-return: trap", file: "hostile", fn: "bad-post", code: cm.TrapUnreachable},
	{name: "post-return: calls an import", file: "later", fn: "post-back", code: cm.TrapCannotLeave},
	{name: "post-return: loop, fuel", file: "later", fn: "post-spin", opts: fuel(100_000), code: cm.TrapFuel},
	{name: "post-return: loop, deadline", file: "later", fn: "post-spin", within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "post-return: memory to the cap", file: "later", fn: "post-grow", opts: []component.StoreOption{component.WithMemory(16 << 20)}},
	{name: "destructor: loop, fuel", file: "later", fn: "die", args: how(1), opts: fuel(100_000), code: cm.TrapFuel},
	{name: "destructor: loop, deadline", file: "later", fn: "die", args: how(1), within: 20 * time.Millisecond, code: cm.TrapDeadline},
	{name: "destructor: trap", file: "later", fn: "die", args: how(2), code: cm.TrapUnreachable},
	{name: "destructor: recursion", file: "later", fn: "die", args: how(3), code: cm.TrapStackOverflow},
	{name: "destructor: calls an import", file: "later", fn: "die", args: how(4)},

	{name: "handle: dropped", file: "handles", fn: "dropped", code: cm.TrapBadHandle},
	{name: "handle: dropped twice", file: "handles", fn: "dropped-twice", code: cm.TrapBadHandle},
	{name: "handle: given away", file: "handles", fn: "taken", code: cm.TrapBadHandle},
	{name: "handle: lent, and dropped during its own borrow", file: "handles", fn: "lent", code: cm.TrapLent},
	{name: "handle: never was", file: "handles", fn: "never-was", code: cm.TrapBadHandle},
	{name: "handle: zero", file: "handles", fn: "zero", code: cm.TrapBadHandle},
	{name: "handle: negative", file: "handles", fn: "negative", code: cm.TrapBadHandle},
	{name: "handle: twice in a list", file: "handles", fn: "twice-in-a-list", code: cm.TrapBadHandle},
	{name: "handle: of another type", file: "handles", fn: "other-type", code: cm.TrapHandleType},
	{name: "handles to the cap", file: "handles", fn: "leak", opts: []component.StoreOption{component.WithHandles(500)}, code: cm.TrapHandlesFull},
	{name: "handles to the cap, many at a time", file: "handles", fn: "many", opts: []component.StoreOption{component.WithHandles(500)}, code: cm.TrapHandlesFull},
	{name: "handles to what the host holds", file: "handles", fn: "leak", opts: []component.StoreOption{component.WithHostMemory(1 << 20)}, code: cm.TrapHostMemory},
	{name: "handles to what the host holds, many at a time", file: "handles", fn: "many", opts: []component.StoreOption{component.WithHostMemory(1 << 20)}, code: cm.TrapHostMemory},
}

// try runs a case in an instance of its own, uses the instance after a trap, and closes it.
func (c *hostileCase) try(t *testing.T, linked *component.Linked) error {
	t.Helper()
	ctx := context.Background()
	if c.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.within)
		defer cancel()
	}
	if c.fn == "" {
		inst, err := linked.Instantiate(ctx, c.opts...)
		if inst != nil {
			t.Errorf("%s: there is an instance", c.name)
			return errors.Join(err, inst.Close(context.Background()))
		}
		return err
	}
	inst, err := linked.Instantiate(context.Background(), c.opts...)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	if c.mode != 0 {
		mustCall(t, inst, root, "set-mode", cm.U32Val(c.mode))
	}
	f, err := inst.Func(root, c.fn)
	if err != nil {
		t.Fatal(err)
	}
	_, got := f.Call(ctx, c.args...)
	if got != nil {
		_, err = f.Call(context.Background(), c.args...)
		wantTrap(t, err, cm.TrapDead)
	}
	if err := inst.Close(context.Background()); err != nil {
		t.Errorf("%s: close: %v", c.name, err)
	}
	return got
}

// TestHostile is the table of what guests have tried, and what they got. A neighbour in the same engine answers all the
// while; when all is over, memory, mappings, goroutines and files are what they were after the first round. With -v it
// prints the table.
func TestHostile(t *testing.T) {
	e := engine(t)
	answers := neighbour(t, e)
	linked := map[string]*component.Linked{}
	for _, c := range hostileCases {
		if linked[c.file] == nil {
			l, _ := thingsLinker(e)
			l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil })
			linked[c.file] = hostileFile(t, e, l, c.file)
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	round := func(print bool) {
		for _, c := range hostileCases {
			err := c.try(t, linked[c.file])
			var trap *cm.Trap
			switch {
			case c.code == "" && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.code != "" && (!errors.As(err, &trap) || trap.Code != c.code):
				t.Errorf("%s: had %v, wanted a trap %s", c.name, err, c.code)
			}
			answers()
			if print {
				got := "goes on, within its limit"
				if trap != nil {
					got = fmt.Sprintf("%s (%s)\t%.100s", trap.Code, trap.Blame(), trap.Detail)
				}
				fmt.Fprintf(w, "%s\t%s\n", c.name, got)
			}
		}
	}
	round(true)
	_ = w.Flush()
	heap, mapped, running, open := used(), mappings(t), runtime.NumGoroutine(), descriptors()
	round(false)
	t.Logf("%d cases:\n%s", len(hostileCases), table.String())
	t.Logf("after one round and after two: heap %d and %d bytes, mappings %d and %d, goroutines %d and %d, files %d and %d",
		heap, used(), mapped, mappings(t), running, runtime.NumGoroutine(), open, descriptors())
	if now := used(); now > heap+8<<20 {
		t.Errorf("the heap went from %d to %d bytes", heap, now)
	}
	if now := mappings(t); now > mapped+len(hostileCases)/3 { // Go's heap takes some, too
		t.Errorf("the process went from %d to %d mappings", mapped, now)
	}
	if now := runtime.NumGoroutine(); now > running+2 {
		t.Errorf("the process went from %d to %d goroutines", running, now)
	}
	if now := descriptors(); now > open+2 {
		t.Errorf("the process went from %d to %d open files", open, now)
	}
}

// descriptors counts the files that the process has open; 0 where that cannot be told.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
