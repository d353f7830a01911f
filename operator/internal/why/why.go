// Package why makes reasons and messages of conditions of what vitrine says.
package why

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Start is the reason, in a word, why a workload has not started, by what vitrine said; badInput: it has said that its input is bad.
func Start(said string, badInput bool) string {
	lower := strings.ToLower(said)
	switch {
	case containsAny(lower, "the artifact is refused", "the component is refused", "the artifact is damaged"):
		return "ArtifactRefused"
	case containsAny(lower, "registry", "registries", "push it first"):
		return "ArtifactNotFetched"
	case badInput:
		return "DocumentRefused"
	}
	return "StartFailed"
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

// maxMessage bounds what conditions quote, in bytes.
const maxMessage = 1500

// Cut is a text for a condition.
func Cut(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxMessage {
		return s
	}
	s = s[:maxMessage]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
