package backend

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/host"
)

// maxDenied bounds the name in a line about it, in bytes.
const maxDenied = 64

// Denied tells the operator that a component has asked for something by a name that no grant has, and what to add. kind is the grants' key in the
// manifest, what a noun with its article: "a bucket". The line has the name, as it would be in the grant.
func Denied(ctx context.Context, b *host.Binding, kind, what, name string) {
	shown := name
	if len(shown) > maxDenied {
		shown = shown[:maxDenied]
		for !utf8.ValidString(shown) && len(shown) > maxDenied-utf8.UTFMax {
			shown = shown[:len(shown)-1]
		}
	}
	b.Lines.Log(ctx, host.LogLine{Stream: host.StreamDenied, Severity: host.SeverityWarn, Text: fmt.Sprintf(
		"%s named %q is not granted; to allow it, add %q to grants.%s of component %s", what, shown, shown, kind, b.Component.Name)})
}
