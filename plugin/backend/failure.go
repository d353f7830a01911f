package backend

import (
	"context"
	"errors"

	"github.com/vitrine-wasm/vitrine/cm"
)

// FailedText is what guests are told of errors that their interface has no word for.
const FailedText = "the backend failed"

// Failure says what becomes of an error of a backend: the text that the guest is told, and the cause for whoever watches the
// call ([cm.FailFor]). Backends' own texts are for operators alone: the guest gets that of the first of known that err wraps, that
// of a limit, or [FailedText].
//
// ok is false where it is no error of a backend, and to be returned as it is: ctx has ended, and the guest with it.
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
