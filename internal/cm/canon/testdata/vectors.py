#!/usr/bin/env python3
"""Writes vectors.jsonl: what the Component Model's reference says of types and values.

    python3 vectors.py path/to/definitions.py > vectors.jsonl

definitions.py is design/mvp/canonical-abi/definitions.py of github.com/WebAssembly/component-model, in a version whose
alignment() takes a pointer type. One JSON object a line; "kind" says what it is:

    layout  type, size, align, flat
    func    params, result, lowered and lifted: core signatures
    lower   type, encoding, value, flat, calls of realloc, memory afterwards: as the one argument of a lifted function
    return  the same as the result of a lowered function, with the return area at 8 where there is one
    lift    type, encoding, flat, memory, and value or trap: as the one argument of a lowered function

Types and values are written as typ() and val() below say. The allocator is a bump allocator that starts at 16 (at AREA
for return) and copies what it grows.
"""
import importlib.util, json, random, struct, sys

spec = importlib.util.spec_from_file_location("definitions", sys.argv[1])
d = importlib.util.module_from_spec(spec)
sys.modules["definitions"] = d
spec.loader.exec_module(d)
d.DETERMINISTIC_PROFILE = True

rnd = random.Random(20)
MEM = 4096
AREA = 1024
PRIMS = {
    "bool": d.BoolType, "s8": d.S8Type, "u8": d.U8Type, "s16": d.S16Type, "u16": d.U16Type, "s32": d.S32Type,
    "u32": d.U32Type, "s64": d.S64Type, "u64": d.U64Type, "f32": d.F32Type, "f64": d.F64Type, "char": d.CharType,
    "string": d.StringType,
}
INTS = {"s8": (8, True), "u8": (8, False), "s16": (16, True), "u16": (16, False), "s32": (32, True),
        "u32": (32, False), "s64": (64, True), "u64": (64, False)}
ENCODINGS = ["utf8", "utf16", "latin1+utf16"]


def typ(depth):
    """A random type: a name, or a list of a constructor and its parts."""
    if depth == 0 or rnd.random() < 0.3:
        return rnd.choice(list(PRIMS))
    sub = lambda: typ(depth - 1)
    maybe = lambda: None if rnd.random() < 0.3 else sub()
    c = rnd.choice(["list", "fixed", "record", "tuple", "variant", "enum", "flags", "option", "result", "map"])
    match c:
        case "list": return [c, sub()]
        case "fixed": return [c, sub(), rnd.choice([1, 2, 3, 5, 17])]
        case "record" | "tuple": return [c] + [sub() for _ in range(rnd.randint(1, 5))]
        case "variant": return [c] + [maybe() for _ in range(rnd.randint(1, 5))]
        case "enum": return [c, rnd.choice([1, 2, 5, 255, 256, 257, 300])]
        case "flags": return [c, rnd.choice([1, 2, 7, 8, 9, 16, 17, 31, 32])]
        case "option": return [c, sub()]
        case "result": return [c, maybe(), maybe()]
        case "map": return [c, rnd.choice(["u8", "u32", "char", "string"]), sub()]


def ref(t):
    """The reference's type; a map is a list of tuples (CanonicalABI.md Despecialization)."""
    if t is None:
        return None
    if isinstance(t, str):
        return PRIMS[t]()
    match t:
        case ["list", u]: return d.ListType(ref(u))
        case ["fixed", u, n]: return d.ListType(ref(u), n)
        case ["map", k, v]: return d.ListType(d.TupleType([ref(k), ref(v)]))
        case ["record", *us]: return d.RecordType([d.FieldType("f%d" % i, ref(u)) for i, u in enumerate(us)])
        case ["tuple", *us]: return d.TupleType([ref(u) for u in us])
        case ["variant", *us]: return d.VariantType([d.CaseType("c%d" % i, ref(u)) for i, u in enumerate(us)])
        case ["enum", n]: return d.EnumType(["l%d" % i for i in range(n)])
        case ["flags", n]: return d.FlagsType(["l%d" % i for i in range(n)])
        case ["option", u]: return d.OptionType(ref(u))
        case ["result", o, e]: return d.ResultType(ref(o), ref(e))


def cases(t):
    match t:
        case ["variant", *us]: return [("c%d" % i, u) for i, u in enumerate(us)]
        case ["option", u]: return [("none", None), ("some", u)]
        case ["result", o, e]: return [("ok", o), ("error", e)]


