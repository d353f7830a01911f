package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/vitrine-wasm/vitrine/telemetry/internal/tree"
)

// treeKeys are the attributes in printed trees.
func treeKeys() tree.Keys {
	return tree.Keys{
		Guest: keyGuestTime, GuestTotal: keyGuestTotal, Host: keyHostTime, Wait: keyWaitTime,
		Calls: keyCalls, CallsTime: keyCallsTime, CallsLongest: keyCallsLongest, CallsFunctions: keyCallsFuncs,
		Status: semconv.HTTPResponseStatusCodeKey, URL: semconv.URLFullKey, Path: semconv.URLPathKey, Query: semconv.URLQueryKey,
		Facts: []attribute.Key{prefix + keyCache, prefix + "plugin", prefix + "trigger",
			prefix + "connection.peer", prefix + "connection.sent", prefix + "connection.received"},
		ErrorType: semconv.ErrorTypeKey, Blame: keyBlame, Outcome: keyOutcome, ResultError: keyResultError,
	}
}
