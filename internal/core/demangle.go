package core

import (
	"slices"
	"strings"

	"github.com/ianlancetaylor/demangle"
)

// maxSymbol bounds a name that is demangled, in bytes, and its result to four times that; longer ones stay as they are.
const maxSymbol = 1 << 10

// symbol is a function's name as its author wrote it: Rust's (v0 and legacy) and C++'s names in the module are mangled. Names of other
// languages, and what only looks mangled, stay as they are.
func symbol(name string) (out string) {
	if len(name) > maxSymbol || !strings.HasPrefix(name, "_") {
		return name
	}
	defer func() {
		if recover() != nil { // a guest chooses the name
			out = name
		}
	}()
	out, err := demangle.ToString(name, demangle.NoParams, demangle.NoClones, demangle.MaxLength(12))
	if err != nil || out == "" {
		return name
	}
	return out
}

// panicMachinery are beginnings of names of functions that languages run between a failure in their code and the trap.
var panicMachinery = []string{
	"rust_begin_unwind", "rust_panic", "__rust_start_panic", "__rust_abort", "__rustc::", "panic_abort::", "core::panicking::", "std::panicking::",
	"std::sys::backtrace::__rust_end_short_backtrace", "std::process::abort", "std::rt::", "core::option::unwrap_failed", "core::option::expect_failed",
	"core::result::unwrap_failed", "core::slice::index::slice_", "core::cell::panic_already", "std::alloc::rust_oom", "alloc::alloc::handle_alloc_error",
	"abort", "__assert_fail", "__cxa_", "__abort", "std::terminate", "std::__terminate", "_Exit", "runtime.abort", "runtime.fatalpanic", "runtime.throw",
	"runtime.gopanic", "runtime.panic", "runtime.goPanic", "runtime.exit", "runtime.dopanic", "runtime.crash",
}

// authors drops the innermost frames that are such machinery, if others are left: what comes then is where the author has to look.
func authors(frames []frame) []frame {
	first := slices.IndexFunc(frames, func(f frame) bool {
		return !slices.ContainsFunc(panicMachinery, func(p string) bool { return strings.HasPrefix(f.name, p) }) && !isSystemAbort(f.name)
	})
	if first <= 0 {
		return frames
	}
	return frames[first:]
}

// isSystemAbort recognises std::sys::…::abort_internal of Rust's targets.
func isSystemAbort(f string) bool {
	return strings.HasPrefix(f, "std::sys::") && strings.HasSuffix(f, "abort_internal")
}