STRINGS = ["", "a", "plain ascii text", "na\u00efve", "\u00e9", "\u2603", "x\u2603y", "\U0001f370", "h\u00f6\u2603\U0001f370",
           "\u00ff\u0100", "abc\u00e9\u2603", "\x00", "\ud7ff\ue000\uffff\U0010ffff"]
F32 = [0, 0x80000000, 0x3fc00000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345, 1]
F64 = [0, 1 << 63, 0x3ff8000000000000, 0x7ff0000000000000, 0x7ff0000000000001, 0xfff8000000000123, 1]


def value(t):
    """A random value of the reference."""
    if isinstance(t, str) and t in INTS:
        bits, signed = INTS[t]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return rnd.choice([low, high, 0, 1, rnd.randint(low, high)])
    match t:
        case "bool": return rnd.random() < 0.5
        case "f32": return d.core_f32_reinterpret_i32(rnd.choice(F32))
        case "f64": return d.core_f64_reinterpret_i64(rnd.choice(F64))
        case "char": return chr(rnd.choice([0, 0x41, 0xd7ff, 0xe000, 0x10ffff]))
        case "string":
            s = rnd.choice(STRINGS)
            return (s, "utf8", len(s.encode()))
        case ["list", u]: return [value(u) for _ in range(rnd.choice([0, 1, 2, 3]))]
        case ["fixed", u, n]: return [value(u) for _ in range(n)]
        case ["map", k, v]: return [{"0": value(k), "1": value(v)} for _ in range(rnd.choice([0, 1, 2]))]
        case ["record", *us]: return {"f%d" % i: value(u) for i, u in enumerate(us)}
        case ["tuple", *us]: return {str(i): value(u) for i, u in enumerate(us)}
        case ["enum", n]: return {"l%d" % rnd.randrange(n): None}
        case ["flags", n]: return {"l%d" % i: rnd.random() < 0.5 for i in range(n)}
    label, u = rnd.choice(cases(t))
    return {label: None if u is None else value(u)}


def val(t, v):
    """A value in JSON: floats as their bits, all numbers in decimal text, variants as case index and payload."""
    if isinstance(t, str) and t in INTS:
        return str(v)
    match t:
        case "bool": return str(int(v))
        case "f32": return str(d.core_i32_reinterpret_f32(d.canonicalize_nan32(v)))
        case "f64": return str(d.core_i64_reinterpret_f64(d.canonicalize_nan64(v)))
        case "char": return str(ord(v))
        case "string": return v[0]
        case ["list", u] | ["fixed", u, _]: return [val(u, x) for x in v]
        case ["map", a, b]: return [[val(a, x["0"]), val(b, x["1"])] for x in v]
        case ["record" | "tuple", *us]: return [val(u, x) for u, x in zip(us, v.values())]
        case ["enum", _]: return str(int(next(iter(v))[1:]))
        case ["flags", n]: return str(d.pack_flags_into_int(v, ["l%d" % i for i in range(n)]))
    [(label, x)] = v.items()
    i, u = next((i, u) for i, (l, u) in enumerate(cases(t)) if l == label)
    return [i] if u is None else [i, val(u, x)]


class Inst:
    may_leave = True


class Guest:
    def __init__(self, encoding, start=16, mem=None):
        self.next, self.calls = start, []
        self.mem = d.MemInst(bytearray(mem or bytes(MEM)), "i32")
        self.opts = d.CanonicalOptions(string_encoding=encoding, memory=self.mem, realloc=self.realloc)
        self.cx = d.LiftLowerContext(self.opts, Inst())

    def realloc(self, old, old_size, align, size):
        self.calls.append([old, old_size, align, size])
        ptr = d.align_to(self.next, align)
        self.next = ptr + size
        d.trap_if(self.next > MEM)
        n = min(old_size, size)
        self.mem[ptr:ptr + n] = bytes(self.mem[old:old + n])
        return ptr

    def hex(self):
        return bytes(self.mem.bytes).rstrip(b"\0").hex()


OPTS = Guest("utf8").opts


def bits(kinds, vs):
    out = []
    for k, v in zip(kinds, vs):
        match k:
            case "f32": out.append(str(d.core_i32_reinterpret_f32(d.canonicalize_nan32(v))))
            case "f64": out.append(str(d.core_i64_reinterpret_f64(d.canonicalize_nan64(v))))
            case _: out.append(str(v))
    return out


