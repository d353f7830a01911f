package wit

import (
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

// track is the part of a release version that compatible versions share: "1", "0.2" or "0.0.3".
func track(v string) (string, bool) {
	if strings.ContainsAny(v, "-+") {
		return "", false
	}
	parts := strings.Split(v, ".")
	if len(parts) != 3 {
		return "", false
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil || (len(p) > 1 && p[0] == '0') {
			return "", false
		}
	}
	switch {
	case parts[0] != "0":
		return parts[0], true
	case parts[1] != "0":
		return "0." + parts[1], true
	default:
		return v, true
	}
}
