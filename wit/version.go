package wit

import (
	"slices"
	"strconv"
	"strings"
)

// Compatible says whether an import that asks for version want may be served by an implementation of version have.
//
// The rule is the Component Model's "canonical interface name" (Explain.md §import and export definitions): release
// versions meet on their leftmost non-zero number, so 0.2.0 links to 0.2.12 and 1.4.0 to 1.2.0, whichever of the two is
// newer; the functions and types that are asked for still have to exist and to match. Pre-releases, build metadata and
// versions that are no semver match exactly and nothing else. An absent version matches only an absent one.
func Compatible(want, have string) bool {
	if want == have {
		return true
	}
	w, ok1 := track(want)
	h, ok2 := track(have)
	return ok1 && ok2 && w == h
}

// numbers reads a release version.
func numbers(v string) (n [3]uint64, ok bool) {
	parts := strings.Split(v, ".")
	if len(parts) != 3 {
		return n, false
	}
	for i, p := range parts {
		u, err := strconv.ParseUint(p, 10, 32)
		if err != nil || len(p) > 1 && p[0] == '0' {
			return n, false
		}
		n[i] = u
	}
	return n, true
}

// track is the part of a release version that compatible versions share: "1", "0.2" or "0.0.3".
func track(v string) (string, bool) {
	if strings.ContainsAny(v, "-+") {
		return "", false
	}
	n, ok := numbers(v)
	if !ok {
		return "", false
	}
	switch {
	case n[0] != 0:
		return strconv.FormatUint(n[0], 10), true
	case n[1] != 0:
		return "0." + strconv.FormatUint(n[1], 10), true
	default:
		return v, true
	}
}

// CompareVersions orders release versions by number; anything else comes before them, in text order.
func CompareVersions(a, b string) int {
	x, ok1 := numbers(a)
	y, ok2 := numbers(b)
	switch {
	case ok1 && ok2:
		return slices.Compare(x[:], y[:])
	case ok1:
		return 1
	case ok2:
		return -1
	}
	return strings.Compare(a, b)
}