def unbits(kinds, vs):
    out = []
    for k, v in zip(kinds, vs):
        match k:
            case "f32": out.append(d.core_f32_reinterpret_i32(v))
            case "f64": out.append(d.core_f64_reinterpret_i64(v))
            case _: out.append(v)
    return out


def emit(**kw):
    print(json.dumps(kw, separators=(",", ":")))


def layout(t):
    r = ref(t)
    emit(kind="layout", type=t, size=d.elem_size(r, "i32"), align=d.alignment(r, "i32"), flat=d.flatten_type(r, OPTS)[:17])


def func():
    ps, r = [typ(2) for _ in range(rnd.randint(0, 6))], rnd.choice([None, typ(2)])
    ft = d.FuncType([("p", ref(p)) for p in ps], [] if r is None else [ref(r)])
    low, lift = d.flatten_functype(OPTS, ft, "lower"), d.flatten_functype(OPTS, ft, "lift")
    emit(kind="func", params=ps, result=r, lowered=[low.params, low.results], lifted=[lift.params, lift.results])


def lower(t, encoding):
    g, v, r = Guest(encoding), value(t), ref(t)
    kinds = d.flatten_type(r, OPTS)
    try:
        flat = d.lower_flat_values(g.cx, d.MAX_FLAT_PARAMS, [v], [r])
    except d.Trap:
        return None  # out of room
    if len(kinds) > d.MAX_FLAT_PARAMS:
        kinds = ["i32"]
    emit(kind="lower", type=t, encoding=encoding, value=val(t, v), flat=bits(kinds, flat), calls=g.calls, memory=g.hex())
    return [int(b) for b in bits(kinds, flat)], g


def result(t, encoding):
    g, v, r = Guest(encoding, AREA), value(t), ref(t)
    kinds = d.flatten_type(r, OPTS)
    if d.elem_size(r, "i32") > AREA - 8:
        return
    try:
        flat = d.lower_flat_values(g.cx, d.MAX_FLAT_RESULTS, [v], [r], d.CoreValueIter([8]))
    except d.Trap:
        return
    emit(kind="return", type=t, encoding=encoding, value=val(t, v), flat=bits(kinds, flat), calls=g.calls, memory=g.hex())


def spoil(flat, kinds, mem, end):
    """Changes a few core values and bytes."""
    flat = list(flat)
    for _ in range(rnd.choice([0, 1, 1, 2])):
        i = rnd.randrange(len(flat))
        limit = (1 << (64 if kinds[i] in ("i64", "f64") else 32)) - 1
        flat[i] = rnd.choice([flat[i] ^ 1, flat[i] + 1, flat[i] * 2, limit, 0, 5, MEM, MEM - 1, 1 << 31, 0xd800]) & limit
    for _ in range(rnd.choice([0, 0, 1, 2, 3])):
        mem[rnd.randrange(16, max(17, end))] = rnd.choice([0, 1, 2, 3, 0x7f, 0x80, 0xd8, 0xdc, 0xff])
    return flat


def lift(t, encoding, lowered):
    flat, g = lowered
    r = ref(t)
    kinds = d.flatten_type(r, OPTS)
    if len(kinds) > d.MAX_FLAT_PARAMS:
        kinds = ["i32"]
    mem = bytearray(g.mem.bytes)
    flat = spoil(flat, kinds, mem, g.next)
    g = Guest(encoding, mem=mem)
    out = {}
    try:
        [v] = d.lift_flat_values(g.cx, d.MAX_FLAT_PARAMS, d.CoreValueIter(unbits(kinds, flat)), [r])
        out["value"] = val(t, v)
    except d.Trap:
        out["trap"] = True
    emit(kind="lift", type=t, encoding=encoding, flat=[str(f) for f in flat], memory=g.hex(), **out)


for p in PRIMS:
    layout(p)
for _ in range(250):
    layout(typ(3))
for _ in range(150):
    func()
for i in range(450):
    t, encoding = ("string" if i % 10 == 0 else typ(3)), ENCODINGS[i % 3]
    lowered = lower(t, encoding)
    result(t, encoding)
    if lowered:
        for _ in range(3):
            lift(t, encoding, lowered)
