package wit

import (
	"cmp"
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

// CompareVersions orders versions as Semantic Versioning 2.0.0 §11 does: by number, a pre-release before its release. What is no
// semantic version comes before all that are. Those that this finds equal, which differ in build metadata say, are in text order.
func CompareVersions(a, b string) int {
	x, pre1, ok1 := semver(a)
	y, pre2, ok2 := semver(b)
	switch {
	case ok1 && !ok2:
		return 1
	case !ok1 && ok2:
		return -1
	case ok1:
		if c := cmp.Or(slices.Compare(x[:], y[:]), comparePre(pre1, pre2)); c != 0 {
			return c
		}
	}
	return strings.Compare(a, b)
}

// semver reads a version: its numbers, and its pre-release.
func semver(v string) (n [3]uint64, pre string, ok bool) {
	v, _, _ = strings.Cut(v, "+")
	v, pre, _ = strings.Cut(v, "-")
	n, ok = numbers(v)
	return n, pre, ok
}

// comparePre orders pre-releases; none comes after all.
func comparePre(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(b), len(a)) // the longer is the earlier: one of them is empty
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		x, err1 := strconv.ParseUint(a, 10, 64)
		y, err2 := strconv.ParseUint(b, 10, 64)
		switch {
		case err1 == nil && err2 == nil:
			return cmp.Compare(x, y)
		case err1 == nil:
			return -1
		case err2 == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
}
