package build

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Missing says that a build's program is not there.
type Missing struct {
	Program string
	// From is what it is a part of and where that is from; empty for a program that is not known.
	From string
}

// Error says what is missing.
func (m *Missing) Error() string {
	if strings.ContainsRune(filepath.ToSlash(m.Program), '/') {
		return fmt.Sprintf("there is no program %s", m.Program)
	}
	return fmt.Sprintf("there is no program %s in PATH", m.Program)
}

// Do says how to get it.
func (m *Missing) Do() string {
	if m.From == "" {
		return "install " + m.Program + ", or name another program in the build's command"
	}
	return "install " + m.From
}

// sources are the programs of toolchains that make components, and where they are from.
var sources = map[string]string{
	"cargo":           "Rust from https://rustup.rs, then: rustup target add wasm32-wasip2",
	"rustc":           "Rust from https://rustup.rs, then: rustup target add wasm32-wasip2",
	"rustup":          "Rust from https://rustup.rs",
	"go":              "Go from https://go.dev/dl",
	"tinygo":          "TinyGo from https://tinygo.org, and wasm-tools: cargo install wasm-tools",
	"wasm-tools":      "it by: cargo install wasm-tools",
	"wit-bindgen":     "it by: cargo install wit-bindgen-cli",
	"wac":             "it by: cargo install wac-cli",
	"node":            "Node.js from https://nodejs.org",
	"npm":             "Node.js from https://nodejs.org",
	"npx":             "Node.js from https://nodejs.org",
	"jco":             "it by: npm install -g @bytecodealliance/jco",
	"componentize-py": "it by: pip install componentize-py",
	"python3":         "Python from https://www.python.org",
	"pip":             "Python from https://www.python.org",
	"clang":           "LLVM: the package clang of your system, or the WASI SDK",
	"wasm-ld":         "LLVM: the package lld of your system, or the WASI SDK",
	"cc":              "a C compiler: the package clang or gcc of your system",
	"make":            "it: the package make of your system",
	"cmake":           "it: the package cmake of your system",
	"just":            "it by: cargo install just",
	"zig":             "Zig from https://ziglang.org",
	"dotnet":          ".NET from https://dotnet.microsoft.com",
	"sh":              "a shell: on Windows that of Git, from https://gitforwindows.org",
	"bash":            "it: the package bash of your system",
}

// HowToGet says how to get a program.
func HowToGet(program string) string { return missing(program).Do() }

func missing(program string) *Missing {
	return &Missing{Program: program, From: sources[strings.TrimSuffix(filepath.Base(program), ".exe")]}
}
