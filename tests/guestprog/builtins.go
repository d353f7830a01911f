package guestprog

import "fmt"

// EndBuilt is a built-in of a type of streams or futures: new, read, write, read-sync, write-sync, cancel-read, cancel-write,
// drop-readable or drop-writable. Its name is "OP:TYPE".
func EndBuilt(op string, typ byte) Built {
	future := typ == FutureU32
	code := map[string]byte{"new": 0x0e, "read": 0x0f, "write": 0x10, "read-sync": 0x0f, "write-sync": 0x10,
		"cancel-read": 0x11, "cancel-write": 0x12, "drop-readable": 0x13, "drop-writable": 0x14}[op]
	if future {
		code += 7
	}
	b := Built{Name: fmt.Sprintf("%s:%d", op, typ), Canon: []byte{code, typ}, Params: "i", Results: "i"}
	options := []byte{3, 0} // memory
	count := byte(1)
	switch op {
	case "new":
		b.Params, b.Results = "", "I"
		return b
	case "drop-readable", "drop-writable":
		b.Results = ""
		return b
	case "cancel-read", "cancel-write":
		b.Canon = append(b.Canon, 1)
		return b
	case "read", "write":
		options, count = append(options, 6), count+1
	}
	if typ == StreamString {
		options, count = append(options, 4, 0), count+1
	}
	b.Params = "iii"
	if future {
		b.Params = "ii"
	}
	b.Canon = append(append(b.Canon, count), options...)
	return b
}

// Ops are the built-ins of EndBuilt.
var Ops = []string{"new", "read", "write", "read-sync", "write-sync", "cancel-read", "cancel-write", "drop-readable", "drop-writable"}

// Plain are the other built-ins.
var Plain = []Built{
	{"set-new", []byte{0x1f}, "", "i"},
	{"wait", []byte{0x20, 0, 0}, "ii", "i"},
	{"poll", []byte{0x21, 0, 0}, "ii", "i"},
	{"set-drop", []byte{0x22}, "i", ""},
	{"join", []byte{0x23}, "ii", ""},
	{"ctx-get", []byte{0x0a, 0x7f, 0}, "", "i"},
	{"ctx-set", []byte{0x0b, 0x7f, 0}, "i", ""},
	{"part-get", []byte{0x0a, 0x7f, 1}, "", "i"}, // the other context slot
	{"part-set", []byte{0x0b, 0x7f, 1}, "i", ""},
	{"bp-inc", []byte{0x24}, "", ""},
	{"bp-dec", []byte{0x25}, "", ""},
	{"return", []byte{0x09, 0, 0x79, 0}, "i", ""},
	{"task-cancel", []byte{0x05}, "", ""},
	{"yield", []byte{0x0c, 0}, "", "i"},
	{"sub-cancel", []byte{0x06, 1}, "i", "i"},
	{"sub-cancel-sync", []byte{0x06, 0}, "i", "i"},
	{"sub-drop", []byte{0x0d}, "i", ""},
}

// All is every built-in.
func All() []Built {
	all := append([]Built(nil), Plain...)
	for typ := byte(0); typ <= FutureU32; typ++ {
		for _, op := range Ops {
			all = append(all, EndBuilt(op, typ))
		}
	}
	return all
}

// What the callee does with the argument that it is given.
const (
	Returns       = iota // at once
	Yields               // returns when its turn has come; if it is cancelled, it says so
	Waits                // for nothing that ever comes, until it is cancelled
	WorksOn              // returns, and yields once
	Ignores              // yields, ignores a cancellation, yields again and returns
	NeverReturns         // exits without a result
	Nonsense             // gives a callback code that there is not
	numBehaviours        // how many there are
)

// Callee is a component whose f does what its argument says. Its results are 100 more than that.
func Callee() *Guest {
	g := &Guest{Built: Plain}
	at := g.Index
	is := func(c Code, behaviour int32, then func(Code) Code) Code {
		return then(c.Get(0).I32(behaviour).Op(Eq, If, Void)).Op(End)
	}
	result := func(c Code, behaviour int32) Code { return c.I32(100 + behaviour).Call(at("return")) }
	exit := func(c Code) Code { return c.I32(0).Op(Return) }
	yield := func(c Code) Code { return c.I32(1).Op(Return) }
	code := Code{}.Get(0).Call(at("ctx-set"))
	code = is(code, Returns, func(c Code) Code { return exit(result(c, Returns)) })
	code = is(code, Waits, func(c Code) Code { return c.Call(at("set-new")).I32(4).Op(Shl).I32(2).Op(Or, Return) })
	code = is(code, WorksOn, func(c Code) Code { return yield(result(c, WorksOn)) })
	code = is(code, NeverReturns, exit)
	code = is(code, Nonsense, func(c Code) Code { return c.I32(9).Op(Return) })
	code = code.I32(1)
	cb := Code{}.Call(at("ctx-get")).Set(3)
	cb = cb.Get(3).I32(WorksOn).Op(Eq, If, Void)
	cb = exit(cb).Op(End)
	cb = cb.Get(0).I32(6).Op(Eq, If, Void).Get(3).I32(Ignores).Op(Eq, If, Void)
	cb = yield(cb).Op(End)
	cb = exit(cb.Call(at("task-cancel"))).Op(End)
	cb = cb.Get(3).I32(100).Op(Add).Call(at("return"))
	cb = cb.I32(0)
	g.Funcs = []Func{{Name: "f", Code: code, Callback: cb, Locals: 1}}
	return g
}
