package core

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// coreModules finds the core modules in a component's bytes: sections 1, in nested components (sections 4) too.
func coreModules(b []byte) [][]byte {
	if len(b) < 8 || !bytes.Equal(b[:4], []byte("\x00asm")) {
		return nil
	}
	if b[6] == 0 {
		return [][]byte{b}
	}
	var found [][]byte
	for b = b[8:]; len(b) > 1; {
		size, n := binary.Uvarint(b[1:])
		if n <= 0 || uint64(len(b)-1-n) < size {
			return found
		}
		content := b[1+n : 1+n+int(size)]
		if b[0] == 1 || b[0] == 4 {
			found = append(found, coreModules(content)...)
		}
		b = b[1+n+int(size):]
	}
	return found
}

// corpus gives every core module of the prebuilt components, by a name.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	seen := map[string]bool{}
	modules := map[string][]byte{}
	for _, name := range testref.Guests(t) {
		for i, m := range coreModules(testref.Guest(t, name)) {
			if !seen[string(m)] {
				seen[string(m)] = true
				modules[name+"/"+string(rune('0'+i))] = m
			}
		}
	}
	return modules
}

// TestCorpusIsValid says that what the rewriter writes is valid, for every module that real tool chains made. The large
// ones are left to the interpreter, which validates the same and is done sooner.
func TestCorpusIsValid(t *testing.T) {
	compiler, interpreter := newWorld(t, Config{}), newWorld(t, Config{interpreter: true})
	for name, wasm := range corpus(t) {
		w := compiler
		if len(wasm) > 32<<10 {
			w = interpreter
		}
		m, _, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slotsFor(t, wasm)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(wasm) <= 32<<10 {
			if err := w.e.Validate(w.ctx, wasm); err != nil {
				t.Errorf("%s: validate: %v", name, err)
			}
		}
		if len(wasm) > 1<<19 {
			t.Logf("%s: %d functions, %d bytes of code, %d checks, features %v", name, m.info.Functions, m.info.CodeSize,
				m.rewrite.Checks, m.info.Features)
		}
	}
}
