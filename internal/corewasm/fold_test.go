package corewasm

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
)

const oneMemory = "\x01\x00\x01" // of one page at least

// folding is a module with a memory as the section says, or an imported one, and functions: the first has code for its body, a parameter p of i32
// and locals: q of i32, one of i64, and more and one of i32; the second takes and gives two i32.
func folding(memory, imported string, more int, code string) []byte {
	b := appendSection([]byte("\x00asm\x01\x00\x00\x00"), 1, []byte("\x03\x60\x01\x7f\x00\x60\x02\x7f\x7f\x02\x7f\x7f\x60\x00\x00"))
	if imported != "" {
		b = appendSection(b, 2, []byte(imported))
	}
	b = appendSection(b, 3, []byte{2, 0, 1})
	b = appendSection(b, 4, []byte("\x01\x70\x00\x01"))
	if memory != "" {
		b = appendSection(b, 5, []byte(memory))
	}
	b = appendSection(b, 6, []byte("\x01\x7f\x01\x41\x00\x0b"))
	var bodies []byte
	for _, s := range []string{string(appendU32([]byte("\x04\x01\x7f\x01\x7e\x01\x7f"), uint32(more))) + "\x7f" + code, "\x00\x20\x00\x20\x01"} {
		bodies = append(append(appendU32(bodies, uint32(len(s)+1)), s...), opEnd)
	}
	return appendSection(b, 10, append([]byte{2}, bodies...))
}

// foldsOf lists the folds of the module's first function: of a group, +least>offset makes its base and checks the byte at offset, = puts the base, and
// @ an offset.
func foldsOf(t *testing.T, wasm []byte) string {
	t.Helper()
	m, err := parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{m: m, res: &Result{}}
	if err := w.scanBodies(); err != nil {
		t.Fatal(err)
	}
	var s []string
	at := 0
	folds := w.folder.scan(m, 0, &w.scans[0])
	for _, d := range folds {
		if d.pos < at {
			t.Errorf("a fold at %d, before %d", d.pos, at)
		}
		at = d.pos + d.del
		switch d.kind {
		case foldBase:
			s = append(s, fmt.Sprintf("%d%+d>%d", d.group, d.least, d.offset))
		case foldUse:
			s = append(s, fmt.Sprintf("%d=", d.group))
		case foldOffset:
			s = append(s, fmt.Sprintf("@%d", d.offset))
		}
	}
	return strings.Join(s, " ")
}

// manyFolds is a module with folds of each kind, between other changes of its code.
func manyFolds() []byte {
	two := "\x20\x00\x41\x04\x6a\x2d\x00\x00\x1a\x20\x00\x2d\x00\x80\x00\x1a"
	return folding(oneMemory, "", 1, two+"\x03\x40"+two+"\x20\x01"+two+"\x0d\x00"+two+"\x0b\x20\x00\x20\x00\x20\x00\xfc\x0b\x00\x20\x00\x20\x00\x10\x01"+two+"\x1a\x1a"+two)
}

func i32Const(n int32) string { return string(appendI32([]byte{opI32Const}, n)) }

func loadAt(offset uint32) string { return string(appendU32([]byte{opI32Load8U, 0}, offset)) + "\x1a" }

