package core

import (
	"slices"
	"strings"
	"testing"
)

func TestSymbol(t *testing.T) {
	for name, want := range map[string]string{
		"_ZN4shop5price5quote17h0123456789abcdefE":  "shop::price::quote",
		"_RNvNtCs1234_7mycrate3foo3bar":             "mycrate::foo::bar",
		"_RNvXCsi1_4shopNtB2_4CartNtB2_4Sums5total": "<shop::Cart as shop::Sums>::total",
		"_ZN4shop5totalERKSt6vectorIiSaIiEE":        "shop::total",
		"_ZNSt6vectorIiSaIiEE9push_backEOi":         "std::vector<int, std::allocator<int> >::push_back",
		"main.handle":                               "main.handle",
		"_start":                                    "_start",
		"_ZN":                                       "_ZN",
		"_R":                                        "_R",
		"_Z" + strings.Repeat("P", 900) + "i":       "_Z" + strings.Repeat("P", 900) + "i",
		"_ZN" + strings.Repeat("4shop", 1000) + "E": "_ZN" + strings.Repeat("4shop", 1000) + "E",
		"": "",
		"wasi:http/incoming-handler@0.2.0#handle":                         "wasi:http/incoming-handler@0.2.0#handle",
		"_ZN4core9panicking5panic17h0123456789abcdefE.llvm.1234567890123": "core::panicking::panic",
	} {
		if got := symbol(name); got != want && !(strings.Contains(want, "PPP") && len(got) < 1<<13) {
			t.Errorf("%.60s: %.200s, want %.200s", name, got, want)
		}
	}
}

func TestAuthorsFrames(t *testing.T) {
	for _, c := range []struct{ frames, want []string }{
		{[]string{"std::sys::pal::wasi::helpers::abort_internal", "std::process::abort", "__rust_start_panic", "rust_panic", "std::panicking::rust_panic_with_hook",
			"std::panicking::begin_panic_handler::{closure#0}", "rust_begin_unwind", "core::panicking::panic_fmt", "core::result::unwrap_failed", "shop::total", "handle"}, []string{"shop::total", "handle"}},
		{[]string{"shop::total", "core::panicking::panic"}, []string{"shop::total", "core::panicking::panic"}},
		{[]string{"abort"}, []string{"abort"}},
		{nil, nil},
		{[]string{"runtime.abort", "runtime.fatalpanic", "runtime.gopanic", "main.total"}, []string{"main.total"}},
	} {
		var in []frame
		for _, name := range c.frames {
			in = append(in, frame{name: name})
		}
		var got []string
		for _, f := range authors(in) {
			got = append(got, f.name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.frames, got, c.want)
		}
	}
}

// What a guest calls its functions does not harm the host.
func FuzzSymbol(f *testing.F) {
	for _, s := range []string{"_ZN4shop5price5quote17h0123456789abcdefE", "_RNvNtCs1234_7mycrate3foo3bar", "_ZNSt6vectorIiSaIiEE9push_backEOi", "_ZT1_S0_S1_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if out := symbol(s); len(out) > 1<<13 && len(out) > len(s) {
			t.Errorf("%d bytes of %d", len(out), len(s))
		}
	})
}
