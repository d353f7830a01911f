package corewasm

import (
	"errors"
	"fmt"
	"strings"
)

// Version changes when Rewrite writes other code for the same module: machine code compiled from the output of one version
// must not be used with a skeleton of another.
const Version = 10

// Facts are what Rewrite has found in a module's code, as text without dots and path separators.
type Facts string

type facts struct {
	used         feature
	unresettable unresettable
	checks       int
	grows        bool
}

func (f facts) text() Facts {
	return Facts(fmt.Sprintf("%x-%x-%x-%t", uint32(f.used), uint8(f.unresettable), f.checks, f.grows))
}

func (t Facts) parse() (f facts, err error) {
	var used uint32
	var last uint8
	n, err := fmt.Sscanf(string(t), "%x-%x-%x-%t", &used, &last, &f.checks, &f.grows)
	if err != nil || n != 4 || f.checks < 0 {
		return facts{}, errors.New("facts are not what Rewrite writes")
	}
	f.used, f.unresettable = feature(used), unresettable(last)
	if f.text() != t {
		return facts{}, errors.New("facts are not what Rewrite writes")
	}
	return f, nil
}

// skeletonSection is the custom section that identifies the module.
const skeletonSection = "vitrine.skeleton"

// Skeleton returns the result of Rewrite for the same module and options, except that in Wasm every function body is a
// single trap. It reads no code but takes the facts that Rewrite has found: enough for an engine that takes the machine
// code from a cache. id distinguishes the skeletons of modules that differ in their code alone.
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
	m.unresettable |= f.unresettable
	w := &writer{m: m, o: o, start: -1, res: &Result{Checks: f.checks}, grows: f.grows, checks: f.checks > 0 || f.grows, skeleton: true}
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

// trapBody is a function body without locals that traps.
var trapBody = []byte{0, opUnreachable, opEnd}
