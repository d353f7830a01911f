package workload

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// redacted cuts a bad value for an error, and hides the parts before an @ and after a ?, which may be a password.
func redacted(s string) string {
	if head, _, ok := strings.Cut(s, "?"); ok {
		s = head + "?…"
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		scheme, _, ok := strings.Cut(s[:i], "://")
		if ok {
			scheme += "://"
		} else {
			scheme = ""
		}
		s = scheme + "…" + s[i:]
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return s
}

// units are the suffixes of a size, longest first so that "MiB" is not read as "B".
var units = []struct {
	suffix string
	bytes  uint64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
	{"B", 1},
}

// ParseSize parses a positive number of bytes: "64Mi" and "64MiB" are binary, "64M" and "64MB" decimal, "67108864" is bytes.
func ParseSize(s string) (uint64, error) {
	digits, unit := s, uint64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			digits, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q: the size is too large", redacted(s))
	case err != nil:
		return 0, fmt.Errorf("%q: want a size such as 64Mi, 64MiB, 500k or 67108864", redacted(s))
	case n == 0:
		return 0, fmt.Errorf("%q: a size must be larger than 0", redacted(s))
	}
	hi, lo := bits.Mul64(n, unit)
	if hi != 0 {
		return 0, fmt.Errorf("%q: the size is too large", redacted(s))
	}
	return lo, nil
}

// FormatSize returns a size in the form that ParseSize parses, in the largest binary unit that divides it.
func FormatSize(n uint64) string {
	for _, u := range []struct {
		suffix string
		bytes  uint64
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatUint(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatUint(n, 10)
}

// counts are the suffixes of a count.
var counts = []struct {
	suffix string
	factor uint64
}{{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}}

// ParseCount parses a positive whole number: "100000", "500k", "2M", "100G", "1T".
func ParseCount(s string) (uint64, error) {
	digits, factor := s, uint64(1)
	for _, c := range counts {
		if rest, ok := strings.CutSuffix(s, c.suffix); ok {
			digits, factor = rest, c.factor
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	hi, lo := bits.Mul64(n, factor)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && (hi != 0 || lo > math.MaxInt64):
		return 0, fmt.Errorf("%q: the number is too large", redacted(s))
	case err != nil:
		return 0, fmt.Errorf("%q: want a whole number such as 20000, 500k, 2M or 100G", redacted(s))
	case n == 0:
		return 0, fmt.Errorf("%q: the number must be larger than 0", redacted(s))
	}
	return lo, nil
}

// FormatCount returns a count in the form that ParseCount parses, in the largest unit that divides it.
func FormatCount(n uint64) string {
	for i := len(counts) - 1; i >= 0; i-- {
		if c := counts[i]; n >= c.factor && n%c.factor == 0 {
			return strconv.FormatUint(n/c.factor, 10) + c.suffix
		}
	}
	return strconv.FormatUint(n, 10)
}

// ParseDuration parses a positive duration such as "30s", "1m30s" or "250ms".
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q: want a duration such as 30s, 250ms or 1m30s", redacted(s))
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q: a duration must be longer than 0", redacted(s))
	}
	return d, nil
}
