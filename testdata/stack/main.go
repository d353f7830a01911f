// A command whose Go code recurses a thousand deep, as regexp does to compile a nested repetition: machine code of Go's
// functions takes a few kilobytes of stack for each level. It says whether the expression matches what it should.
//
//	GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags='-s -w' -o core.wasm .
//	wasm-tools component embed wit core.wasm -o embedded.wasm
//	wasm-tools component new embedded.wasm --adapt wasi_snapshot_preview1=wasi_snapshot_preview1.reactor.wasm -o regexp.wasm
//
// The adapter is that of the crate wasi-preview1-component-adapter-provider. `go generate` does it all with jco.
package main

import (
	"regexp"
	"strings"
	"unsafe"
)

//go:generate ./build.sh

// arena is what the adapter's memory comes from: it asks before there is a heap.
var (
	arena [256 << 10]byte
	used  uintptr
)

//go:wasmexport cabi_realloc
func cabiRealloc(_ unsafe.Pointer, _, align, size uint32) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&arena[0]))
	at := (base + used + uintptr(align) - 1) &^ (uintptr(align) - 1)
	if used = at + uintptr(size) - base; used > uintptr(len(arena)) {
		panic("the arena is used up")
	}
	return unsafe.Pointer(&arena[at-base])
}

//go:wasmexport wasi:cli/run@0.2.6#run
func run() uint32 {
	re := regexp.MustCompile("^x{1,1000}y{1,1000}$")
	for s, want := range map[string]bool{
		strings.Repeat("x", 1000) + strings.Repeat("y", 1000): true,
		strings.Repeat("x", 1001) + "y":                       false,
	} {
		if re.MatchString(s) != want {
			return 1
		}
	}
	return 0
}

func main() {}
