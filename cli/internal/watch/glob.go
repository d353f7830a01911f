package watch

import (
	"path"
	"strings"
)

// match says whether a pattern covers a path, both with slashes and from the same folder. * and ? stand for characters of one segment, ** for
// any number of segments; a pattern of a folder covers all that is in it.
func match(pattern, name string) bool {
	return matchSegments(strings.Split(strings.TrimPrefix(strings.Trim(pattern, "/"), "./"), "/"), strings.Split(name, "/"))
}

// maxStars bounds the segments ** of a pattern, each of which may be tried at every place of a path.
const maxStars = 4

func matchSegments(pattern, name []string) bool {
	stars := 0
	for _, s := range pattern {
		if s == "**" {
			stars++
		}
	}
	return stars <= maxStars && segments(pattern, name)
}

func segments(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			if len(pattern) == 1 {
				return true
			}
			for i := range len(name) + 1 {
				if segments(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return true // what is left of name is in the folder
}
