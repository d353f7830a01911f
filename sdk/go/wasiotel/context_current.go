//go:build wasiotel_current

package wasiotel

import "github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"

func hostSpanContext() bindings.SpanContext { return bindings.TracingCurrentSpanContext() }
