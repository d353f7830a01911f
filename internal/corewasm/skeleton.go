package corewasm

import (
	"errors"
	"fmt"
	"strings"
)

// Version changes when Rewrite writes other code for the same module: machine code that was made from what an earlier
// version wrote must not meet a skeleton of a later one.
const Version = 6

// Facts are what Rewrite learns by reading a module's code, as text without dots or separators of paths.
type Facts string

type facts struct {
	used    feature
	lasting lasting
	checks  int
	grows   bool
}

func (f facts) text() Facts {
	return Facts(fmt.Sprintf("%x-%x-%x-%t", uint32(f.used), uint8(f.lasting), f.checks, f.grows))
}

func (t Facts) parse() (f facts, err error) {
	var used uint32
	var last uint8
	n, err := fmt.Sscanf(string(t), "%x-%x-%x-%t", &used, &last, &f.checks, &f.grows)
	if err != nil || n != 4 || f.checks < 0 {
		return facts{}, errors.New("facts are not what Rewrite writes")
	}
	f.used, f.lasting = feature(used), lasting(last)
	if f.text() != t {
		return facts{}, errors.New("facts are not what Rewrite writes")
	}
	return f, nil
}

// skeletonSection is the custom section that says whose skeleton it is.
const skeletonSection = "vitrine.skeleton"

// Skeleton gives the result that Rewrite with the same module and options gives, but for Wasm: there every function body
// is a single trap. It reads no code, given facts that Rewrite has found. An engine that takes machine code from
// elsewhere needs no more. id keeps skeletons of modules apart that differ in their code alone.
func Skeleton(wasm []byte, o Options, known Facts, id []byte) (*Result, error) {
	f, err := known.parse()
	if err != nil {
		return nil, err
	}
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	m.used |= f.used
	m.lasting |= f.lasting
	w := &writer{m: m, o: o, start: -1, res: &Result{Checks: f.checks}, grows: f.grows, checks: f.checks > 0 || f.grows, hollow: true}
	if err := w.run(len(wasm)); err != nil {
		return nil, err
	}
	var s strings.Builder
	s.WriteString(string(known))
	s.WriteByte(0)
	s.Write(id)
	w.res.Wasm = appendSection(w.res.Wasm, 0, append(appendName(nil, skeletonSection), s.String()...))
	return w.res, nil
}

// hollowBody has no locals and traps.
var hollowBody = []byte{0, opUnreachable, opEnd}