// TestFolds says which accesses are folded, and to what. The parts of a stretch that something ends are not.
func TestFolds(t *testing.T) {
	const (
		p, q  = "\x20\x00", "\x20\x01"
		setQ  = "\x21\x01"
		teeQ  = "\x22\x01"
		zero  = "\x41\x00"
		load  = "\x2d\x00\x00\x1a" // a byte at offset 0, dropped
		store = "\x3a\x00\x00"
		other = "\x20\x04" // another parameter or local
		add   = "\x6a"
		sub   = "\x6b"
		void  = "\x40"
	)
	plus := func(n int32) string { return p + i32Const(n) + add }
	two := func(between string) string { return p + load + between + plus(4) + load }
	const yes = "0+0>4 @0 0= @4" // of two
	for name, c := range map[string]struct{ code, want string }{
		"one access":                      {p + load, ""},
		"one address, one offset":         {p + load + p + load, ""},
		"one address, a smaller offset":   {p + loadAt(9) + p + loadAt(8), ""},
		"one address, a larger offset":    {p + loadAt(8) + p + loadAt(9), "0+0>9"},
		"one address, a larger size":      {p + load + p + "\x29\x00\x00\x1a", "0+0>7"},
		"two addresses":                   {two(""), yes},
		"the constant in front":           {p + load + "\x41\x04" + p + add + load, yes},
		"less":                            {p + load + p + "\x41\x04" + sub + load, "0-4>4 @4 0= @0"},
		"less than a negative number":     {p + load + p + "\x41\x7c" + sub + load, yes},
		"a number less the address":       {p + load + "\x41\x04" + p + sub + load, ""},
		"sums of sums":                    {p + load + p + "\x41\x06\x41\x02" + sub + add + load, yes},
		"twice the address":               {p + load + p + p + add + load, ""},
		"offsets":                         {plus(-8) + loadAt(2) + p + loadAt(3), "0+0>11 @2 0= @11"},
		"twice the address, further":      {p + load + p + p + add + loadAt(4), ""},
		"a sum of two numbers":            {p + load + p + other + add + loadAt(4), ""},
		"the address less itself":         {p + load + p + p + sub + loadAt(4), ""},
		"a sum with what is not known":    {"\x00" + p + load + add + loadAt(4) + p + load, ""},
		"or looks like add":               {p + load + p + "\x41\x04\x72" + load, ""},
		"and, of nothing":                 {p + load + p + "\x41\x7f\x71" + load, ""},
		"exclusive or":                    {p + load + p + "\x41\x04\x73" + load, ""},
		"a shift":                         {p + load + p + "\x41\x01\x74" + load, ""},
		"constants alone":                 {zero + load + "\x41\x04" + load, ""},
		"one page apart":                  {p + load + plus(1<<16) + load, "0+0>65536 @0 0= @65536"},
		"more than a page apart":          {p + load + plus(1<<16+1) + load, ""},
		"a page below and one byte above": {p + load + plus(-1<<16) + load + plus(1) + load, ""},
		"the ends of 32 bits":             {plus(math.MaxInt32) + load + plus(math.MinInt32) + load, "0+0>1 @0 0= @1"},
		"halfway round":                   {p + load + plus(math.MinInt32) + load, ""},
		"the largest offset":              {plus(1) + load + p + loadAt(math.MaxInt32-1), "0-1>2147483646 @1 0= @2147483646"},
		"too large an offset":             {plus(1) + load + p + loadAt(math.MaxInt32), ""},
		"the largest offset of all":       {plus(1) + load + p + loadAt(math.MaxUint32), ""},
		"two numbers":                     {p + load + other + load + plus(4) + load + other + "\x41\x04" + sub + load, "0+0>4 @0 1-4>4 @4 0= @4 1= @0"},
		"the same number by another name": {p + setQ + p + load + q + "\x41\x04" + add + load, yes},
		"a name for a sum":                {plus(4) + setQ + p + load + q + load, yes},
		"a name, and what it has after":   {p + teeQ + load + q + "\x41\x04" + add + load, yes},
		"a name for a constant":           {"\x41\x04" + setQ + p + load + p + q + add + load, yes},
		"a local that is set":             {p + setQ + p + load + other + setQ + q + "\x41\x04" + add + load, ""},
		"a local that is set to a sum":    {q + load + q + "\x41\x04" + add + setQ + q + load, yes},
		"a local that is what was loaded": {p + setQ + p + load + p + "\x28\x00\x00" + setQ + q + loadAt(4), "0+0>3"},
		"an unknown value":                {p + setQ + p + "\x00" + setQ + q + load + p + load, ""},
		"a local of 64 bits":              {"\x20\x02\xa7" + load + "\x20\x02\xa7\x41\x04" + add + load, ""},
		"a constant of 64 bits":           {p + load + p + "\x42\x04" + add + load, ""},
		"what was loaded":                 {p + "\x28\x00\x00" + teeQ + load + q + loadAt(4), "1+0>4"},
		"an address that waits":           {p + plus(8) + load + load, "0+0>8 0= @8 @0"},
		"a chain":                         {p + "\x28\x00\x00\x28\x00\x04\x1a" + plus(4) + load, "0+0>4 @0 0= @4"},
		"a store at the end":              {p + plus(4) + "\x2d\x00\x00" + store, "0+0>4 0= @4 @0"},
		"a store of 64 bits at the end":   {p + load + p + "\x42\x00\x37\x00\x08", "0+0>15"},
		"a number that waits for a store": {p + p + zero + store + load + plus(4) + load, ""},
		"a store between":                 {two(p + zero + store), ""},
		"global.set":                      {two("\x41\x00\x24\x00"), ""},
		"global.get":                      {two("\x23\x00\x1a"), yes},
		"global.get twice":                {"\x23\x00" + load + "\x23\x00" + loadAt(4), ""},
		"nothing":                         {two("\x01"), yes},
		"memory.size":                     {p + "\x3f\x00\x1a" + load + plus(4) + load, yes},
		"memory.grow":                     {two(zero + "\x40\x00\x1a"), ""},
		"an address under memory.grow":    {p + zero + "\x40\x00\x1a" + load + plus(4) + load, ""},
		"the result of memory.grow":       {p + "\x40\x00" + load + p + load, ""},
		"memory.fill":                     {two(zero + zero + zero + "\xfc\x0b\x00"), ""},
		"memory.copy":                     {two(zero + zero + zero + "\xfc\x0a\x00\x00"), ""},
		"memory.init":                     {two(zero + zero + zero + "\xfc\x08\x00\x00"), ""},
		"data.drop":                       {two("\xfc\x09\x00"), ""},
		"table.grow":                      {two("\xd0\x70" + zero + "\xfc\x0f\x00\x1a"), ""},
		"table.get":                       {two(zero + "\x25\x00\x1a"), ""},
		"table.set":                       {two(zero + "\xd0\x70\x26\x00"), ""},
		"ref.func":                        {two("\xd2\x00\x1a"), ""},
		"a reference":                     {p + "\xd0\x70\xd1\x1a" + load + plus(4) + load, yes},
		"select":                          {p + p + p + p + "\x1b\x1a" + load + plus(4) + load, yes},
		"select of a type":                {p + p + p + p + "\x1c\x01\x7f\x1a" + load + plus(4) + load, yes},
		"what select gives":               {p + p + p + "\x1b" + load + plus(4) + load, ""},
		"a saturating conversion":         {p + "\x43\x00\x00\x00\x00\xfc\x00\x1a" + load + plus(4) + load, yes},
		"of a double":                     {p + "\x44\x00\x00\x00\x00\x00\x00\x00\x00\xfc\x07\x1a" + load + plus(4) + load, yes},
		"a vector":                        {two("\xfd\x0c" + strings.Repeat("\x00", 16) + "\x1a"), ""},
		"a load of a vector":              {two(p + "\xfd\x00\x00\x00\x1a"), ""},
		"an address under a vector":       {p + p + "\xfd\x0f\x1a" + load + plus(4) + load, ""},
		"a call":                          {two(p + p + "\x10\x01\x1a\x1a"), ""},
		"the second result of a call":     {p + p + "\x10\x01" + teeQ + load + q + "\x41\x04" + add + load + load, yes},
		"the first result of a call":      {p + p + "\x10\x01" + load + teeQ + load + q + "\x41\x04" + add + load, "1+0>4 @0 1= @4"},
		"what stays under a call":         {"\x41\x04" + p + p + "\x10\x01\x1a\x1a" + p + add + load + p + load, "0-4>4 @4 0= @0"},
		"an indirect call":                {two(p + p + zero + "\x11\x01\x00\x1a\x1a"), ""},
		"what stays under one":            {"\x41\x04" + p + p + zero + "\x11\x01\x00\x1a\x1a" + p + add + load + p + load, "0-4>4 @4 0= @0"},
		"behind a tail call":              {two("\x12\x00"), ""},
		"behind an indirect tail call":    {two(zero + "\x13\x00\x00"), ""},
		"br_if":                           {"\x02" + void + two(zero+"\x0d\x00") + "\x0b", ""},
		"behind br_if":                    {"\x02" + void + zero + "\x0d\x00" + two("") + "\x0b", yes},
		"what stays under br_if":          {"\x02" + void + "\x41\x04" + zero + "\x0d\x00" + p + add + load + p + load + "\x0b", "0-4>4 @4 0= @0"},
		"br":                              {"\x02" + void + two("\x0c\x00") + "\x0b", ""},
		"br_table":                        {"\x02" + void + two(zero+"\x0e\x01\x00\x00") + "\x0b", ""},
		"return":                          {two("\x0f"), ""},
		"unreachable":                     {two("\x00"), ""},
		"dead code":                       {"\x00" + two(""), yes},
		"dead code without operands":      {"\x00" + add + load + "\x41\x04" + add + load, ""},
		"block":                           {two("\x02" + void + "\x0b"), ""},
		"into a block":                    {p + load + "\x02" + void + plus(4) + load + "\x0b", ""},
		"out of a block":                  {"\x02" + void + p + load + "\x0b" + plus(4) + load, ""},
		"in a block":                      {"\x02" + void + two("") + "\x0b", yes},
		"a block's result":                {"\x02\x7f" + p + "\x0b" + load + plus(4) + load, ""},
		"under a block":                   {p + "\x02" + void + "\x0b" + load + plus(4) + load, ""},
		"a name in a block":               {plus(4) + setQ + "\x02" + void + p + load + q + load + "\x0b", yes},
		"a name behind a block":           {plus(4) + setQ + "\x02" + void + "\x0b" + p + load + q + load, ""},
		"if":                              {two(zero + "\x04" + void + "\x0b"), ""},
		"into if":                         {p + load + zero + "\x04" + void + plus(4) + load + "\x0b", ""},
		"in if":                           {zero + "\x04" + void + two("") + "\x0b", yes},
		"in else":                         {zero + "\x04" + void + "\x05" + two("") + "\x0b", yes},
		"from if into else":               {zero + "\x04" + void + p + load + "\x05" + plus(4) + load + "\x0b", ""},
		"a name from if in else":          {zero + "\x04" + void + plus(4) + setQ + "\x05" + p + load + q + load + "\x0b", ""},
		"a name of one of two":            {p + setQ + zero + "\x04" + void + plus(4) + setQ + "\x0b" + p + load + q + load, ""},
		"into a loop":                     {p + load + "\x03" + void + plus(4) + load + "\x0b", ""},
		"in a loop":                       {"\x03" + void + two("") + "\x0b", yes},
		"a name in a loop":                {plus(4) + setQ + "\x03" + void + p + load + q + load + zero + setQ + "\x0b", ""},
		"in a hot loop, and back":         {"\x03" + void + two("") + p + "\x0d\x00" + two("") + "\x0b", yes + " " + yes},
		"an if's parameter":               {other + p + "\x04\x00" + setQ + p + load + q + "\x41\x04" + add + load + "\x0b", ""},
		"a block's result, one of two":    {"\x02\x7f" + other + zero + "\x0d\x00\x1a" + p + "\x0b" + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"two results, of one number or two": {p + p + "\x02\x01\x1a\x1a" + other + zero + zero + "\x0d\x00\x1a\x1a" + p + p + "\x0b" + setQ + "\x21\x03" +
			q + load + "\x20\x03\x41\x04" + add + load, ""},
		"a name for a block's result":   {"\x02\x7f" + other + "\x0b" + setQ + q + load + q + "\x41\x04" + add + load, yes},
		"what stays under memory.grow":  {"\x41\x04" + zero + "\x40\x00\x1a" + p + add + load + p + load, "0-4>4 @4 0= @0"},
		"what stays under a vector":     {p + other + "\xfd\x0c" + strings.Repeat("\x00", 16) + "\x1a" + setQ + "\x1a" + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under table.size":   {p + other + "\xfc\x10\x00\x1a" + setQ + "\x1a" + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under ref.func":     {p + other + "\xd2\x00\x1a" + setQ + "\x1a" + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under global.get":   {p + other + "\x23\x00\x1a" + setQ + "\x1a" + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under global.set":   {other + p + "\x24\x00" + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under a store":      {other + p + p + zero + store + setQ + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under drop":         {other + p + "\x1a" + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under constants":    {p + other + "\x42\x00\x1a\x43\x00\x00\x00\x00\x1a\x44\x00\x00\x00\x00\x00\x00\x00\x00\x1a" + setQ + "\x1a" + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under select":       {other + p + zero + zero + "\x1b\x1a" + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"what stays under typed select": {other + p + zero + zero + "\x1c\x01\x7f\x1a" + setQ + p + load + q + "\x41\x04" + add + load, ""},
		"groups of another stretch":     {other + load + "\x41\x00\x24\x00" + two(""), yes},
		"an address of 64 bits":         {"\x20\x02" + load + "\x20\x02" + loadAt(4), ""}, // is not valid, and stays so
		"what stays under table.set":    {other + other + p + "\xd0\x70\x26\x00" + setQ + "\x21\x03" + p + load + "\x20\x03\x41\x04" + add + load, ""},
		"a name of a loop's variable": {"\x03" + void + q + load + q + "\x41\x04" + add + teeQ + load + p + "\x0d\x00\x0b",
			yes},
	} {
		wasm := folding(oneMemory, "", 1, c.code)
		if got := foldsOf(t, wasm); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestFoldsOfOpcodes: an instruction that computes a number leaves alone what is under its operands; one that can trap ends a stretch.
func TestFoldsOfOpcodes(t *testing.T) {
	one := "\x45\x50\x67\x68\x69\x79\x7a\x7b\x8b\x8c\x8d\x8e\x8f\x90\x91\x99\x9a\x9b\x9c\x9d\x9e\x9f" // and conversions
	traps := "\x6d\x6e\x6f\x70\x7f\x80\x81\x82\xa8\xa9\xaa\xab\xae\xaf\xb0\xb1"
	for op := 0x45; op <= 0xc4; op++ {
		operands := 2
		if op >= 0xa7 || strings.IndexByte(one, byte(op)) >= 0 {
			operands = 1
		}
		want := "0+0>4 @0 0= @4"
		if strings.IndexByte(traps, byte(op)) >= 0 {
			want = ""
		}
		code := "\x20\x00" + strings.Repeat("\x20\x01", operands) + string([]byte{byte(op), opDrop}) + "\x2d\x00\x00\x1a\x20\x00\x41\x04\x6a\x2d\x00\x00\x1a"
		if got := foldsOf(t, folding(oneMemory, "", 1, code)); got != want {
			t.Errorf("opcode %#x: %q, want %q", op, got, want)
		}
	}
	sizes := "\x04\x08\x04\x08\x01\x01\x02\x02\x01\x01\x02\x02\x04\x04\x04\x08\x04\x08\x01\x02\x01\x02\x04"
	for k := range sizes {
		code := "\x20\x00\x2d\x00\x00\x1a\x20\x00"
		if op := byte(opI32Load + k); op < opI32Store {
			code += string([]byte{op, 0, 8, opDrop})
		} else {
			code += "\x20\x01" + string([]byte{op, 0, 8})
		}
		if got, want := foldsOf(t, folding(oneMemory, "", 1, code)), fmt.Sprintf("0+0>%d", 7+sizes[k]); got != want {
			t.Errorf("opcode %#x: %q, want %q", opI32Load+k, got, want)
		}
	}
}

// TestFoldsOfMemories: accesses are folded where memory stays below 4 GiB.
func TestFoldsOfMemories(t *testing.T) {
	const code = "\x20\x00\x2d\x00\x00\x1a\x20\x00\x41\x04\x6a\x2d\x00\x00\x1a"
	for name, c := range map[string]struct {
		memory, imported string
		more             int
		folds            bool
	}{
		"of no maximum":                 {oneMemory, "", 1, true},
		"of any maximum":                {"\x01\x01\x01\x80\x80\x04", "", 1, true}, // the host has its own
		"of the largest minimum":        {"\x01\x00\xff\xff\x03", "", 1, true},
		"of 4 GiB":                      {"\x01\x00\x80\x80\x04", "", 1, false},
		"of exactly 4 GiB":              {"\x01\x01\x80\x80\x04\x80\x80\x04", "", 1, false},
		"imported, of no maximum":       {"", "\x01\x01m\x01m\x02\x00\x01", 1, false},
		"imported, of 4 GiB at most":    {"", "\x01\x01m\x01m\x02\x01\x01\x80\x80\x04", 1, false},
		"imported, of less":             {"", "\x01\x01m\x01m\x02\x01\x01\xff\xff\x03", 1, true},
		"none":                          {"", "", 1, false},
		"the most locals":               {oneMemory, "", maxLocals - 4 - maxGroups - 2, true},
		"more locals than may be added": {oneMemory, "", maxLocals - 4 - maxGroups - 2 + 1, false},
	} {
		if got := foldsOf(t, folding(c.memory, c.imported, c.more, code)); (got != "") != c.folds {
			t.Errorf("a memory %s: %q", name, got)
		}
	}
}

// TestManyGroups: a stretch has maxGroups groups at most, whose bases are locals of their own behind all others.
func TestManyGroups(t *testing.T) {
	var code, want strings.Builder
	for k := range maxGroups + 1 {
		get := string(appendU32([]byte{opLocalGet}, uint32(4+k)))
		code.WriteString(get + loadAt(0) + get + loadAt(4))
		if k < maxGroups {
			fmt.Fprintf(&want, " %d+0>4", k)
		}
	}
	wasm := folding(oneMemory, "", maxGroups+1, code.String())
	if got := foldsOf(t, wasm); got != want.String()[1:] {
		t.Errorf("%s", got)
	}
	r, err := Rewrite(wasm, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(r.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	body := m.bodies[0].bytes
	if head := []byte{5, 1, 0x7f, 1, 0x7e, maxGroups + 1, 0x7f, maxGroups, 0x7f}; !bytes.HasPrefix(body, head[:1]) || !bytes.Contains(body, head[5:]) {
		t.Errorf("locals % x", body[:12])
	}
	for k := range maxGroups {
		if tee := []byte{opLocalTee, byte(4 + maxGroups + 1 + k), opI32Load8U, 0, 4, opDrop}; !bytes.Contains(body, tee) {
			t.Errorf("no base of group %d in % x", k, body)
		}
	}
}

// TestFoldsAreForgotten: nothing of a function is known in the next one, which one folder scans.
func TestFoldsAreForgotten(t *testing.T) {
	wasm := folding(oneMemory, "", 1, "\x20\x00\x41\x04\x6a\x21\x01\x20\x00\x2d\x00\x00\x1a")
	m, err := parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{m: m, res: &Result{}}
	if err := w.scanBodies(); err != nil {
		t.Fatal(err)
	}
	w.folder.scan(m, 0, &w.scans[0])
	m.bodies[1].bytes = append([]byte{1, 1, 0x7f}, "\x20\x00\x2d\x00\x00\x1a\x20\x01\x2d\x00\x00\x1a\x20\x02\x2d\x00\x00\x1a\x20\x02\x2d\x00\x04\x1a\x00\x0b"...)
	if err := m.scanBody(m.bodies[1], 2, &w.scans[1]); err != nil {
		t.Fatal(err)
	}
	if folds := w.folder.scan(m, 1, &w.scans[1]); len(folds) != 1 || folds[0].group != 2 { // of the third local, which is no i64 here
		t.Errorf("%+v", folds)
	}
}
