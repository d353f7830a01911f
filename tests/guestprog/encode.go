package guestprog

import "encoding/binary"

// Code is the body of a core function.
type Code []byte

// I32 pushes a number.
func (c Code) I32(v int32) Code { return append(append(c, 0x41), sleb(int64(v))...) }

// Call calls a core function.
func (c Code) Call(f int) Code { return append(append(c, 0x10), uleb(f)...) }

// Op is an instruction with operands that are small numbers.
func (c Code) Op(b ...byte) Code { return append(c, b...) }

// Get and Set are of locals.
func (c Code) Get(n int) Code { return append(append(c, 0x20), uleb(n)...) }
func (c Code) Set(n int) Code { return append(append(c, 0x21), uleb(n)...) }

// Load pushes the number at an address.
func (c Code) Load(at int32) Code { return append(c.I32(at), 0x28, 2, 0) }

// Instructions without operands, and blocks without a result.
const (
	Drop, Return, End, Else, Eqz, Eq, Or, Shl, Add = 0x1a, 0x0f, 0x0b, 0x05, 0x45, 0x46, 0x72, 0x74, 0x6a
	If, Loop, Br, BrIf, Wrap, Unreachable          = 0x04, 0x03, 0x0c, 0x0d, 0xa7, 0x00
	Void                                           = 0x40
)

// Built is one built-in as the core module imports it.
type Built struct {
	Name            string
	Canon           []byte
	Params, Results string // "ii": i32, "I": i64
}

// Func is an exported function of the component: func async (x: u32) -> u32. Code gets x as local 0, and has Locals further ones of
// type i32. Callback gets the event as locals 0 to 2; nil: it is lifted synchronously, and Code gives the result.
type Func struct {
	Name           string
	Code, Callback Code
	Locals         int
}

// Guest is a component that imports log of the host, and calls Callee's f if there is a Callee.
type Guest struct {
	Built  []Built
	Funcs  []Func
	Callee *Guest
	Sync   bool // log and callee are called by the synchronous ABI
}

// The types of streams and futures that built-ins may name by number, in the order of the component's type section.
const (
	StreamU8 = iota
	StreamNone
	StreamString
	FutureU32
	typeLog
	typeFunc
)

