package build

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Missing says that a build's program, or another thing that a toolchain is made of, is not there.
type Missing struct {
	Program string
	// What is said of a thing that is no program; empty for a program.
	What string
	// From is what it is a part of and where that is from; empty for a program that is not known.
	From string
}

// Error says what is missing.
func (m *Missing) Error() string {
	if m.What != "" {
		return "there is no " + m.What
	}
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

// thing is a part of a toolchain that is no program.
type thing struct {
	what, from string
	here       func() bool
}

// The things that builds of components need.
const (
	RustTarget = "wasm32-wasip2"
	WASILibc   = "wasi-libc"
)

var things = map[string]thing{
	RustTarget: {"target wasm32-wasip2 of Rust", "it by: rustup target add wasm32-wasip2", func() bool {
		out, err := exec.Command("rustc", "--print", "target-libdir", "--target", RustTarget).Output()
		found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "libstd-*.rlib"))
		return err != nil || len(found) > 0 // what rustc does not say, its build does
	}},
	WASILibc: {"C library for WASI", "it: the packages wasi-libc and libclang-rt-dev-wasm32 of Debian and Ubuntu; or the WASI SDK from https://github.com/WebAssembly/wasi-sdk, whose clang the build names then", func() bool {
		_, err := os.Stat("/usr/lib/wasm32-wasi/libc.a")
		return err == nil
	}},
}

// Lacks says what is missing of a program, or of one of the things that the constants name; nil: it is there.
func Lacks(name string) *Missing {
	if t, ok := things[name]; ok {
		if t.here() {
			return nil
		}
		return &Missing{Program: name, What: t.what, From: t.from}
	}
	if _, err := exec.LookPath(name); err == nil || name == self {
		return nil
	}
	return missing(name)
}

// Needs are the program of a command and what it is known to need besides, as Lacks has it.
func Needs(command []string) []string {
	needs := command[:1:1]
	has := func(part string) bool {
		return slices.ContainsFunc(command, func(arg string) bool { return strings.Contains(arg, part) })
	}
	switch strings.TrimSuffix(filepath.Base(command[0]), ".exe") {
	case "cargo", "rustc":
		if has(RustTarget) {
			needs = append(needs, RustTarget)
		}
	case "clang", "clang++":
		if command[0] == "clang" && has("wasm32-wasi") && has("--sysroot=/usr") {
			needs = append(needs, "wasm-ld", WASILibc)
		}
	case "npm", "npx":
		needs = append(needs, "node")
	}
	return needs
}

func missing(program string) *Missing {
	return &Missing{Program: program, From: sources[strings.TrimSuffix(filepath.Base(program), ".exe")]}
}
