package backend

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
)

// FailedText is the guest's text for errors that its interface does not name.
const FailedText = "the backend failed"

// Failure splits a backend's error into the text for the guest and the cause for operators, as [cm.FailFor] takes them. The guest
// never gets a backend's own text, but that of the first of known that err wraps, that of a limit, or [FailedText].
//
// ok is false if ctx has ended. Then cause is err, for the caller to return unchanged.
func Failure(ctx context.Context, err error, known ...error) (text string, cause error, ok bool) {
	if ctx.Err() != nil {
		return "", err, false
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return k.Error(), err, true
		}
	}
	var limit *cm.LimitError
	if errors.As(err, &limit) {
		return limit.Error(), err, true
	}
	return FailedText, &cm.BackendError{Text: FailedText, Err: err}, true
}