// The core functions that every guest has before its built-ins: log(u32), and f(x, ret) -> status, or f(x) -> u32 if Sync is set.
const (
	FnLog = iota
	FnCallee
	FirstBuilt
)

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sleb(v int64) (out []byte) {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func str(s string) []byte { return append(uleb(len(s)), s...) }

func vec(items ...[]byte) []byte {
	out := uleb(len(items))
	for _, i := range items {
		out = append(out, i...)
	}
	return out
}

func section(id byte, content []byte) []byte {
	return append(append([]byte{id}, uleb(len(content))...), content...)
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func coreTypes(s string) []byte {
	out := uleb(len(s))
	for _, c := range s {
		out = append(out, map[rune]byte{'i': 0x7f, 'I': 0x7e}[c])
	}
	return out
}

func coreFunc(params, results string) []byte {
	return join([]byte{0x60}, coreTypes(params), coreTypes(results))
}

var coreHead = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// memoryModule has the memory, a realloc that gives the same address always, and a table with what a thread does: nothing.
func memoryModule() []byte {
	body := Code{0}.I32(60000).Op(End)
	thread := Code{0}.Op(End)
	return join(coreHead,
		section(1, vec(coreFunc("iiii", "i"), coreFunc("i", ""))), section(3, vec(uleb(0), uleb(1))), section(4, vec([]byte{0x70, 0, 1})),
		section(5, vec([]byte{0, 1})),
		section(7, vec(join(str("mem"), []byte{2, 0}), join(str("realloc"), []byte{0, 0}), join(str("table"), []byte{1, 0}))),
		section(9, vec(join([]byte{0}, Code{}.I32(0).Op(End), vec(uleb(1))))),
		section(10, vec(append(uleb(len(body)), body...), append(uleb(len(thread)), thread...))), section(11, vec(join([]byte{0}, Code{}.I32(0).Op(End), str(string(pattern())))))) // what is written
}

// pattern is what memory has before anything runs, from address 0 on.
func pattern() []byte {
	p := make([]byte, 32768)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

// codeModule is the module with the functions, whose imports are numbered.
func (g *Guest) codeModule() []byte {
	callee := coreFunc("ii", "i")
	if g.Sync {
		callee = coreFunc("i", "i")
	}
	types := [][]byte{coreFunc("i", ""), callee, coreFunc("i", "i"), coreFunc("iii", "i")}
	imports := [][]byte{join(str(""), str("mem"), []byte{2, 0, 1}), join(str(""), str("log"), []byte{0, 0})}
	if g.Callee != nil {
		imports = append(imports, join(str(""), str("callee"), []byte{0, 1}))
	}
	for _, b := range g.Built {
		imports = append(imports, join(str(""), str(b.Name), []byte{0}, uleb(len(types))))
		types = append(types, coreFunc(b.Params, b.Results))
	}
	var funcs, exports, bodies [][]byte
	add := func(name string, typ, locals int, code Code) {
		exports = append(exports, join(str(name), []byte{0}, uleb(g.base()+len(funcs))))
		funcs = append(funcs, uleb(typ))
		body := join(vec(join(uleb(locals), []byte{0x7f})), code, []byte{End})
		bodies = append(bodies, append(uleb(len(body)), body...))
	}
	for _, f := range g.Funcs {
		add(f.Name, 2, f.Locals, f.Code)
		if f.Callback != nil {
			add(f.Name+"-cb", 3, f.Locals, f.Callback)
		}
	}
	segment := join([]byte{0x7f, 1}, Code{}.I32(0).Op(End))
	return join(coreHead, section(1, vec(types...)), section(2, vec(imports...)), section(3, vec(funcs...)),
		section(6, vec(segment)), section(7, vec(exports...)), section(10, vec(bodies...)))
}

func (g *Guest) base() int {
	if g.Callee == nil {
		return FirstBuilt - 1 + len(g.Built)
	}
	return FirstBuilt + len(g.Built)
}

// Index is the number of a built-in among the module's functions.
func (g *Guest) Index(name string) int {
	for i, b := range g.Built {
		if b.Name == name {
			if g.Callee == nil {
				i--
			}
			return FirstBuilt + i
		}
	}
	panic("the guest has no built-in " + name)
}

var componentHead = []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}

var types = section(7, vec(
	[]byte{0x66, 1, 0x7d}, []byte{0x66, 0}, []byte{0x66, 1, 0x73}, []byte{0x65, 1, 0x79},
	join([]byte{0x40}, vec(join(str("x"), []byte{0x79})), []byte{1, 0}),
	join([]byte{0x43}, vec(join(str("x"), []byte{0x79})), []byte{0, 0x79})))

// Encode is the component: the guest's own, or one that holds it beside its callee, as neither may be around the other.
func (g *Guest) Encode() []byte {
	if g.Callee == nil {
		return g.encode()
	}
	log := join(str("log"), []byte{1, 0})
	out := join(componentHead, types,
		section(10, vec(join([]byte{0}, str("log"), []byte{1, typeLog}))),
		section(4, g.Callee.encode()), section(4, g.encode()),
		section(5, vec(join([]byte{0, 0}, vec(log)))),
		section(6, vec(join([]byte{1, 0, 0}, str("f")))),
		section(5, vec(join([]byte{0, 1}, vec(log, join(str("callee"), []byte{1, 1}))))))
	for i, f := range g.Funcs {
		out = append(out, section(6, vec(join([]byte{1, 0, 1}, str(f.Name))))...)
		out = append(out, section(11, vec(join([]byte{0}, str(f.Name), []byte{1}, uleb(2+2*i), []byte{0})))...)
	}
	return out
}

func (g *Guest) encode() []byte {
	imports := [][]byte{join([]byte{0}, str("log"), []byte{1, typeLog})}
	if g.Callee != nil {
		imports = append(imports, join([]byte{0}, str("callee"), []byte{1, typeFunc}))
	}
	funcs := len(imports) // component functions so far
	out := join(componentHead, types, section(10, vec(imports...)))
	out = append(out, section(1, memoryModule())...)
	out = append(out, section(2, vec([]byte{0, 0, 0}))...)
	out = append(out, section(6, vec(join([]byte{0, 2, 1, 0}, str("mem")), join([]byte{0, 0, 1, 0}, str("realloc")), join([]byte{0, 1, 1, 0}, str("table"))))...)
	out = append(out, section(3, vec(coreFunc("i", "")))...) // of thread.new-indirect
	canons := [][]byte{{1, 0, 0, 0}}                         // core func 1: log
	inline := [][]byte{join(str("mem"), []byte{2, 0}), join(str("log"), []byte{0, 1})}
	n := 2
	if g.Callee != nil {
		lower := []byte{1, 0, 1, 2, 3, 0, 6}
		if g.Sync {
			lower = []byte{1, 0, 1, 1, 3, 0}
		}
		canons = append(canons, lower)
		inline = append(inline, join(str("callee"), []byte{0}, uleb(n)))
		n++
	}
	for _, b := range g.Built {
		canons = append(canons, b.Canon)
		inline = append(inline, join(str(b.Name), []byte{0}, uleb(n)))
		n++
	}
	out = append(out, section(8, vec(canons...))...)
	out = append(out, section(1, g.codeModule())...)
	out = append(out, section(2, vec(append([]byte{1}, vec(inline...)...), join([]byte{0, 1}, vec(join(str(""), []byte{0x12, 1})))))...)
	var aliases, lifts, exports [][]byte
	for _, f := range g.Funcs {
		aliases = append(aliases, join([]byte{0, 0, 1, 2}, str(f.Name)))
		lift := join([]byte{0, 0}, uleb(n), vec(), []byte{typeFunc})
		if f.Callback != nil {
			aliases = append(aliases, join([]byte{0, 0, 1, 2}, str(f.Name+"-cb")))
			lift = join([]byte{0, 0}, uleb(n), vec([]byte{6}, join([]byte{7}, uleb(n+1))), []byte{typeFunc})
			n++
		}
		n++
		lifts = append(lifts, lift)
		exports = append(exports, join([]byte{0}, str(f.Name), []byte{1}, uleb(funcs), []byte{0}))
		funcs += 2 // an export is a function of its own
	}
	for i := range lifts { // each export follows its lift, so that numbers are as counted
		out = append(out, section(6, vec(aliases...))...)
		aliases = nil
		out = append(out, section(8, vec(lifts[i]))...)
		out = append(out, section(11, vec(exports[i]))...)
	}
	return out
}
