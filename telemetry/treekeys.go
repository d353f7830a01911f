package telemetry

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/tree"
)

// treeKeys are the attributes that trees of text show.
func treeKeys() tree.Keys {
	return tree.Keys{
		Guest: keyGuestTime, Host: keyHostTime, Wait: keyWaitTime,
		Status: semconv.HTTPResponseStatusCodeKey, URL: semconv.URLFullKey,
		ErrorType: semconv.ErrorTypeKey, Blame: keyBlame, Outcome: keyOutcome, ResultError: keyResultError,
	}
}
