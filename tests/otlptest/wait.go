package otlptest

import "strings"

// IsWait says whether a span of this name is there, at the default detail, because a call has waited for longer than a millisecond: how many there
// are says something of the machine, too.
func IsWait(name string) bool {
	return strings.HasPrefix(name, "wasi:io/") || strings.HasPrefix(name, "wasi:clocks/") && strings.Contains(name, "#wait-")
}
